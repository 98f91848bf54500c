/** Where networks look: attention maps over images, without and with the trigger. */

import { attentionPicture } from "./attention_picture.ts";
import { html } from "./html.ts";
import type { MeasuredNetwork, Measurement, NetworkOutput } from "./measurement.ts";
import {
  embedded,
  enlarged,
  enlargement,
  imageOf,
  type Picture,
  picture,
  strip,
} from "./picture.ts";
import { className, type IllustratedSection } from "./report_input.ts";
import { table } from "./table.ts";

/** A sample, clean or triggered, and what each network makes of it. */
interface Row {
  readonly label: string;
  readonly kind: "clean" | "triggered";
  /** Number of the image in the test set. */
  readonly record: number;
  readonly input: Picture;
  readonly looks: readonly {
    readonly network: string;
    readonly prediction: string;
    /** Side by side, one map a tap. */
    readonly maps: Picture;
  }[];
}

/** Attention of every measured network; `undefined` where nothing was measured. */
export function attentionSection(
  measurement: Measurement,
  classNames: readonly string[],
): IllustratedSection | undefined {
  const { networks, samples, triggered } = measurement;
  const taps = networks[0]?.clean.attention.length;
  if (!taps) return undefined;
  const rows = samples.flatMap((_, sample) => [
    rowOf(measurement, sample, "clean", classNames),
    ...triggered ? [rowOf(measurement, sample, "triggered", classNames)] : [],
  ]);
  return {
    title: "Attention",
    body: [
      html`
        <p>
          Where each model looks, after its ${taps} groups of layers from left to right: the
          brighter, the larger the activations, each map relative to its own maximum. The images are
          the first of their class among those measured, not chosen by what they show.
        </p>
      `,
      table({
        caption: triggered
          ? "Attention maps on the same images without and with the trigger"
          : "Attention maps on clean test images",
        style: "pictures",
        head: ["Image", "input", ...networks.map(({ name }) => name)],
        rows: rows.map(({ label, kind, record, input, looks }) => [
          html`${label}<br />${kind}`,
          embedded(input, `Test image ${record} of ${label}, ${kind}`),
          ...looks.map(({ network, prediction, maps }) => {
            const alt =
              `Attention of the ${network} model in groups 1 to ${taps} on this ${kind} ` +
              `image of ${label}, which it takes for ${prediction}`;
            return html`${embedded(maps, alt)}<p>predicts ${prediction}</p>`;
          }),
        ]),
      }),
    ],
    pictures: rows.flatMap(({ input, looks }) => [input, ...looks.map(({ maps }) => maps)]),
  };
}

function rowOf(
  { networks, samples, records, clean, triggered }: Measurement,
  sample: number,
  kind: "clean" | "triggered",
  classNames: readonly string[],
): Row {
  const place = samples[sample]!;
  const image = imageOf(kind === "clean" ? clean : triggered!, place);
  const large = enlarged(image, enlargement(image));
  const outputOf = (network: MeasuredNetwork): NetworkOutput =>
    kind === "clean" ? network.clean : network.triggered!;
  const name = `attention-${sample + 1}-${kind}`;
  return {
    label: className(clean.labels[place]!, classNames),
    kind,
    record: records[place]!,
    input: picture(name, large),
    looks: networks.map((network) => {
      const { attention, predictions } = outputOf(network);
      const tiles = attention.map((tap) => attentionPicture(large, tap.maps[sample]!, tap));
      return {
        network: network.name,
        prediction: className(predictions[place]!, classNames),
        maps: picture(`${name}-${network.name}`, strip(tiles)),
      };
    }),
  };
}
