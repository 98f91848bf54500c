/**
 * The error classes of every layer. A message states what was attempted, what was found and what
 * was expected, and where it helps what to do next. Commands print the message without a stack
 * trace: exit code 2 for {@linkcode UsageError}, 3 for {@linkcode Finding}, 130 for
 * {@linkcode Interrupted}, 1 for every other {@linkcode LetheError}.
 */

/** Base class of every error that this project throws on purpose. */
export class LetheError extends Error {
  /** Prefixes the name of the class to stack traces. */
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
  }
}

/** A command, option or setting that cannot be meant: an unknown flag, a fraction of 7. */
export class UsageError extends LetheError {}

/** A file that is missing, truncated, too large, or not what its name says. */
export class FormatError extends LetheError {}

/** A picture that may well be sound, but of a kind that is not decoded: a GIF, a JPEG in CMYK. */
export class UnsupportedImageError extends FormatError {}

/** Images or labels that cannot be used: an empty folder, a label out of range. */
export class DataError extends LetheError {}

/** Parameters that do not fit an architecture, or hold NaN or infinite values. */
export class ModelError extends LetheError {}

/** Training that cannot go on, for example because a loss became NaN or infinite. */
export class TrainingError extends LetheError {}

/** What a command was asked to fail on, with exit code 3: it worked, and this is its result. */
export class Finding extends LetheError {}

/** A run that its signal has stopped; what was saved before is kept. */
export class Interrupted extends LetheError {}

/** A fault of the GPU or its driver. */
export class DeviceError extends LetheError {}

/** No WebGPU adapter was found. */
export class NoAdapterError extends DeviceError {}

/** The device was lost: a driver reset, an unplugged GPU, or `device.destroy()`. */
export class DeviceLostError extends DeviceError {}

/** The device ran out of memory. */
export class OutOfMemoryError extends DeviceError {}

/** A GPU call was refused as invalid: a fault in this program or in its driver. */
export class ValidationError extends DeviceError {}

/** What a caught value says: the message of an error, anything else as text. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
