/** How to get the same run and the same report again. */

import { type Html, html } from "./html.ts";
import type { Command, IllustratedSection } from "./report_input.ts";

/**
 * The commands, each with what it does.
 *
 * @param seed Of everything random, where the run has one.
 */
export function reproduceSection(
  commands: readonly Command[],
  seed: number | undefined,
): IllustratedSection {
  const random = seed === undefined ? undefined : `Everything random comes from seed ${seed}. `;
  return {
    title: "Reproduce",
    body: html`
      ${commands.map(commandMarkup)}
      <p class="quiet">
        ${random}On one adapter and driver the same command gives the same bits; on another one,
        slightly different ones.
      </p>
    `,
  };
}

function commandMarkup({ purpose, line }: Command): Html {
  return html`
    <p>${purpose}</p>
    <pre tabindex="0"><code>${line}</code></pre>
  `;
}
