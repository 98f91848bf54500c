/** The frame of a report: one HTML page that loads nothing, runs nothing and reads well anywhere. */

import { VERSION } from "../version.ts";
import { type Content, type Html, html } from "./html.ts";
import { PAGE_STYLE } from "./page_style.ts";

/** A part of a page under a heading of its own. */
export interface Section {
  /** Heading of second level; the contents list it. */
  readonly title: string;
  /** May hold headings of third level. */
  readonly body: Content;
}

/** Whatever a fault in the escaping could let in, a browser refuses to load or run it. */
const POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'";

/**
 * A whole page.
 *
 * @param sections With titles that differ from each other.
 * @param lead What stands under the title, before the contents.
 */
export function page(title: string, sections: readonly Section[], lead?: Content): string {
  const style = { markup: PAGE_STYLE };
  const { markup } = html`
    <!DOCTYPE html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta http-equiv="Content-Security-Policy" content="${POLICY}" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <meta name="generator" content="Lethe ${VERSION}" />
        <title>${title}</title>
        <link rel="icon" href="data:," />
        <style>${style}</style>
      </head>
      <body>
        <header>
          <h1>${title}</h1>
          ${lead}
          <nav aria-label="Contents">
            <ul>${sections.map(contentsEntry)}</ul>
          </nav>
        </header>
        <main>${sections.map(sectionMarkup)}</main>
        <footer>Made by Lethe ${VERSION}.</footer>
      </body>
    </html>
  `;
  return markup.trimStart();
}

function contentsEntry({ title }: Section): Html {
  return html`<li><a href="#${fragment(title)}">${title}</a></li>`;
}

function sectionMarkup({ title, body }: Section): Html {
  return html`
    <section id="${fragment(title)}">
      <h2>${title}</h2>
      ${body}
    </section>
  `;
}

/** For example `changed-predictions`; where a link finds a section. */
function fragment(title: string): string {
  return title.toLowerCase().replace(/[^a-z0-9]+/g, "-");
}
