/** The style sheet of a report: system fonts, light and dark, phone and paper. */

import { customProperties, DARK, LIGHT } from "./palette.ts";

const SANS = 'system-ui, -apple-system, "Segoe UI", Roboto, "Liberation Sans", sans-serif';
const SERIF = 'Charter, "Iowan Old Style", "Palatino Linotype", Georgia, "Liberation Serif", serif';
const MONO = 'ui-monospace, "SF Mono", Menlo, Consolas, "Liberation Mono", monospace';

/** Put into the head of every page. */
export const PAGE_STYLE = `
:root { color-scheme: light dark; ${customProperties(LIGHT)} }
@media screen and (prefers-color-scheme: dark) { :root { ${customProperties(DARK)} } }
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; text-size-adjust: 100%; }
body {
  margin: 0 auto; padding: clamp(1.5rem, 5vw, 4rem) clamp(1rem, 4vw, 2.5rem); max-width: 66rem;
  background: var(--page); color: var(--text); font: 1rem/1.6 ${SANS}; overflow-wrap: break-word;
}
h1, h2, h3, .verdict strong { font-family: ${SERIF}; font-weight: 600; line-height: 1.2; text-wrap: balance; }
h1 { font-size: clamp(1.8rem, 5vw, 2.6rem); margin: 0 0 .5rem; letter-spacing: -.01em; }
h2 { font-size: 1.55rem; margin: 0 0 1rem; }
h3 { font-size: 1.15rem; margin: 2rem 0 .5rem; }
p, li { max-width: 44rem; }
p { margin: 0 0 1rem; }
a { color: var(--link); text-underline-offset: .15em; }
a:focus-visible, .scroll:focus-visible, pre:focus-visible, summary:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; }
ul { padding-left: 1.2rem; margin: 0 0 1rem; }
li { margin: .25rem 0; }
.quiet, caption, figcaption, footer { color: var(--quiet); font-size: .9rem; line-height: 1.45; }
nav { margin: 1.5rem 0 0; padding: .75rem 0; border-block: 1px solid var(--rule); font-size: .95rem; }
nav ul { display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; list-style: none; margin: 0; padding: 0; }
nav a { text-decoration: none; }
nav a:hover { text-decoration: underline; }
section { padding-top: 2.75rem; }
footer { margin-top: 3rem; padding-top: 1rem; border-top: 1px solid var(--rule); }

.verdict { margin: 0 0 1.5rem; padding: 1.1rem 1.3rem; background: var(--surface); border-left: 4px solid var(--quiet); border-radius: 0 6px 6px 0; }
.verdict strong { display: block; font-size: 1.45rem; }
.verdict p { margin: .35rem 0 0; }
.good { border-color: var(--good); } .good strong { color: var(--good); }
.mixed { border-color: var(--mixed); } .mixed strong { color: var(--mixed); }
.bad { border-color: var(--bad); } .bad strong { color: var(--bad); }

.scroll { overflow-x: auto; margin: 0 0 1.5rem; }
table { border-collapse: collapse; font-size: .95rem; font-variant-numeric: tabular-nums; }
caption { text-align: left; padding: 0 0 .5rem; position: sticky; left: 0; max-width: min(44rem, calc(100vw - 2rem)); }
th, td { padding: .35rem .75rem .35rem 0; text-align: left; vertical-align: top; border-bottom: 1px solid var(--rule); }
th { font-weight: 600; }
thead th { border-bottom-color: var(--quiet); vertical-align: bottom; }
tbody th { font-weight: 500; }
th:first-child { position: sticky; left: 0; background: var(--page); }
.numbers :is(td, th:not(:first-child)) { text-align: right; padding: .35rem 0 .35rem 1.25rem; white-space: nowrap; }
.settings { font-size: .9rem; }
.settings td { font-family: ${MONO}; font-size: .85rem; overflow-wrap: anywhere; min-width: 12rem; }
.confusion { font-size: .8rem; }
.confusion td { text-align: right; padding: .15rem .3rem; min-width: 2.1rem; border: 1px solid var(--page); background: color-mix(in srgb, var(--full) calc(var(--share) * 100%), var(--surface)); }
.confusion td.right { --full: var(--right); } .confusion td.wrong { --full: var(--wrong); }
.confusion th { padding: .15rem .5rem .15rem 0; border: 0; font-weight: 500; white-space: nowrap; }
.confusion thead th { padding: .15rem .3rem; text-align: right; }
.confusion thead th:first-child { text-align: left; padding-left: 0; }
@media (max-width: 30rem) {
  .confusion { font-size: .68rem; }
  .confusion td, .confusion thead th { min-width: 1.4rem; padding: .15rem .1rem; }
  .numbers tbody th { min-width: 7rem; }
}

figure { margin: 0 0 1.5rem; break-inside: avoid; }
figcaption { margin-top: .4rem; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 25rem), 1fr)); gap: 1.5rem 2rem; }
.charts > figure { margin: 0; max-width: 34rem; }
.charts > div { min-width: 0; }
.chart { display: block; width: 100%; height: auto; }
.chart text { font: 12px ${SANS}; fill: var(--quiet); font-variant-numeric: tabular-nums; paint-order: stroke; stroke: var(--page); stroke-width: 4px; }
.chart .label { fill: var(--text); }
.chart .rule { stroke: var(--rule); } .chart .axis { stroke: var(--quiet); }
.line { fill: none; stroke-width: 2; stroke-linejoin: round; stroke-linecap: round; }
.threshold { stroke: var(--text); stroke-width: 1.5; stroke-dasharray: 4 3; }
${
  [1, 2, 3, 4].map((i) =>
    `.line.series${i} { stroke: var(--series${i}); } :is(.dot, .bar).series${i} { fill: var(--series${i}); }`
  ).join("\n")
}
.line.series2 { stroke-dasharray: 7 4; } .line.series3 { stroke-dasharray: 2 4; } .line.series4 { stroke-dasharray: 9 3 2 3; }
.chart-title { font-weight: 600; margin: 0; }
.legend { display: flex; flex-wrap: wrap; gap: 0 1.1rem; list-style: none; margin: 0 0 .3rem; padding: 0; font-size: .85rem; }
.legend li { display: flex; align-items: center; gap: .4rem; margin: 0; }
.legend svg { width: 1.6rem; height: .6rem; }

img { display: block; max-width: 100%; height: auto; border-radius: 2px; }
.pixels { image-rendering: pixelated; }
.pictures td { padding: .6rem .75rem .6rem 0; }
.pictures td img { height: 4.6rem; width: auto; max-width: none; }
.pictures td p { margin: .25rem 0 0; font-size: .85rem; line-height: 1.35; white-space: nowrap; }
.tiles { display: grid; grid-template-columns: repeat(auto-fill, minmax(8.5rem, 1fr)); gap: 1rem; list-style: none; margin: 0 0 1.5rem; padding: 0; }
.tiles li { margin: 0; font-size: .85rem; line-height: 1.35; }
.tiles figure { margin: 0; }
.tiles img { height: 5.5rem; width: auto; }
.tiles figcaption { font-size: .85rem; }

pre { background: var(--surface); border-radius: 6px; padding: 1rem 1.2rem; overflow-x: auto; font: .85rem/1.55 ${MONO}; margin: 0 0 1rem; }
code { font-family: ${MONO}; font-size: .9em; }
pre code { font-size: inherit; }
details { margin: 0 0 1.5rem; } summary { cursor: pointer; color: var(--link); }
details[open] > summary { margin-bottom: .75rem; }

@media print {
  :root { color-scheme: light; --page: #fff; }
  @page { margin: 16mm 14mm; }
  html { font-size: 9.5pt; }
  body { padding: 0; max-width: none; background: none; }
  nav { display: none; }
  section { padding-top: 1.6rem; }
  h2, h3, caption, .chart-title { break-after: avoid; }
  tr, .tiles li, .verdict, .charts > *, pre { break-inside: avoid; }
  .scroll, pre { overflow: visible; }
  pre { white-space: pre-wrap; overflow-wrap: anywhere; }
  th:first-child { position: static; background: none; }
  .confusion { font-size: .7rem; }
  .confusion td { min-width: 1.6rem; }
  .pictures td img { height: 3.1rem; }
  .verdict, td, pre, .bar { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
`.trim();
