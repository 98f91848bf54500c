/**
 * Files of tensors and pictures, read without executing anything.
 *
 * @module
 */

export type { HostArray, HostDtype, HostTensor, StateDict } from "./src/formats/host_tensor.ts";
export { readCheckpoint } from "./src/formats/checkpoint.ts";
export {
  type Checkpoint,
  type CheckpointOptions,
  parseCheckpoint,
} from "./src/formats/parse_checkpoint.ts";
export { readSafetensors, type Safetensors, writeSafetensors } from "./src/formats/safetensors.ts";
export { readTorch, type TorchCheckpoint } from "./src/formats/torch.ts";
export { writeTorch } from "./src/formats/torch_write.ts";
export { readNpy, writeNpy } from "./src/formats/npy.ts";
export { readNpz } from "./src/formats/npz.ts";
export type { ByteImage } from "./src/formats/byte_image.ts";
export { decodeImage } from "./src/formats/images.ts";
export { encodePng } from "./src/formats/png_write.ts";
export type { FileExpectation } from "./src/formats/read_file.ts";
export { writeFileAtomic } from "./src/formats/write_file.ts";
