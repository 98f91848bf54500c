import assert from "node:assert/strict";
import type { StateDict } from "../../src/formats/host_tensor.ts";
import { parseCheckpoint } from "../../src/formats/parse_checkpoint.ts";
import type { Architecture } from "../../src/nn/architecture.ts";
import { parameterCount } from "../../src/nn/architecture.ts";
import { inferArchitecture, namedArchitecture } from "../../src/nn/architectures.ts";
import { mobileNetV2, mobileNetV2Of } from "../../src/nn/families/mobilenet_v2.ts";
import { checkState } from "../../src/nn/state.ts";
import { goldens, readGolden } from "./families.ts";
import { checkEvaluation, checkTraining } from "./run_golden.ts";

async function readState(name: string): Promise<StateDict> {
  const file = `${name}.pth`;
  return (await parseCheckpoint(await Deno.readFile(new URL(file, goldens)), file)).tensors;
}

/** The golden MobileNetV2 has other rows than the usual one, so its strides are said. */
function smallMobileNet(state: StateDict): Architecture {
  return mobileNetV2("golden", mobileNetV2Of(state, { stem: 1, blocks: [4, 7, 11] }, 0)!);
}

for (
  const [name, find, expected] of [
    ["resnet18_cifar", inferArchitecture, "resnet-18-cifar:8"],
    ["preact_resnet18", inferArchitecture, "preact-resnet-18:8"],
    ["vgg16_bn_cifar", inferArchitecture, "vgg-16-bn-cifar:8"],
    ["densenet_small", inferArchitecture, "densenet-24-stem1:8"],
    ["mobilenet_v2_cifar", smallMobileNet, "golden"],
  ] as const
) {
  Deno.test({
    name: `The state dict of ${name} is recognised, computes and trains as PyTorch does`,
    ignore: !goldens,
  }, async () => {
    const state = await readState(name);
    const architecture = find(state, name);
    assert.equal(architecture.name, expected);
    checkState(architecture, state, name);
    assert.deepEqual(architecture.entries.map((entry) => entry.name), [...state.keys()]);
    const values = await readGolden(name);
    await checkEvaluation(name, architecture, state, values);
    const { compared } = await checkTraining(name, architecture, state, values);
    const counters = architecture.entries.filter(({ kind }) => kind === "counter").length;
    assert.equal(compared, architecture.entries.length - counters);
  });
}

for (
  const [name, parameters] of [
    // torchvision's and kuangliu's own counts.
    ["resnet-18", 11_689_512],
    ["resnet-50", 25_557_032],
  ] as const
) {
  Deno.test(`${name} for 1,000 classes has ${parameters} parameters`, () => {
    const architecture = namedArchitecture(name, 1000);
    assert.equal(parameterCount(architecture), parameters);
  });
}

for (
  const [name, parameters] of [
    ["resnet-18-cifar", 11_173_962],
    ["preact-resnet-18", 11_171_146],
    ["vgg-16-bn-cifar", 14_728_266],
    ["densenet-121-cifar:32", 6_956_298],
    ["mobilenet-v2-cifar", 2_236_682],
  ] as const
) {
  Deno.test(`${name} for 10 classes has ${parameters} parameters`, () => {
    const architecture = namedArchitecture(name, 10);
    assert.equal(parameterCount(architecture), parameters);
  });
}
