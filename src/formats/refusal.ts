/** How every reader of this folder words a refusal: what was attempted, found and expected. */

import { FormatError } from "../errors.ts";
import { shown } from "../text/quoted.ts";

/** Makes the error for one fault of one file; the caller throws it. */
export type Refuse = (found: string, expected: string) => FormatError;

/** A {@linkcode Refuse} for the file `source`; `kind` names its format, such as "PyTorch file". */
export function refusal(kind: string, source: string): Refuse {
  return (found, expected) =>
    new FormatError(`cannot read ${kind} ${shown(source)}: found ${found}, expected ${expected}`);
}
