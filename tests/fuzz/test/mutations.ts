/**
 * Damage as storage and networks do it (flipped bits, cuts, insertions, splices) and as attackers do (huge counts, deep nesting, long lines,
 * repeated keys, values of other types).
 */
import type { Random } from "./random.js";

const LONG = 1_000_000;
const DEEP = 20_000;

/** Numbers that a length or a count may hold. */
const COUNTS = [0, 1, 0x7f, 0x80, 0xff, 0xffff, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff];

/** The same as text: what a header or a list states in digits. */
const DIGITS = ["0", "-1", "4294967295", "99999999999", "9007199254740993", "77777777777", "1e308", "9".repeat(400)];

/** A damaged copy of bytes. */
export function mutateBytes(seed: Uint8Array, other: Uint8Array, random: Random): Uint8Array {
  const bytes = Uint8Array.from(seed);
  const view = new DataView(bytes.buffer);
  switch (random.below(10)) {
    case 0:
      for (let i = random.below(8); i >= 0; i--) {
        const at = place(bytes, random);
        if (at < bytes.length) bytes[at] = (bytes[at] ?? 0) ^ (1 << random.below(8));
      }
      return bytes;
    case 1:
      return bytes.subarray(0, place(bytes, random));
    case 2:
      return splice(
        bytes,
        random,
        Uint8Array.from({ length: random.below(32) }, () => random.below(256)),
      );
    case 3:
      return join(bytes.subarray(0, place(bytes, random)), other.subarray(place(other, random)));
    case 4:
      if (bytes.length >= 4) view.setUint32(Math.min(place(bytes, random), bytes.length - 4), random.pick(COUNTS), random.below(2) === 0);
      return bytes;
    case 5:
      if (bytes.length >= 8)
        view.setBigUint64(Math.min(place(bytes, random), bytes.length - 8), BigInt(random.pick(COUNTS)) << BigInt(random.below(33)), true);
      return bytes;
    case 6: {
      // A nested field of protobuf, an open mark or list of a pickle, a bracket of JSON.
      const unit = random.pick([[0x0a, 0x7f], [0x28], [0x5d], [0x7d], [0x5b], [0x3a, 0xff, 0xff, 0x03]]);
      const count = random.below(random.below(20) === 0 ? DEEP : 200);
      return splice(
        bytes,
        random,
        Uint8Array.from({ length: unit.length * count }, (_, i) => unit[i % unit.length] ?? 0),
      );
    }
    case 7: {
      const from = place(bytes, random);
      return splice(bytes, random, bytes.slice(from, from + random.below(4096)));
    }
    case 8: {
      const text = latin1(bytes.subarray(0, LONG));
      return Uint8Array.from(Buffer.from(withOtherNumber(text, random) + latin1(bytes.subarray(LONG)), "latin1"));
    }
    default:
      if (random.below(20) > 0) return Uint8Array.from({ length: random.below(256) }, () => random.below(256));
      return splice(bytes, random, new Uint8Array(LONG).fill(random.pick([0, 0x20, 0x30, 0x3c, 0xff])));
  }
}

const PIECES = [
  ...'\0\u0007\u001b[31m|\u2028|\ufeff|\ud800|\udc00|\u200e|NaN|-Infinity|1e999|-1|9007199254740993|null|true|{}|[]|""|\\ud800|\r\n|\n\n|\t'.split(
    "|",
  ),
  ...'__proto__|constructor|toString|猫|👩‍👩‍👧|é|%2e%2e/|../../|C:\\|@|#|:|,|，|*|-|+ |bytes 0-1/*|W/"'.split("|"),
];
const UNITS = ["a", " ", "<!---->", "0", "\n", "\t", "[", '{"a":', "(", "- ", '"', "\\", ",", "猫", "\ud83d", "\u0301", "%", "##", "+ a "];

const BRACKETS = [
  ["[", "]"],
  ['{"a":', "}"],
  ["(", ")"],
  ["<a>", "</a>"],
  ["{", "}"],
] as const;

