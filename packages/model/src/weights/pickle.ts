/**
 * Reads a Python pickle as data. Follows CPython's `Lib/pickle.py` in what the opcodes mean, and departs from it in what they may
 * do: nothing is imported and nothing is called but the few functions on the caller's list, which are TypeScript. What uses any other
 * name is read past: it becomes a {@link PickleOpaque}. The opcodes are those that `torch.save` writes with protocols 1 to 5.
 *
 * Python's None, bool, int, float and str become null, boolean, number (bigint beyond 2^53), number and string; bytes a view;
 * lists, tuples and sets arrays; dicts Maps. Each opcode takes constant time and memory, or time in proportion to what it pops or reads, so a
 * pickle costs no more than its length, however often its parts refer to each other.
 */
import { CheckpointError, quote } from "../checkpoint-error.js";
import { PickleGlobal, PickleOpaque } from "./pickle-values.js";

/** Of LONG4. What takes more than 255 bytes, and so does not fit LONG1, only costs time. */
const MAX_INTEGER_BYTES = 16;

/** A longer name is none on a list: to look one up takes time in proportion to its length, and a pickle can name one in five bytes. */
const MAX_KNOWN_NAME = 256;

/** Dicts, lists, tuples and objects: 80 times those of ViT-H-14 with its optimizer, five for each of 2,400 tensors. An empty dict of one byte takes 200. */
const MAX_CONTAINERS = 1_000_000;

/** What a pickle's reader brings along. */
export interface PickleHost {
  /** Name of the file, for messages. */
  readonly file: string;
  /** All names that mean something; the others are read past. */
  readonly globals: ReadonlyMap<string, PickleGlobal>;
  /** What a persistent id stands for. */
  persistent(id: unknown): unknown;
}

/**
 * Reads one pickle.
 *
 * @param bytes - holds the pickle from `start` on, and maybe something else after it.
 * @returns its value and where it ends, or undefined where the bytes end before it does.
 * @throws {@link CheckpointError} `malformed` for an opcode or operands that no checkpoint has.
 */
export function readPickle(bytes: Uint8Array, start: number, host: PickleHost): { value: unknown; end: number } | undefined {
  const machine = new PickleMachine(bytes, start, host);
  try {
    const value = machine.run();
    return { value, end: machine.position };
  } catch (error) {
    if (error === END_OF_BYTES) return undefined;
    throw error;
  }
}

/** Thrown, and caught above, where the bytes end before the pickle. */
const END_OF_BYTES = new Error("the bytes end before the pickle");

class PickleMachine {
  position: number;
  readonly #host: PickleHost;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #stack: unknown[] = [];
  /** Lengths of the stack at the open marks. */
  readonly #marks: number[] = [];
  readonly #memo: Map<number, unknown> = new Map();
  #containers = 0;

