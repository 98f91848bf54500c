/** A judgement in plain words, with its evidence and its limits. */

import { type Html, html } from "./html.ts";

/** What was found, and how sure that is. */
export interface Verdict {
  /** What it means for whoever wants to use the model. */
  readonly tone: "good" | "mixed" | "bad" | "neutral";
  /** A few words. */
  readonly headline: string;
  /** One sentence that stands for the rest. */
  readonly summary: string;
  /** Sentences with the numbers behind it. */
  readonly evidence: readonly string[];
  /** Sentences on what the numbers do not show. */
  readonly limits: readonly string[];
}

/** The markup of a verdict. */
export function verdictMarkup({ tone, headline, summary, evidence, limits }: Verdict): Html {
  return html`
    <div class="verdict ${tone}">
      <strong>${headline}</strong>
      <p>${summary}</p>
    </div>
    ${list("Evidence", evidence)}${list("What this cannot tell", limits)}
  `;
}

function list(title: string, sentences: readonly string[]): Html | undefined {
  if (sentences.length === 0) return undefined;
  return html`
    <h3>${title}</h3>
    <ul>${sentences.map((sentence) => html`<li>${sentence}</li>`)}</ul>
  `;
}
