/** How to get the same run and the same report again. */

import { html } from "./html.ts";
import type { Command, IllustratedSection } from "./report_input.ts";

/** The commands, each with what it does. */
export function reproduceSection(
  commands: readonly Command[],
  seed: number | undefined,
): IllustratedSection {
  return {
    title: "Reproduce",
    body: html`
      ${commands.map(({ purpose, line }) =>
        html`<p>${purpose}</p>${{ markup: "<pre><code>" }}${line}${{ markup: "</code></pre>" }}`
      )}
      <p class="quiet">
        ${seed === undefined ? undefined : `Everything random comes from seed ${seed}. `}On one
        adapter and driver the same command gives the same bits; on another one, slightly different
        ones.
      </p>
    `,
  };
}
