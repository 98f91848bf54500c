/** Reports in a real browser: Chromium without a window, where it is installed. */

import assert from "node:assert/strict";
import { runReport } from "../../src/report/run_report.ts";
import { CHROMIUM, CHROMIUM_FLAGS, hasChromium } from "../chromium.ts";
import { withTemporaryFolder } from "../data/temporary_folder.ts";
import { html } from "../../src/report/html.ts";
import {
  CLASS_NAMES,
  ERASE_RECORD,
  sampleAudit,
  sampleInput,
  samplePatterns,
  sampleRun,
} from "./sample_run.ts";

const ignore = !hasChromium();

/** Widths of a telephone and of a desktop window, pixels. */
const WIDTHS = [390, 1280];

/** What the browser found in a page at one width. */
interface Found {
  readonly width: number;
  /** How far the page is wider than its window, pixels. */
  readonly overflow: number;
  readonly background: string;
  readonly color: string;
  /** Pictures that did not load. */
  readonly broken: number;
  readonly pictures: number;
  /** What the page loaded from anywhere. */
  readonly loaded: readonly string[];
  /** Elements wider than the window that are in no region that scrolls. */
  readonly wide: readonly string[];
}

/** Looks at each frame and leaves what it found, as JSON, as the text of the wrapper. */
const SCRIPT = `addEventListener("load", () => {
  const found = [...document.querySelectorAll("iframe")].map((frame) => {
    const { contentDocument: page, contentWindow: window } = frame;
    const root = page.documentElement;
    const style = window.getComputedStyle(page.body);
    const images = [...page.images];
    const wide = [...page.body.querySelectorAll("*")].filter((element) =>
      element.getBoundingClientRect().right > root.clientWidth + 1 &&
      !element.closest(".scroll, pre"));
    return {
      width: root.clientWidth,
      overflow: root.scrollWidth - root.clientWidth,
      background: style.backgroundColor,
      color: style.color,
      broken: images.filter((image) => image.naturalWidth === 0).length,
      pictures: images.length,
      loaded: window.performance.getEntriesByType("resource").map(({ name }) => name)
        .filter((name) => !name.startsWith("data:")),
      wide: wide.slice(0, 5).map(({ outerHTML }) => outerHTML.slice(0, 200)),
    };
  });
  document.body.textContent = JSON.stringify(found);
});`;

/** Shows a page in frames of all widths. */
async function look(page: string, scheme: "light" | "dark"): Promise<Found[]> {
  let dom = "";
  await withTemporaryFolder(async (folder) => {
    const frames = WIDTHS.map((width) =>
      html`<iframe srcdoc="${page}" style="width: ${width}px; height: 800px; border: 0"></iframe>`
    );
    const { markup } = html`<!DOCTYPE html><meta charset="utf-8" />${frames}`;
    const wrapper = `${folder}/wrapper.html`;
    await Deno.writeTextFile(wrapper, `${markup}<script>${SCRIPT}</script>`);
    const { stdout } = await new Deno.Command(CHROMIUM, {
      args: [
        ...CHROMIUM_FLAGS,
        "--disable-gpu",
        `--user-data-dir=${folder}/profile`,
        `--blink-settings=preferredColorScheme=${scheme === "dark" ? 0 : 1}`,
        "--window-size=1400,1000",
        "--dump-dom",
        `file://${wrapper}`,
      ],
      stderr: "null",
    }).output();
    dom = new TextDecoder().decode(stdout);
  });
  const text = /<body>([^]*)<\/body>/.exec(dom)?.[1];
  assert.ok(text, `the browser's answer: ${dom.slice(0, 500)}`);
  return JSON.parse(text.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&"));
}

/** An erasure with everything that a report can have, with long names in it. */
function fullReport() {
  const audit = { before: sampleAudit([2]), after: sampleAudit([]) };
  const run = {
    ...sampleRun({
      ...ERASE_RECORD,
      settings: { ...ERASE_RECORD.settings, model: `/models/${"very-long-name-".repeat(12)}.pth` },
      results: { ...ERASE_RECORD.results, audit },
    }),
    patterns: new Map([["audit-before", samplePatterns()]]),
  };
  const classNames = CLASS_NAMES.map((name) => `${name} with quite a long description`);
  return runReport({ ...sampleInput(run), classNames });
}

/** Mean of red, green and blue of a computed colour. */
function lightness(color: string): number {
  const [r = 0, g = 0, b = 0] = color.match(/\d+/g)!.map(Number);
  return (r + g + b) / 3;
}

for (const scheme of ["light", "dark"] as const) {
  Deno.test(
    `a report fits a telephone and a desktop in the ${scheme} scheme`,
    { ignore },
    async () => {
      const { html: page, pictures } = fullReport();
      const found = await look(page, scheme);
      assert.deepEqual(found.map(({ width }) => width), WIDTHS);
      for (const { overflow, wide, broken, pictures: shown, loaded, background, color } of found) {
        assert.deepEqual([overflow, wide], [0, []]);
        assert.deepEqual([broken, shown], [0, pictures.length]);
        assert.deepEqual(loaded, []);
        const dark = lightness(background) < lightness(color);
        assert.equal(dark, scheme === "dark", `${color} on ${background}`);
      }
    },
  );
}
