/** Looking into JSON that may hold anything. */

/** True of an object that is no list. */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The fields of an object; none of anything else. */
export function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return isObject(value) ? value : {};
}

/** True of a string. */
export function isText(value: unknown): value is string {
  return typeof value === "string";
}

/** True of a number. */
export function isFinite(value: unknown): value is number {
  return Number.isFinite(value);
}
