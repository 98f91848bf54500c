/** The process of a sweep's cell: `defend`, which ends when the sweep that started it is gone. */

// First, so that it watches before anything else happens.
import "../../src/sweep/watch_parent.ts";
import { main } from "../main.ts";

await main(["defend", ...Deno.args]);
