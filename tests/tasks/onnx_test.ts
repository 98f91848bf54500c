/** ONNX files through the commands: in, cleaned, out, in again. */

import assert from "node:assert/strict";
import { encodePng } from "../../src/formats/png_write.ts";
import { namedTensors, readOnnx } from "../../src/formats/onnx.ts";
import { withTemporaryFolder } from "../data/temporary_folder.ts";
import { attribute, initializer, node, onnxFile, value } from "../formats/onnx_build.ts";
import { normalValues, wholeValues } from "../reference/values.ts";
import { assertRefused, runHere } from "./command.ts";

const SIDE = 32;

const tensor = (name: string, shape: readonly number[], seed: number) =>
  initializer(
    name,
    shape,
    [...normalValues(shape.reduce((a, b) => a * b, 1), seed)].map((each) => each / 4),
  );

/** A convolution with stride 4, ReLU, the mean of each map, three classes and their shares. */
const FILE = onnxFile(
  17,
  value(11, "x", [1, 3, SIDE, SIDE]),
  tensor("conv.weight", [4, 3, 5, 5], 1),
  tensor("conv.bias", [4], 2),
  tensor("fc.weight", [3, 4], 3),
  tensor("fc.bias", [3], 4),
  node("Conv", ["x", "conv.weight", "conv.bias"], ["a"], attribute("strides", [4, 4])),
  node("Relu", ["a"], ["b"]),
  node("GlobalAveragePool", ["b"], ["c"]),
  node("Flatten", ["c"], ["d"]),
  node("Gemm", ["d", "fc.weight", "fc.bias"], ["y"], attribute("transB", 1)),
  node("Softmax", ["y"], ["shares"]),
  value(12, "shares", [1, 3]),
);

/** Three classes of a colour each, with noise. */
async function writePictures(folder: string): Promise<void> {
  for (const label of [0, 1, 2]) {
    const path = `${folder}/pictures/class${label}`;
    await Deno.mkdir(path, { recursive: true });
    for (let i = 0; i < 20; i++) {
      const noise = wholeValues(3 * SIDE * SIDE, 100, 20 * label + i);
      const pixels = Uint8Array.from(noise, (each, j) => each + (j % 3 === label ? 150 : 0));
      const png = encodePng({ height: SIDE, width: SIDE, pixels });
      await Deno.writeFile(`${path}/${i}.png`, png);
    }
  }
}

Deno.test("defend takes an ONNX file and gives back the same file with other weights", async () => {
  await withTemporaryFolder(async (folder) => {
    await writePictures(folder);
    await Deno.writeFile(`${folder}/net.onnx`, FILE);
    const data = ["--dataset", `${folder}/pictures`];
    const out = `${folder}/run`;
    const cleaning = "--defense finetune --clean-fraction 1 --epochs 2 --batch-size 8 --no-audit";
    const { code, stderr } = await runHere("defend", [
      ...["--model", `${folder}/net.onnx`, ...data, ...cleaning.split(" "), "--out", out],
    ]);
    assert.equal(code, 0, stderr);
    assert.match(stderr, /convolutions with a bias and no batch norm.*: 1;/);
    const cleaned = await Deno.readFile(`${out}/student.onnx`);
    const model = readOnnx(cleaned, "student.onnx");
    assert.ok(model.metadata.has("lethe.version"));
    const places = [...namedTensors(readOnnx(FILE, "net.onnx")).values()].flatMap(({ data }) =>
      data.kind === "runs" ? data.runs : []
    );
    const changed = [...FILE.keys()].filter((i) => FILE[i] !== cleaned[i]);
    const weights = changed.filter((i) =>
      places.some(({ start, count, stride }) => i >= start && i < start + count * stride)
    );
    assert.ok(weights.length > 100, `${weights.length} bytes of weights`);
    assert.equal(weights.length, changed.length);

    const report = await runHere("report", [out]);
    assert.equal(report.code, 0, report.stderr);
    assert.doesNotMatch(report.stderr, /left out/);

    const record = JSON.parse(await Deno.readTextFile(`${out}/run.json`));
    const again = await runHere("evaluate", ["--model", `${out}/student.onnx`, ...data, "--json"]);
    assert.equal(again.code, 0, again.stderr);
    assert.equal(JSON.parse(again.stdout).accuracy, record.results.after.accuracy);
  });
});

Deno.test("evaluate refuses an ONNX file by what it cannot do, and an architecture for one", async () => {
  await withTemporaryFolder(async (folder) => {
    await writePictures(folder);
    const data = ["--dataset", `${folder}/pictures`];
    const path = `${folder}/net.onnx`;
    await Deno.writeFile(path, FILE);
    const named = await runHere("evaluate", ["--model", path, "--arch", "wrn-16-1", ...data]);
    assertRefused(named, 2, /an ONNX file says itself what its network is/);
    const loop = onnxFile(
      17,
      value(11, "x", ["N", 3, 4, 4]),
      node("Loop", ["x"], ["y"]),
      value(12, "y", ["N", 3]),
    );
    await Deno.writeFile(path, loop);
    const refused = await runHere("evaluate", ["--model", path, ...data]);
    assertRefused(refused, 1, /operator "Loop" is not supported/);
  });
});
