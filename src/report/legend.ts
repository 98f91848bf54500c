/** Which colour and stroke is which series. */

import { type Html, html } from "./html.ts";

/** A list of names, each with a sample of its line or bar; the first is series 1. */
export function legend(names: readonly string[], shape: "line" | "bar"): Html {
  const entries = names.map((name, i) => {
    const sample = shape === "line"
      ? html`<path class="line series${i + 1}" d="M1 6H31" />`
      : html`<rect class="bar series${i + 1}" x="8" width="16" height="12" />`;
    return html`<li><svg viewBox="0 0 32 12" aria-hidden="true">${sample}</svg>${name}</li>`;
  });
  return html`<ul class="legend">${entries}</ul>`;
}
