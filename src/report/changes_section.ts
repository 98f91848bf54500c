/** Which images a defence has another class predicted for. */

import { countsForAttack, type Target, targetOf } from "../data/target.ts";
import type { ImageSet } from "../data/image_set.ts";
import { type Html, html } from "./html.ts";
import type { MeasuredNetwork, Measurement } from "./measurement.ts";
import { count, percent } from "./number_text.ts";
import { embedded, enlarged, enlargement, imageOf, type Picture, picture } from "./picture.ts";
import { className, type IllustratedSection } from "./report_input.ts";
import { table } from "./table.ts";

/** Most examples of a kind. */
const EXAMPLES = 8;

/** An image whose prediction is compared. */
interface Change {
  /** In the measured images. */
  readonly place: number;
  readonly label: number;
  readonly before: number;
  readonly after: number;
}

const becameRight = ({ label, before, after }: Change) => before !== label && after === label;
const becameWrong = ({ label, before, after }: Change) => before === label && after !== label;

/** Every image is of exactly one of these kinds. */
const KINDS: readonly (readonly [name: string, holds: (change: Change) => boolean])[] = [
  ["right before and after", ({ label, before, after }) => before === label && after === label],
  ["became right", becameRight],
  ["became wrong", becameWrong],
  [
    "wrong, another class now",
    ({ label, before, after }) => before !== label && after !== label && before !== after,
  ],
  ["wrong, the same class", ({ label, before, after }) => before !== label && after === before],
];

/** Examples of one kind. */
interface Examples {
  readonly title: string;
  /** Begins the names of the pictures. */
  readonly slug: string;
  readonly images: ImageSet;
  readonly changes: readonly Change[];
}

/** Compares two of the measured networks. */
export function changesSection(
  { clean, triggered, backdoor, records }: Measurement,
  before: MeasuredNetwork,
  after: MeasuredNetwork,
  classNames: readonly string[],
): IllustratedSection {
  const changes = changesOf(clean, before.clean.predictions, after.clean.predictions);
  const { classes } = before;
  const attacked = backdoor && before.triggered && after.triggered
    ? changesOf(clean, before.triggered.predictions, after.triggered.predictions)
      .filter(({ label }) => countsForAttack(backdoor.target, label, classes))
    : undefined;
  const shown = [
    ...cleanExamples(clean, changes),
    ...triggered && attacked && backdoor
      ? triggeredExamples(triggered, attacked, backdoor.target, classes)
      : [],
  ].map((examples) => drawExamples(examples, records, classNames));
  return {
    title: "Changed predictions",
    body: html`
      ${countsTable(changes, attacked)}
      <p class="quiet">Under each image stand its class, and the predictions before and after.</p>
      ${shown.map(({ markup }) => markup)}
    `,
    pictures: shown.flatMap(({ pictures }) => pictures),
  };
}

function changesOf({ labels }: ImageSet, before: Uint16Array, after: Uint16Array): Change[] {
  return Array.from(
    labels,
    (label, place) => ({ place, label, before: before[place]!, after: after[place]! }),
  );
}

function countsTable(clean: readonly Change[], attacked: readonly Change[] | undefined): Html {
  const columns = attacked ? [clean, attacked] : [clean];
  const triggered = attacked
    ? `, and on the ${count(attacked.length)} of them outside the target class with the trigger on`
    : "";
  return table({
    caption: `Predictions before and after on ${count(clean.length)} clean test images${triggered}`,
    style: "numbers",
    head: [
      "Prediction",
      "clean",
      "clean, share",
      ...attacked ? ["triggered", "triggered, share"] : [],
    ],
    rows: KINDS.map(([name, holds]) => [
      name,
      ...columns.flatMap((changes) => {
        const some = changes.filter(holds).length;
        return [count(some), percent(changes.length === 0 ? 0 : some / changes.length)];
      }),
    ]),
  });
}

function cleanExamples(images: ImageSet, changes: readonly Change[]): Examples[] {
  return [
    {
      title: "Clean images that became wrong",
      slug: "became-wrong",
      images,
      changes: changes.filter(becameWrong),
    },
    {
      title: "Clean images that became right",
      slug: "became-right",
      images,
      changes: changes.filter(becameRight),
    },
  ];
}

function triggeredExamples(
  images: ImageSet,
  changes: readonly Change[],
  target: Target,
  classes: number,
): Examples[] {
  const goal = ({ label }: Change) => targetOf(target, label, classes);
  return [
    {
      title: "Triggered images that no longer go to the target",
      slug: "freed",
      images,
      changes: changes.filter((change) =>
        change.before === goal(change) && change.after !== goal(change)
      ),
    },
    {
      title: "Triggered images that still go there",
      slug: "held",
      images,
      changes: changes.filter((change) => change.after === goal(change)),
    },
  ];
}

function drawExamples(
  { title, slug, images, changes }: Examples,
  records: Uint32Array,
  classNames: readonly string[],
): { markup: Html | undefined; pictures: Picture[] } {
  if (changes.length === 0) return { markup: undefined, pictures: [] };
  const some = changes.slice(0, EXAMPLES);
  const pictures = some.map(({ place }, i) => {
    const image = imageOf(images, place);
    return picture(`${slug}-${i + 1}`, enlarged(image, enlargement(image)));
  });
  const tiles = some.map(({ place, label, before, after }, i) => {
    const [is, was, now] = [label, before, after].map((c) => className(c, classNames));
    return html`
      <li>
        <figure>
          ${embedded(pictures[i]!, `Test image ${records[place]} of ${is}`)}
          <figcaption>${is}<br />${was} → ${now}</figcaption>
        </figure>
      </li>
    `;
  });
  const extent = changes.length > EXAMPLES
    ? `the first ${EXAMPLES} of ${count(changes.length)}`
    : "all";
  return {
    markup: html`
      <h3>${title}, ${extent}</h3>
      <ul class="tiles">${tiles}</ul>
    `,
    pictures,
  };
}
