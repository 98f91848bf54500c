/**
 * A restricted unpickler. It knows containers, numbers, strings and PyTorch's tensors; every other
 * class or function is a name, what it would have made an object that is nothing but that name, and
 * nothing is executed. Time and memory are bounded by the length of the file: no opcode allocates
 * more than it has read, and values are never walked, so that cyclic and repeatedly nested ones are
 * harmless.
 *
 * The opcodes are those of CPython's `Lib/pickletools.py`, protocols 0 to 5, but for buffers and
 * persistent objects outside the pickle and for the registry of extensions.
 */

import { LITERALS } from "./pickle_literals.ts";
import { PickleMachine } from "./pickle_machine.ts";
import type { PickleStream } from "./pickle_stream.ts";
import type { PickleObject, PickleValue, TorchStorage } from "./pickle_value.ts";
import { describeValue, isObject, isStorage } from "./pickle_value.ts";
import { callGlobal, makeGlobal, persistent } from "./torch_globals.ts";

/**
 * Most opcodes of one file, those that make a container counted five times, which bounds what they
 * can cost. A WideResNet-16-1 with its optimiser takes 5,000.
 */
const MAXIMUM_OPERATIONS = 2_000_000;

const CONTAINER_COST = 5;

/** Opcodes that make a list, tuple, dictionary, set or object. */
const CONTAINERS: ReadonlySet<number> = new Set(
  [..."]})\x8flt\x85\x86\x87d\x91\x93cioR\x81\x92Q"].map((opcode) => opcode.charCodeAt(0)),
);

const MAXIMUM_PROTOCOL = 5;

const STOP = 0x2e;

type Operation = (machine: PickleMachine) => void;

const getMemo = (machine: PickleMachine, key: number) => {
  const value = machine.memo.get(key);
  if (value === undefined) throw machine.refuse(`no memo ${key}`, "one set before its use");
  machine.push(value);
};

const putMemo = (machine: PickleMachine, key: number) => machine.memo.set(key, machine.top());

const tuple = (items: PickleValue[]): PickleValue => ({ kind: "tuple", items });

const readIndex = (machine: PickleMachine): number => {
  const line = machine.stream.line();
  if (!/^[0-9]{1,10}$/.test(line)) throw machine.refuse("a memo key", "decimal digits");
  return Number(line);
};

const pushGlobal = (machine: PickleMachine, module: string, name: string) =>
  machine.push(makeGlobal(module, name, machine.refuse));

/** REDUCE and NEWOBJ: calls what lies beneath a tuple of arguments. */
const reduce: Operation = (machine) => {
  const [callee, args] = machine.popMany(2);
  machine.push(callGlobal(callee!, args!, machine.refuse));
};

/** Attributes, such as `_metadata` of a state dict, carry no parameters. */
const build: Operation = (machine) => {
  machine.pop();
  const target = machine.top();
  if (!(target instanceof Map) && !isObject(target)) {
    throw machine.refuse(`attributes set on ${describeValue(target)}`, "none but a dictionary's");
  }
};

