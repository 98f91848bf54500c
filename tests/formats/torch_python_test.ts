/** Files exchanged with PyTorch itself; skipped where Python has no torch. */

import assert from "node:assert/strict";
import { readTorch } from "../../src/formats/torch.ts";
import { writeTorch } from "../../src/formats/torch_write.ts";
import { withTemporaryFolder } from "../data/temporary_folder.ts";
import { tensor } from "./assertions.ts";

const PYTHON = "/usr/bin/python3";

async function runPython(program: string, ...args: string[]): Promise<string> {
  const command = new Deno.Command(PYTHON, { args: ["-c", program, ...args] });
  const { success, stdout, stderr } = await command.output();
  assert.ok(success, new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}

async function hasTorch(): Promise<boolean> {
  const permission = await Deno.permissions.query({ name: "run", command: PYTHON });
  if (permission.state !== "granted") {
    console.warn(`${PYTHON} may not be run: the tests against PyTorch are skipped`);
    return false;
  }
  try {
    await runPython("import torch");
    return true;
  } catch {
    console.warn(`${PYTHON} has no torch: the tests against PyTorch are skipped`);
    return false;
  }
}

const ignore = !await hasTorch();

const SAVE = `
import json, sys, torch
from collections import OrderedDict
g = torch.Generator().manual_seed(1)
x = torch.randn(4, 3, 5, generator=g)
flat = torch.arange(24)
state = OrderedDict(
    f16=x.half(), bf16=x.bfloat16(), f32=x, f64=x.double(),
    i8=(x * 50).to(torch.int8), i16=(x * 1000).to(torch.int16), i32=(x * 1e6).int(),
    i64=(x * 1e6).long(), u8=(x.abs() * 50).byte(), bool=x > 0,
    transposed=x.permute(2, 0, 1), sliced=x[1:, ::2, 3], expanded=x[:, :1].expand(4, 3, 5),
    channels_last=torch.randn(2, 3, 4, 5, generator=g).contiguous(memory_format=torch.channels_last),
    head=flat[:8], tail=flat[8:].view(4, 4).t(), scalar=torch.tensor(7), empty=torch.zeros(0, 3),
    parameter=torch.nn.Parameter(x[0]),
)
model = torch.nn.DataParallel(torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2)))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
model(x[0].t()[:, :3] if x[0].shape[0] == 3 else x[0]).sum().backward()
optimizer.step()
state.update(("module." + k, v) for k, v in model.module.state_dict().items())
scheduler = torch.optim.lr_scheduler.MultiStepLR(optimizer, [2, 3])
checkpoint = dict(epoch=3, state_dict=state, best_prec=85.5, optimizer=optimizer.state_dict(),
                  scheduler=scheduler.state_dict(), big=2**70, name="wrn", size=x.shape, none=None)
folder = sys.argv[1]
torch.save(checkpoint, folder + "/zip.pth")
torch.save(checkpoint, folder + "/protocol4.pth", pickle_protocol=4)
torch.save(checkpoint, folder + "/legacy.pth", _use_new_zipfile_serialization=False)
torch.save(state, folder + "/bare.pth")
print(json.dumps({k: dict(
    dtype=str(v.dtype)[6:], shape=list(v.shape), values=v.detach().double().flatten().tolist())
    for k, v in state.items()}))
`;

Deno.test({
  name: "readTorch() reads what PyTorch writes, in every format and element type",
  ignore,
  fn: () =>
    withTemporaryFolder(async (folder) => {
      const expected: Record<string, { dtype: string; shape: number[]; values: number[] }> = JSON
        .parse(await runPython(SAVE, folder));
      for (const name of ["zip", "protocol4", "legacy", "bare"]) {
        const { tensors, metadata } = readTorch(
          await Deno.readFile(`${folder}/${name}.pth`),
          name,
        );
        assert.deepEqual([...tensors.keys()], Object.keys(expected));
        for (const [key, { dtype, shape, values }] of Object.entries(expected)) {
          const found = tensors.get(key)!;
          assert.equal(found.dtype, dtype, key);
          assert.deepEqual(found.shape, shape, key);
          assert.deepEqual(Array.from(found.data, Number), values, key);
        }
        const simple = { epoch: 3, best_prec: 85.5, big: String(2n ** 70n), name: "wrn" };
        assert.deepEqual(Object.fromEntries(metadata), name === "bare" ? {} : simple);
      }
    }),
});

const LOAD = `
import json, sys, torch
state = torch.load(sys.argv[1], weights_only=True)
print(json.dumps([[k, str(v.dtype)[6:], list(v.shape), v.is_contiguous(),
    v.double().flatten().tolist()] for k, v in state.items()]))
`;

Deno.test({
  name: "PyTorch reads what writeTorch() writes, weights only",
  ignore,
  fn: () =>
    withTemporaryFolder(async (folder) => {
      const state = new Map([
        ["conv.weight", tensor("float32", [2, 1, 2], Float32Array.of(1, -2.5, 1e-3, 3e38))],
        ["steps", tensor("int64", [], BigInt64Array.of(12345678901n))],
        ["half", tensor("float16", [3], Float32Array.of(0.5, -65504, 6e-8))],
        ["brain", tensor("bfloat16", [2], Float32Array.of(1.5, -3e38))],
        ["double", tensor("float64", [1], Float64Array.of(Math.PI))],
        ["bytes", tensor("uint8", [0], new Uint8Array(0))],
        ["Größe 😀", tensor("bool", [2], Uint8Array.of(0, 1))],
      ]);
      const path = `${folder}/written.pth`;
      await Deno.writeFile(path, writeTorch(state));
      const expected = [...readTorch(await Deno.readFile(path), path).tensors]
        .map((
          [name, { dtype, shape, data }],
        ) => [name, dtype, shape, true, Array.from(data, Number)]);
      assert.deepEqual(JSON.parse(await runPython(LOAD, path)), expected);
      assert.equal(expected.length, state.size);
    }),
});
