/** The stack, marks and memo of an unpickler; every access is checked. */

import type { PickleStream } from "./pickle_stream.ts";
import type { PickleDict, PickleObject, PickleValue, TorchStorage } from "./pickle_value.ts";
import { checkKey, describeValue, isObject } from "./pickle_value.ts";
import type { Refuse } from "./refusal.ts";

/** State of one unpickling. Every method throws what `refuse` makes where the pickle is invalid. */
export class PickleMachine {
  /** Values by memo number. */
  readonly memo: Map<number, PickleValue> = new Map();
  /** Storages that the pickle named, in order. */
  readonly storages: TorchStorage[] = [];
  /** Likewise, those of types that are not known. */
  readonly unknownStorages: PickleObject[] = [];
  readonly #stack: PickleValue[] = [];
  readonly #marks: number[] = [];

  /** Reads from `stream` and refuses as it does. */
  constructor(readonly stream: PickleStream) {}

  /** Makes the error for an invalid pickle. */
  get refuse(): Refuse {
    return this.stream.refuse;
  }

  /** Puts a value on the stack. */
  push(value: PickleValue): void {
    this.#stack.push(value);
  }

  /** Remembers the height of the stack. */
  mark(): void {
    this.#marks.push(this.#stack.length);
  }

  /** The value on top of the stack, which stays there. */
  top(): PickleValue {
    this.#checkHeight(1);
    return this.#stack[this.#stack.length - 1]!;
  }

  /** Takes the value on top of the stack. */
  pop(): PickleValue {
    this.#checkHeight(1);
    return this.#stack.pop()!;
  }

  /** Takes the top `count` values, the topmost last. */
  popMany(count: number): PickleValue[] {
    this.#checkHeight(count);
    return this.#stack.splice(this.#stack.length - count, count);
  }

  /** Takes everything above the last mark, and the mark. */
  popToMark(): PickleValue[] {
    const mark = this.#marks.pop();
    if (mark === undefined) throw this.refuse("a pickle that lacks a mark", "a valid pickle");
    return this.#stack.splice(mark);
  }

  /** Takes the top value, or the last mark where nothing lies above it: the opcode POP. */
  popValueOrMark(): void {
    if (this.#marks.at(-1) === this.#stack.length) this.#marks.pop();
    else this.pop();
  }

  /** Takes a string. */
  popText(): string {
    const value = this.pop();
    if (typeof value !== "string") throw this.refuse(describeValue(value), "a name");
    return value;
  }

  /** Sets `items` (key, value, key, value, ...) in a dictionary. */
  setItems(dictionary: PickleDict, items: readonly PickleValue[]): void {
    if (items.length % 2 !== 0) {
      throw this.refuse(`${items.length} keys and values`, "an even number");
    }
    for (let i = 0; i < items.length; i += 2) {
      dictionary.set(checkKey(items[i]!, this.refuse), items[i + 1]!);
    }
  }

  /** Sets `items` in the dictionary on top of the stack; an unknown object is left as it is. */
  setTopItems(items: readonly PickleValue[]): void {
    const value = this.top();
    if (value instanceof Map) this.setItems(value, items);
    else if (!isObject(value)) throw this.refuse(describeValue(value), "a dictionary");
  }

  /** Adds `items` to the list on top of the stack; an unknown object is left as it is. */
  appendTop(items: readonly PickleValue[]): void {
    const value = this.top();
    if (Array.isArray(value)) { for (const item of items) value.push(item); }
    else if (!isObject(value)) throw this.refuse(describeValue(value), "a list");
  }

  /** Adds `items` to the set on top of the stack; an unknown object is left as it is. */
  addTop(items: readonly PickleValue[]): void {
    const value = this.top();
    if (value instanceof Set) { for (const item of items) value.add(checkKey(item, this.refuse)); }
    else if (!isObject(value)) throw this.refuse(describeValue(value), "a set");
  }

  #checkHeight(count: number): void {
    if (this.#stack.length - (this.#marks.at(-1) ?? 0) < count) {
      throw this.refuse("a pickle that takes more values than it holds", "a valid pickle");
    }
  }
}
