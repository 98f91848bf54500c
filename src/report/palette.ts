/**
 * The colours of a report. Text on both grounds has a contrast of at least 4.5, lines and bars one of
 * at least 3 (WCAG 2.2, 1.4.3 and 1.4.11); a test computes it.
 */

/** Colours by role, as CSS hexadecimal. */
export interface Palette {
  /** Behind everything. */
  readonly page: string;
  /** Behind cards and code. */
  readonly surface: string;
  readonly text: string;
  /** Captions and notes. */
  readonly quiet: string;
  /** Rules between rows. */
  readonly rule: string;
  readonly link: string;
  readonly good: string;
  readonly mixed: string;
  readonly bad: string;
  readonly series1: string;
  readonly series2: string;
  readonly series3: string;
  readonly series4: string;
  /** Fullest ground of a right count in a confusion matrix; text stays readable on it. */
  readonly right: string;
  /** Fullest ground of a wrong one. */
  readonly wrong: string;
}

/** On paper too. */
export const LIGHT: Palette = {
  page: "#fcfbf9",
  surface: "#f4f2ee",
  text: "#1d1c1a",
  quiet: "#5f5b55",
  rule: "#dcd8d0",
  link: "#1b5a9e",
  good: "#1c6b42",
  mixed: "#7d5600",
  bad: "#a3341f",
  series1: "#2767b0",
  series2: "#c2571a",
  series3: "#1f7f5c",
  series4: "#8a4a9e",
  right: "#9cc7ea",
  wrong: "#f2b391",
};

/** Where a dark scheme is preferred. */
export const DARK: Palette = {
  page: "#17181b",
  surface: "#202226",
  text: "#e9e6e1",
  quiet: "#aba69e",
  rule: "#393b40",
  link: "#8ab8ee",
  good: "#74cf9d",
  mixed: "#e3b857",
  bad: "#f5937f",
  series1: "#6fa8e8",
  series2: "#ec9a5f",
  series3: "#62c39b",
  series4: "#c795da",
  right: "#1f4f7d",
  wrong: "#7d3a1e",
};

/** The palette as CSS custom properties, for example `--series1`. */
export function customProperties(palette: Palette): string {
  return Object.entries(palette).map(([role, color]) => `--${role}: ${color};`).join(" ");
}