  constructor(bytes: Uint8Array, start: number, host: PickleHost) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.position = start;
    this.#host = host;
  }

  run(): unknown {
    const stack = this.#stack;
    const memo = this.#memo;
    for (;;) {
      const opcode = this.#byte();
      switch (opcode) {
        case 0x80: // PROTO
          if (this.#byte() > 5) this.#fail("expected a protocol of at most 5");
          break;
        case 0x95: // FRAME: for readers of streams
          this.#take(8);
          break;
        case 0x2e: // STOP
          return this.#pop();

        case 0x28: // MARK
          this.#marks.push(stack.length);
          break;
        case 0x30: // POP
          this.#pop();
          break;
        case 0x31: // POP_MARK
          this.#popMark();
          break;
        case 0x71: // BINPUT
          memo.set(this.#byte(), this.#top());
          break;
        case 0x72: // LONG_BINPUT
          memo.set(this.#uint(4), this.#top());
          break;
        case 0x94: // MEMOIZE
          memo.set(memo.size, this.#top());
          break;
        case 0x68: // BINGET
          stack.push(this.#recall(this.#byte()));
          break;
        case 0x6a: // LONG_BINGET
          stack.push(this.#recall(this.#uint(4)));
          break;

        case 0x4e: // NONE
          stack.push(null);
          break;
        case 0x88: // NEWTRUE
          stack.push(true);
          break;
        case 0x89: // NEWFALSE
          stack.push(false);
          break;
        case 0x4b: // BININT1
          stack.push(this.#byte());
          break;
        case 0x4d: // BININT2
          stack.push(this.#uint(2));
          break;
        case 0x4a: // BININT
          stack.push(this.#view.getInt32(this.#take(4), true));
          break;
        case 0x8a: // LONG1
          stack.push(this.#integer(this.#byte()));
          break;
        case 0x8b: // LONG4
          stack.push(this.#longInteger(this.#uint(4)));
          break;
        case 0x49: // INT, which protocol 1 also writes booleans with
        case 0x4c: // LONG
          stack.push(this.#decimal());
          break;
        case 0x47: // BINFLOAT
          stack.push(this.#view.getFloat64(this.#take(8)));
          break;
        case 0x8c: // SHORT_BINUNICODE
        case 0x55: // SHORT_BINSTRING, Python 2's
          stack.push(this.#text(this.#byte()));
          break;
        case 0x58: // BINUNICODE
        case 0x54: // BINSTRING, Python 2's
          stack.push(this.#text(this.#uint(4)));
          break;
        case 0x8d: // BINUNICODE8
          stack.push(this.#text(this.#uint(8)));
          break;
        case 0x43: // SHORT_BINBYTES
          stack.push(this.#blob(this.#byte()));
          break;
        case 0x42: // BINBYTES
          stack.push(this.#blob(this.#uint(4)));
          break;
        case 0x8e: // BINBYTES8
        case 0x96: // BYTEARRAY8
          stack.push(this.#blob(this.#uint(8)));
          break;

        case 0x29: // EMPTY_TUPLE
        case 0x5d: // EMPTY_LIST
        case 0x8f: // EMPTY_SET
          stack.push(this.#counted([]));
          break;
        case 0x85: // TUPLE1
        case 0x86: // TUPLE2
        case 0x87: // TUPLE3
          stack.push(this.#counted(this.#popMany(opcode - 0x84)));
          break;
        case 0x74: // TUPLE
        case 0x6c: // LIST
        case 0x91: // FROZENSET
          stack.push(this.#counted(this.#popMark()));
          break;
        case 0x61: // APPEND
          this.#append(this.#popMany(1));
          break;
        case 0x65: // APPENDS
        case 0x90: // ADDITEMS
          this.#append(this.#popMark());
          break;
        case 0x7d: // EMPTY_DICT
          stack.push(this.#counted(new Map()));
          break;
        case 0x73: // SETITEM
          this.#setItems(this.#popMany(2));
          break;
        case 0x75: // SETITEMS
          this.#setItems(this.#popMark());
          break;

        case 0x51: // BINPERSID
          stack.push(this.#host.persistent(this.#pop()));
          break;
        case 0x63: // GLOBAL
          stack.push(this.#global(this.#line(), this.#line()));
          break;
        case 0x93: {
          // STACK_GLOBAL
          const [module, name] = this.#popMany(2);
          stack.push(this.#global(module, name));
          break;
        }
        case 0x52: {
          // REDUCE
          const [callee, args] = this.#popMany(2);
          stack.push(this.#call(callee, args));
          break;
        }
        case 0x62: {
          // BUILD: sets attributes. A state dict's are its layers' versions, which say nothing about these tensors.
          const state = this.#pop();
          const target = this.#top();
          if (target instanceof PickleOpaque) target.state = state;
          else if (!(target instanceof Map)) this.#fail("expected attributes of a dict or of an object only");
          break;
        }
        case 0x81: // NEWOBJ
          stack.push(this.#counted(instanceOf(this.#popMany(2)[0])));
          break;
        case 0x92: // NEWOBJ_EX
          stack.push(this.#counted(instanceOf(this.#popMany(3)[0])));
          break;
        case 0x6f: // OBJ
          stack.push(this.#counted(instanceOf(this.#popMark()[0])));
          break;
        case 0x69: {
          // INST
          const [module, name] = [this.#line(), this.#line()];
          this.#popMark();
          stack.push(this.#counted(new PickleOpaque(module, name)));
          break;
        }
        case 0x82: // EXT1
        case 0x83: // EXT2
        case 0x84: // EXT4
          stack.push(this.#counted(new PickleOpaque(`copyreg extension ${this.#uint([1, 2, 4][opcode - 0x82] ?? 1)}`)));
          break;
        default:
          this.#fail(`expected an opcode that checkpoints are made of, got 0x${opcode.toString(16)}`);
      }
    }
  }

  /** The offset of the next `length` bytes, which it steps over. */
  #take(length: number): number {
    const start = this.position;
    if (length > this.#bytes.length - start) throw END_OF_BYTES;
    this.position = start + length;
    return start;
  }

  #byte(): number {
    return this.#view.getUint8(this.#take(1));
  }

  #uint(size: number): number {
    const at = this.#take(size);
    if (size === 8) return Number(this.#view.getBigUint64(at, true));
    return size === 4 ? this.#view.getUint32(at, true) : size === 2 ? this.#view.getUint16(at, true) : this.#view.getUint8(at);
  }

  #blob(length: number): Uint8Array {
    const start = this.#take(length);
    return this.#bytes.subarray(start, start + length);
  }

  #text(length: number): string {
    const blob = this.#blob(length);
    try {
      return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(blob);
    } catch {
      return this.#fail("expected a string in UTF-8");
    }
  }

  #line(): string {
    const end = this.#bytes.indexOf(0x0a, this.position);
    if (end < 0) throw END_OF_BYTES;
    const line = this.#text(end - this.position);
    this.position = end + 1;
    return line;
  }

  #longInteger(size: number): number | bigint {
    if (size > MAX_INTEGER_BYTES) this.#fail(`expected an integer of at most ${MAX_INTEGER_BYTES} bytes, got ${size}`);
    return this.#integer(size);
  }

  #integer(size: number): number | bigint {
    const value = this.#blob(size).reduceRight((high, byte) => (high << 8n) | BigInt(byte), 0n);
    return smallest(BigInt.asIntN(8 * size, value));
  }

  #decimal(): number | bigint | boolean {
    const line = this.#line();
    if (line === "00" || line === "01") return line === "01";
    if (!/^-?\d{1,20}L?$/.test(line)) this.#fail(`expected an integer, got ${quote(line)}`);
    return smallest(BigInt(line.replace("L", "")));
  }

  #top(): unknown {
    if (this.#stack.length <= (this.#marks.at(-1) ?? 0)) this.#fail("expected a value on the stack");
    return this.#stack.at(-1);
  }

  #pop(): unknown {
    const value = this.#top();
    this.#stack.pop();
    return value;
  }

  #popMany(count: number): unknown[] {
    if (this.#stack.length - count < (this.#marks.at(-1) ?? 0)) this.#fail(`expected ${count} values on the stack`);
    return this.#stack.splice(this.#stack.length - count);
  }

  #popMark(): unknown[] {
    const mark = this.#marks.pop() ?? this.#fail("expected a mark on the stack");
    return this.#stack.splice(mark);
  }

  #recall(index: number): unknown {
    if (!this.#memo.has(index)) this.#fail(`expected something memorised under ${index}`);
    return this.#memo.get(index);
  }

  #call(callee: unknown, args: unknown): unknown {
    const known = callee instanceof PickleGlobal ? callee.call : undefined;
    if (Array.isArray(args)) {
      if (known !== undefined) return this.#counted(known(args));
      if (callee instanceof PickleOpaque) return this.#counted(callee.instance());
    }
    return this.#fail(
      `expected a call of a function with a tuple, got one of ${callee instanceof PickleGlobal ? callee.name : typeof callee}`,
    );
  }

  #append(values: readonly unknown[]): void {
    const list = this.#top();
    if (list instanceof PickleOpaque) return;
    if (!Array.isArray(list)) this.#fail("expected a list to append to");
    for (const value of values) list.push(value);
  }

  #setItems(values: readonly unknown[]): void {
    const target = this.#top();
    const dict = target instanceof PickleOpaque ? (target.items ??= this.#counted(new Map())) : target;
    if (!(dict instanceof Map) || values.length % 2 !== 0) this.#fail("expected a dict to put keys and values into");
    for (let i = 0; i < values.length; i += 2) dict.set(values[i], values[i + 1]);
  }

  #global(module: unknown, name: unknown): PickleGlobal | PickleOpaque {
    if (typeof module !== "string" || typeof name !== "string") this.#fail("expected the names of a module and of something in it");
    const known = module.length + name.length <= MAX_KNOWN_NAME ? this.#host.globals.get(`${module}.${name}`) : undefined;
    return known ?? this.#counted(new PickleOpaque(module, name));
  }

  #counted<Container>(container: Container): Container {
    if (++this.#containers > MAX_CONTAINERS) this.#fail(`expected at most ${MAX_CONTAINERS} dicts, lists, tuples and objects`);
    return container;
  }

  #fail(message: string): never {
    throw new CheckpointError("malformed", `${this.#host.file}: pickle: ${message}, before byte ${this.position}`, {
      file: this.#host.file,
      byte: this.position,
    });
  }
}

/** Nothing that the reader knows has instances of this kind: a placeholder, and never the class's function. */
function instanceOf(callee: unknown): PickleOpaque {
  if (callee instanceof PickleOpaque) return callee.instance();
  return new PickleOpaque(`an instance of ${callee instanceof PickleGlobal ? callee.name : "no class"}`);
}

function smallest(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}