/** A damaged copy of a text. */
export function mutateText(seed: string, other: string, random: Random): string {
  const at = random.below(seed.length + 1);
  const end = Math.min(seed.length, at + random.below(24));
  switch (random.below(11)) {
    case 0:
      return seed.slice(0, at);
    case 1:
      return seed.slice(0, at) + random.pick(PIECES) + seed.slice(at);
    case 2:
      return seed.slice(0, at) + random.pick(PIECES) + seed.slice(end);
    case 3:
      return seed.slice(0, at) + seed.slice(end);
    case 4:
      return seed.slice(0, at) + other.slice(random.below(other.length + 1));
    case 5:
      return seed.slice(0, at) + seed.slice(at, end).repeat(1 + random.below(50)) + seed.slice(end);
    case 6:
      return seed.slice(0, at) + String.fromCharCode(random.below(0x10000)) + seed.slice(at + 1);
    case 7:
      return withOtherNumber(seed, random);
    case 8: {
      const [open, close] = random.pick(BRACKETS);
      const depth = random.below(10) > 0 ? random.below(200) : DEEP;
      return seed.slice(0, at) + open.repeat(depth) + seed.slice(at, end) + close.repeat(depth) + seed.slice(end);
    }
    case 9:
      // A file of many records: a thousand times the same, now and then as many as fit into a megabyte.
      return seed.repeat(random.below(10) > 0 ? random.below(1000) : Math.ceil(LONG / (seed.length + 1)));
    default: {
      const unit = random.pick(UNITS);
      const length = random.below(10) > 0 ? random.below(2000) : random.pick([DEEP, LONG]);
      const run = unit.repeat(Math.ceil(length / unit.length));
      return random.below(2) === 0 ? run : seed.slice(0, at) + run + seed.slice(end);
    }
  }
}

/** With another number in the place of one of its runs of digits. */
function withOtherNumber(text: string, random: Random): string {
  const runs = [...text.slice(0, 4096).matchAll(/\d+/gu)];
  if (runs.length === 0) return text;
  const { index, 0: digits } = random.pick(runs);
  return text.slice(0, index) + random.pick(DIGITS) + text.slice(index + digits.length);
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1");
}

/** JSON with one value of another kind, or with a key more, less or twice. */
export function mutateJson(seed: string, random: Random): string {
  const root: unknown = JSON.parse(seed);
  const mark = `mark-${random.below(2 ** 30)}`;
  let [holder, depth]: [unknown, number] = [root, random.below(5)];
  for (; depth > 0; depth--) {
    const inside = Object.values(Object(holder) as object).filter((value) => typeof value === "object" && value !== null);
    if (inside.length === 0) break;
    holder = random.pick(inside);
  }
  if (typeof holder !== "object" || holder === null) return seed;
  const key = random.pick([...Object.keys(holder).slice(0, 2000), Array.isArray(holder) ? "0" : "extra", "__proto__"]);
  Object.defineProperty(holder, key, { value: mark, enumerable: true, configurable: true, writable: true });
  const text = JSON.stringify(root);
  return random.below(16) === 0 ? text.replace(/[{]/u, `{${JSON.stringify(key)}:0,`) : text.replace(`"${mark}"`, hostileJson(random));
}

function hostileJson(random: Random): string {
  const deep = random.below(40) === 0 ? DEEP : 1 + random.below(100);
  const many = random.below(40) === 0 ? 150_000 : random.below(40);
  switch (random.below(7)) {
    case 0:
      return "[".repeat(deep) + "]".repeat(deep);
    case 1:
      return '{"a":'.repeat(deep) + "1" + "}".repeat(deep);
    case 2:
      return JSON.stringify(Array.from({ length: many }, (_, i) => i));
    case 3:
      return JSON.stringify(Object.fromEntries(Array.from({ length: many }, (_, i) => [`k${i}`, i])));
    case 4:
      return JSON.stringify(random.pick(UNITS).repeat(random.below(60) === 0 ? LONG : random.below(300)));
    case 5:
      return JSON.stringify(random.pick(PIECES));
    default:
      return random.pick([
        "null",
        "true",
        "false",
        "0",
        "-1",
        "0.5",
        "1e308",
        "1e400",
        "-0",
        "9007199254740993",
        '""',
        "{}",
        "[]",
        "[null]",
        '"\\ud800"',
      ]);
  }
}

/** Headers and directories are at the ends, so half of the damage is. */
function place(bytes: Uint8Array, random: Random): number {
  const near = Math.min(256, bytes.length);
  const kind = random.below(4);
  return kind === 0 ? random.below(near) : kind === 1 ? bytes.length - random.below(near) : random.below(bytes.length + 1);
}

function splice(bytes: Uint8Array, random: Random, inserted: Uint8Array): Uint8Array {
  const at = place(bytes, random);
  return join(bytes.subarray(0, at), inserted, bytes.subarray(Math.min(bytes.length, at + random.below(24))));
}

function join(...parts: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}
