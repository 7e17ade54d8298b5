/**
 * Whether this processor's products of a uint8 with an int8 are exact. An x64 processor without VNNI adds two of them in 16 bits and cuts off what does not fit,
 * so that there ONNX Runtime is told to multiply uint8 with uint8 (`x64quantprecision` in `node-session.ts`).
 */
import { closeSync, openSync, readSync } from "node:fs";
import { arch } from "node:os";

/** Holds the flags of the first processor. */
const HEAD_BYTES = 8192;

let known: boolean | undefined;

/**
 * @param file - Linux's `/proc/cpuinfo`, for tests.
 * @returns true also where the system does not say: ONNX Runtime then moves the weights whenever it loads them, which costs time and memory alone.
 */
export function hasExactMixedProducts(file?: string): boolean {
  if (file !== undefined) return isExact(file);
  return (known ??= isExact("/proc/cpuinfo"));
}

function isExact(file: string): boolean {
  if (arch() !== "x64") return true;
  const flags = /^flags\s*:(.*)$/mu.exec(headOf(file))?.[1];
  return flags === undefined || /\savx(?:512)?_vnni(?=\s|$)/u.test(flags);
}

/** The file has a part for each of the processors, and is made when it is read. */
function headOf(file: string): string {
  try {
    const descriptor = openSync(file, "r");
    try {
      const head = Buffer.alloc(HEAD_BYTES);
      return head.toString("latin1", 0, readSync(descriptor, head));
    } finally {
      closeSync(descriptor);
    }
  } catch {
    return "";
  }
}