/** Opcode -> what it does to the machine. */
const OPERATIONS: ReadonlyMap<number, Operation> = new Map<number, Operation>([
  [0x28, (m) => m.mark()], // MARK
  [0x30, (m) => m.popValueOrMark()], // POP
  [0x31, (m) => void m.popToMark()], // POP_MARK
  [0x32, (m) => m.push(m.top())], // DUP
  [0x67, (m) => getMemo(m, readIndex(m))], // GET
  [0x68, (m) => getMemo(m, m.stream.uint8())], // BINGET
  [0x6a, (m) => getMemo(m, m.stream.uint32())], // LONG_BINGET
  [0x70, (m) => putMemo(m, readIndex(m))], // PUT
  [0x71, (m) => putMemo(m, m.stream.uint8())], // BINPUT
  [0x72, (m) => putMemo(m, m.stream.uint32())], // LONG_BINPUT
  [0x94, (m) => putMemo(m, m.memo.size)], // MEMOIZE
  [0x95, (m) => void m.stream.uint64()], // FRAME
  [0x6c, (m) => m.push(m.popToMark())], // LIST
  [0x74, (m) => m.push(tuple(m.popToMark()))], // TUPLE
  [0x85, (m) => m.push(tuple(m.popMany(1)))], // TUPLE1
  [0x86, (m) => m.push(tuple(m.popMany(2)))], // TUPLE2
  [0x87, (m) => m.push(tuple(m.popMany(3)))], // TUPLE3
  [0x64, (m) => {
    const items = m.popToMark();
    m.push(new Map());
    m.setTopItems(items);
  }], // DICT
  [0x91, (m) => {
    const items = m.popToMark();
    m.push(new Set());
    m.addTop(items);
  }], // FROZENSET
  [0x61, (m) => m.appendTop(m.popMany(1))], // APPEND
  [0x65, (m) => m.appendTop(m.popToMark())], // APPENDS
  [0x73, (m) => m.setTopItems(m.popMany(2))], // SETITEM
  [0x75, (m) => m.setTopItems(m.popToMark())], // SETITEMS
  [0x90, (m) => m.addTop(m.popToMark())], // ADDITEMS
  [0x63, (m) => pushGlobal(m, m.stream.line(), m.stream.line())], // GLOBAL
  [0x93, (m) => {
    const name = m.popText();
    pushGlobal(m, m.popText(), name);
  }], // STACK_GLOBAL
  [0x69, (m) => {
    const callee = makeGlobal(m.stream.line(), m.stream.line(), m.refuse);
    m.push(callGlobal(callee, tuple(m.popToMark()), m.refuse));
  }], // INST
  [0x6f, (m) => {
    const [callee = null, ...args] = m.popToMark();
    m.push(callGlobal(callee, tuple(args), m.refuse));
  }], // OBJ
  [0x52, reduce], // REDUCE
  [0x81, reduce], // NEWOBJ
  [0x92, (m) => {
    const [callee, args] = m.popMany(3);
    m.push(callGlobal(callee!, args!, m.refuse));
  }], // NEWOBJ_EX: keyword arguments are left out
  [0x62, build], // BUILD
  [0x51, (m) => {
    const referred = persistent(m.pop(), m.refuse);
    if (isStorage(referred)) m.storages.push(referred);
    else if (isObject(referred)) m.unknownStorages.push(referred);
    m.push(referred);
  }], // BINPERSID
]);

/** The result of {@linkcode unpickle}. */
export interface Unpickled {
  /** The pickled object. */
  readonly value: PickleValue;
  /** Every storage that it refers to, in order of appearance; one key may appear more than once. */
  readonly storages: readonly TorchStorage[];
  /** Those of element types that are not known, whose size therefore is not known either. */
  readonly unknownStorages: readonly PickleObject[];
}

/**
 * Reads one pickle and leaves `stream` behind it. Throws what the stream's `refuse` makes for invalid
 * or truncated pickles.
 */
export function unpickle(stream: PickleStream): Unpickled {
  const machine = new PickleMachine(stream);
  while (stream.operations < MAXIMUM_OPERATIONS) {
    const at = stream.position;
    const opcode = stream.uint8();
    stream.operations += CONTAINERS.has(opcode) ? CONTAINER_COST : 1;
    const literal = LITERALS.get(opcode);
    const operation = OPERATIONS.get(opcode);
    if (literal) machine.push(literal(stream));
    else if (operation) operation(machine);
    else if (opcode === STOP) {
      const { storages, unknownStorages } = machine;
      return { value: machine.pop(), storages, unknownStorages };
    } else if (opcode === 0x80) { // PROTO
      const protocol = stream.uint8();
      if (protocol > MAXIMUM_PROTOCOL) {
        throw stream.refuse(`pickle protocol ${protocol}`, `at most ${MAXIMUM_PROTOCOL}`);
      }
    } else {
      throw stream.refuse(
        `pickle opcode 0x${opcode.toString(16).padStart(2, "0")} at byte ${at}`,
        "one that needs nothing but the pickle",
      );
    }
  }
  throw stream.refuse(`more than ${MAXIMUM_OPERATIONS} pickle opcodes`, "a checkpoint");
}
