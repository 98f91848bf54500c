/** The published checkpoints and the numbers that PyTorch computed from them, where present. */

import assert from "node:assert/strict";
import { loadCifar10 } from "../../src/data/cifar10.ts";
import { openPlace } from "../../src/data/folder_tree.ts";
import type { ImageSet } from "../../src/data/image_set.ts";
import { readCheckpoint } from "../../src/formats/checkpoint.ts";
import type { StateDict } from "../../src/formats/host_tensor.ts";
import { readNpz } from "../../src/formats/npz.ts";
import type { Gpu } from "../../src/gpu/gpu.ts";
import { loadModel, type Model } from "../../src/nn/model.ts";
import { inferArchitecture } from "../../src/nn/architectures.ts";
import { floats } from "../../src/nn/state.ts";
import { shared } from "../shared.ts";

const CHECKPOINTS = {
  student: "checkpoints/nad-authors-badnets-student.pth.tar",
  teacher: "checkpoints/nad-authors-teacher.pth.tar",
} as const;

/** The authors' backdoored model and the clean one that they publish as its teacher. */
export type Published = keyof typeof CHECKPOINTS;

/** Whether the checkpoints and every one of `paths` are there; says what is not. */
export function present(...paths: string[]): boolean {
  const found = [...Object.values(CHECKPOINTS), ...paths].map((path) => shared(path) !== undefined);
  return found.every((there) => there);
}

function location(path: string): URL {
  const url = shared(path);
  assert.ok(url, `${path} is missing`);
  return url;
}

/** The state of a published checkpoint. */
export async function publishedState(which: Published): Promise<StateDict> {
  const { tensors } = await readCheckpoint(location(CHECKPOINTS[which]).pathname);
  return tensors;
}

/** A published checkpoint on a device. */
export async function publishedModel(gpu: Gpu, which: Published): Promise<Model> {
  const state = await publishedState(which);
  return loadModel(gpu, inferArchitecture(state, which), state, which);
}

/** The arrays of a golden file. */
export function goldenArrays(name: string): StateDict {
  return readNpz(Deno.readFileSync(location(`golden/${name}`)), name);
}

/** A golden file of numbers; the caller knows its keys. */
export function goldenNumbers<T>(name: string): T {
  return JSON.parse(Deno.readTextFileSync(location(`golden/${name}`))) as T;
}

/** `images` and `labels` of a golden file. */
export function goldenImages(arrays: StateDict): ImageSet {
  const images = arrays.get("images")!;
  assert.ok(images.data instanceof Uint8Array);
  const labels = Uint16Array.from(values(arrays, "labels"));
  return { pixels: images.data, labels, height: images.shape[2]!, width: images.shape[3]! };
}

/** The elements of one array. */
export function values(arrays: StateDict, name: string): Float32Array<ArrayBuffer> {
  const tensor = arrays.get(name);
  assert.ok(tensor, `${name} is missing`);
  return floats(tensor);
}

/** The archive of CIFAR-10 among the shared files, for {@linkcode present}. */
export const CIFAR10 = "data/cifar-10-binary.tar.gz";

/** The first `count` training images of CIFAR-10. */
export async function firstTrainingImages(count: number): Promise<ImageSet> {
  const { train } = await loadCifar10(await openPlace(location(CIFAR10).pathname), {
    parts: ["train"],
    trainSubset: () => Uint32Array.from({ length: count }, (_, i) => i),
  });
  return train;
}

/** The 10,000 test images of CIFAR-10. */
export async function testImages(): Promise<ImageSet> {
  const { test } = await loadCifar10(await openPlace(location(CIFAR10).pathname), {
    parts: ["test"],
  });
  return test;
}
