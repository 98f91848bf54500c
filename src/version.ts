/** The version of this program, as run folders and models record it. */

import configuration from "../deno.json" with { type: "json" };

/** Semantic version, from deno.json. */
export const VERSION: string = configuration.version;
