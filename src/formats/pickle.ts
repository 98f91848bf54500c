/**
 * A restricted unpickler. It knows containers, numbers, strings and PyTorch's tensors, refuses
 * every other class or function by name and executes nothing. Time and memory are bounded by the
 * length of the file: no opcode allocates more than it has read, and values are never walked, so
 * that cyclic and repeatedly nested ones are harmless.
 *
 * The opcodes are those of CPython's `Lib/pickletools.py`; protocols 0 to 4, and of protocol 5
 * nothing beyond them.
 */

import { LITERALS } from "./pickle_literals.ts";
import { PickleMachine } from "./pickle_machine.ts";
import type { PickleStream } from "./pickle_stream.ts";
import type { PickleValue, TorchStorage } from "./pickle_value.ts";
import { describeValue } from "./pickle_value.ts";
import { callGlobal, knownGlobal, storageReference } from "./torch_globals.ts";

/**
 * Most opcodes of one file, which bounds what containers can cost. A WideResNet-16-1 with its
 * optimiser takes 5,000.
 */
const MAXIMUM_OPERATIONS = 500_000;

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
  machine.push(knownGlobal(module, name, machine.refuse));

/** REDUCE and NEWOBJ: calls what lies beneath a tuple of arguments. */
const reduce: Operation = (machine) => {
  const [callee, args] = machine.popMany(2);
  machine.push(callGlobal(callee!, args!, machine.refuse));
};

/** Attributes set on a dictionary, such as `_metadata` of a state dict, carry no parameters. */
const build: Operation = (machine) => {
  machine.pop();
  const target = machine.top();
  if (!(target instanceof Map)) {
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
    m.setItems(m.topDict(), items);
  }], // DICT
  [0x91, (m) => m.push(new Set(m.popToMark().map((item) => m.checkKey(item))))], // FROZENSET
  [0x61, (m) => {
    const item = m.pop();
    m.topList().push(item);
  }], // APPEND
  [0x65, (m) => {
    const items = m.popToMark();
    const list = m.topList();
    for (const item of items) list.push(item);
  }], // APPENDS
  [0x73, (m) => {
    const items = m.popMany(2);
    m.setItems(m.topDict(), items);
  }], // SETITEM
  [0x75, (m) => {
    const items = m.popToMark();
    m.setItems(m.topDict(), items);
  }], // SETITEMS
  [0x90, (m) => {
    const items = m.popToMark();
    const set = m.topSet();
    for (const item of items) set.add(m.checkKey(item));
  }], // ADDITEMS
  [0x63, (m) => pushGlobal(m, m.stream.line(), m.stream.line())], // GLOBAL
  [0x93, (m) => {
    const name = m.popText();
    pushGlobal(m, m.popText(), name);
  }], // STACK_GLOBAL
  [0x69, (m) => {
    const callee = knownGlobal(m.stream.line(), m.stream.line(), m.refuse);
    m.push(callGlobal(callee, tuple(m.popToMark()), m.refuse));
  }], // INST
  [0x6f, (m) => {
    const [callee = null, ...args] = m.popToMark();
    m.push(callGlobal(callee, tuple(args), m.refuse));
  }], // OBJ
  [0x52, reduce], // REDUCE
  [0x81, reduce], // NEWOBJ
  [0x62, build], // BUILD
  [0x51, (m) => {
    const storage = storageReference(m.pop(), m.refuse);
    m.storages.push(storage);
    m.push(storage);
  }], // BINPERSID
]);

/** The result of {@linkcode unpickle}. */
export interface Unpickled {
  /** The pickled object. */
  readonly value: PickleValue;
  /** Every storage that it refers to, in order of appearance; one key may appear more than once. */
  readonly storages: readonly TorchStorage[];
}

/**
 * Reads one pickle and leaves `stream` behind it. Throws what the stream's `refuse` makes for
 * globals that are not on the list of {@link ./torch_globals.ts}, and for invalid or truncated
 * pickles.
 */
export function unpickle(stream: PickleStream): Unpickled {
  const machine = new PickleMachine(stream);
  for (; stream.operations < MAXIMUM_OPERATIONS; stream.operations++) {
    const at = stream.position;
    const opcode = stream.uint8();
    const literal = LITERALS.get(opcode);
    const operation = OPERATIONS.get(opcode);
    if (literal) machine.push(literal(stream));
    else if (operation) operation(machine);
    else if (opcode === STOP) return { value: machine.pop(), storages: machine.storages };
    else if (opcode === 0x80) { // PROTO
      const protocol = stream.uint8();
      if (protocol > MAXIMUM_PROTOCOL) {
        throw stream.refuse(`pickle protocol ${protocol}`, `at most ${MAXIMUM_PROTOCOL}`);
      }
    } else {
      throw stream.refuse(
        `pickle opcode 0x${opcode.toString(16).padStart(2, "0")} at byte ${at}`,
        "one that builds tensors, containers or numbers",
      );
    }
  }
  throw stream.refuse(`more than ${MAXIMUM_OPERATIONS} pickle opcodes`, "a checkpoint");
}
