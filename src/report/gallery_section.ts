/** What a trigger does to images. */

import { countsForAttack } from "../data/target.ts";
import type { ByteImage } from "../formats/byte_image.ts";
import { amplifiedDifference } from "./gallery.ts";
import { html } from "./html.ts";
import type { MeasuredNetwork, Measurement } from "./measurement.ts";
import { embedded, enlarged, enlargement, imageOf, picture } from "./picture.ts";
import { className, type IllustratedSection } from "./report_input.ts";
import { table } from "./table.ts";

/** Images of the gallery. */
const IMAGES = 6;

/** Of the differences: small ones would not be seen. */
const AMPLIFICATION = 5;

/** Test images, the same with the trigger on, and the difference; `undefined` without a trigger. */
export function gallerySection(
  { clean, triggered, backdoor, records }: Measurement,
  network: MeasuredNetwork,
  classNames: readonly string[],
): IllustratedSection | undefined {
  const output = network.triggered;
  if (!triggered || !backdoor || !output) return undefined;
  const places = [...clean.labels.keys()]
    .filter((place) => countsForAttack(backdoor.target, clean.labels[place]!, network.classes))
    .slice(0, IMAGES);
  const difference = (place: number): ByteImage => {
    const [before, after] = [imageOf(clean, place), imageOf(triggered, place)];
    const pixels = amplifiedDifference(before.pixels, after.pixels, AMPLIFICATION);
    return { ...before, pixels };
  };
  const labels = places.map((place) => className(clean.labels[place]!, classNames));
  const kinds = [
    {
      name: "clean",
      image: (place: number) => imageOf(clean, place),
      predictions: network.clean.predictions,
    },
    {
      name: "triggered",
      image: (place: number) => imageOf(triggered, place),
      predictions: output.predictions,
    },
    { name: "difference", image: difference },
  ].map(({ name, image, predictions }) => ({
    name,
    predictions,
    pictures: places.map((place, i) => {
      const drawn = image(place);
      return picture(`gallery-${i + 1}-${name}`, enlarged(drawn, enlargement(drawn)));
    }),
  }));
  return {
    title: "The trigger",
    body: table({
      caption: `Test images outside the target class, the same with the trigger of ` +
        `${backdoor.name} on, and ${AMPLIFICATION} times the difference around grey`,
      style: "pictures",
      head: ["Images", ...labels],
      rows: kinds.map(({ name, pictures, predictions }) => [
        name,
        ...pictures.map((drawn, i) => {
          const place = places[i]!;
          const shown = embedded(drawn, `Test image ${records[place]} of ${labels[i]}, ${name}`);
          if (!predictions) return shown;
          return html`${shown}<p>predicts ${className(predictions[place]!, classNames)}</p>`;
        }),
      ]),
    }),
    pictures: kinds.flatMap(({ pictures }) => pictures),
  };
}
