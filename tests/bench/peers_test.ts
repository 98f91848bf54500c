import assert from "node:assert/strict";
import { parsePeers, peerRatios } from "../../src/bench/peers.ts";

const OUTPUT = `# batch 64, load 0.10 0.20 0.30, cores 2
torch 1.13.1 threads 2 parameters 50 = 175066
torch losses 2.31 2.20 decrease OK
torch train B 64 112.7 ms 568 img/s
torch fwd B 64 38.5 ms 1662 img/s
torch fwd-eval B 64 29.5 ms 2169 img/s
webgpu
vars 47
webgpu train B 64 9142.9 ms 7 img/s
webgpu fwd B 64 1828.6 ms 35 img/s
adapter llvmpipe (LLVM 15.0.6, 256 bits)
jax-js train B 64 3200.0 ms 20 img/s
jax-js fwd B 64 1280.0 ms 50 img/s
`;

Deno.test("parsePeers() takes images a second from the milliseconds, by library and kind", () => {
  const peers = parsePeers(OUTPUT);
  assert.deepEqual(Object.keys(peers), ["PyTorch", "TensorFlow.js", "jax-js"]);
  assert.deepEqual(peers["jax-js"], { train: 20, forward: 50 });
  assert.deepEqual(peers["PyTorch"], {
    train: 64000 / 112.7,
    forward: 64000 / 38.5,
    evaluate: 64000 / 29.5,
  });
  assert.equal(peers["TensorFlow.js"]!.train, 64000 / 9142.9);
});

Deno.test("parsePeers() finds nothing in the output of a script that failed", () => {
  assert.deepEqual(parsePeers("# batch 64\nError: no adapter\n"), {});
});

Deno.test("peerRatios() compares evaluation with evaluation where a library has it", () => {
  const peers = {
    "PyTorch": { train: 500, forward: 1600, evaluate: 2000 },
    "jax-js": { train: 20, forward: 50 },
  };
  const steps = { train: { imagesPerSecond: 200 }, evaluate: { imagesPerSecond: 1000 } };
  assert.deepEqual(peerRatios(peers, steps), [
    { peer: "PyTorch", step: "train", against: "train", ratio: 0.4 },
    { peer: "jax-js", step: "train", against: "train", ratio: 10 },
    { peer: "PyTorch", step: "evaluate", against: "evaluate", ratio: 0.5 },
    { peer: "jax-js", step: "evaluate", against: "forward", ratio: 20 },
  ]);
});

Deno.test("peerRatios() leaves out steps that were not measured and kinds that a library lacks", () => {
  assert.deepEqual(peerRatios({ "jax-js": { train: 20 } }, {}), []);
  assert.deepEqual(
    peerRatios({ "jax-js": { train: 20 } }, { evaluate: { imagesPerSecond: 1000 } }),
    [],
  );
});
