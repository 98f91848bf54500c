/** No defence: the base line of a table, and the way to measure a clean network beside cleaned ones. */

import type { Defense } from "./defense.ts";

/** Leaves the network as it is. */
export const none: Defense = {
  name: "none",
  description: "leaves the network as it is, to be measured beside others",
  trains: false,
  run: ({ load, student }) => Promise.resolve(load(student)),
};
