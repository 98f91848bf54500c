/** Other libraries' times for the same step, from a script that runs them on this machine. */

import { LetheError } from "../errors.ts";
import type { StepResult } from "./measure_steps.ts";

/** Images a second of one library; a kind of run that it lacks is `undefined`. */
export interface Peer {
  readonly train?: number;
  /** Forward pass with the statistics of the batch. */
  readonly forward?: number;
  /** Forward pass with running statistics. */
  readonly evaluate?: number;
}

/** All libraries that the script found, by name. */
export type Peers = Readonly<Record<string, Peer>>;

/** Names of the libraries, by the word that their lines begin with. */
const PEER_NAMES: Readonly<Record<string, string>> = {
  torch: "PyTorch",
  webgpu: "TensorFlow.js",
  "jax-js": "jax-js",
};

const KINDS: Readonly<Record<string, keyof Peer>> = {
  train: "train",
  fwd: "forward",
  "fwd-eval": "evaluate",
};

/** Runs `DIR/run.sh BATCH`. */
export async function runPeers(
  folder: string,
  batchSize: number,
  signal: AbortSignal,
): Promise<Peers> {
  const script = `${folder}/run.sh`;
  const { code, stdout } = await new Deno.Command("sh", {
    args: [script, String(batchSize)],
    stdin: "null",
    stderr: "inherit",
    signal,
  }).output();
  const peers = parsePeers(new TextDecoder().decode(stdout));
  if (Object.keys(peers).length === 0) {
    throw new LetheError(
      `cannot compare with other libraries: ${script} ended with code ${code} and no times`,
    );
  }
  return peers;
}

/** Reads lines such as `jax-js train B 64 3512.1 ms 18 img/s`; all others are left out. */
export function parsePeers(text: string): Peers {
  const peers: Record<string, Peer> = {};
  for (
    const [, word, kind, batch, milliseconds] of text.matchAll(
      /^(\S+) (train|fwd|fwd-eval) B (\d+) ([\d.]+) ms \d+ img\/s$/gm,
    )
  ) {
    const peer = PEER_NAMES[word!] ?? word!;
    const imagesPerSecond = 1000 * Number(batch) / Number(milliseconds);
    peers[peer] = { ...peers[peer], [KINDS[kind!]!]: imagesPerSecond };
  }
  return peers;
}

/** How many times as fast as a library; a share where it is below 1. */
export interface PeerRatio {
  readonly peer: string;
  /** This project's step. */
  readonly step: "train" | "evaluate";
  /** Kind of run of the library that it is compared with. */
  readonly against: keyof Peer;
  readonly ratio: number;
}

/** Training with training; evaluation with evaluation where there is such, else with forward. */
export function peerRatios(
  peers: Peers,
  steps: Readonly<Partial<Record<"train" | "evaluate", Pick<StepResult, "imagesPerSecond">>>>,
): PeerRatio[] {
  return (["train", "evaluate"] as const).flatMap((step) => {
    const own = steps[step]?.imagesPerSecond;
    if (own === undefined) return [];
    return Object.entries(peers).flatMap(([name, peer]) => {
      const against = step === "train" || peer.evaluate !== undefined ? step : "forward";
      const other = peer[against];
      return other === undefined ? [] : [{ peer: name, step, against, ratio: own / other }];
    });
  });
}
