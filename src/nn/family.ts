/** What a family of networks is to the registry. A new family is one file and one registry line. */

import type { StateDict } from "../formats/host_tensor.ts";
import type { Architecture } from "./architecture.ts";

/** Networks of one kind, of many sizes. */
export interface Family {
  /** The form of its names, for example `wrn-DEPTH-WIDTH`. */
  readonly pattern: string;
  /** One of its names. */
  readonly example: string;
  /** What {@linkcode Family.match} looks for, for messages. */
  readonly expected: string;
  /**
   * The architecture of a name; undefined where it is not of the family's form.
   *
   * @throws {UsageError} for a name of the form whose numbers are impossible.
   */
  named(name: string, classes: number): Architecture | undefined;
  /** Number of classes of a state that may be one of the family's, by its last layer alone. */
  classes(state: StateDict): number | undefined;
  /**
   * All architectures whose state this may be, the usual one first: names and shapes can leave
   * several. Empty where the state is none of the family's.
   *
   * @param source Where the state came from, for messages.
   * @throws {ModelError} where names are the family's and shapes are not.
   */
  match(state: StateDict, source: string): readonly Architecture[];
}
