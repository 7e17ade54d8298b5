/**
 * What of a processor decides how fast int8 and bfloat16 are.
 */
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { availableParallelism, cpus } from "node:os";
import { promisify } from "node:util";

/** An instruction set, as its makers call it. */
export type InstructionSet = "AVX2" | "AVX-512" | "AVX-VNNI" | "AVX-512 VNNI" | "AMX" | "NEON dot product" | "I8MM" | "BF16" | "SME";

/** A processor. */
export interface Processor {
  readonly model: string;
  /** Hardware threads that this process may use. */
  readonly threads: number;
  /** Physical cores among all; undefined where it is not known. */
  readonly cores: number | undefined;
  /** Those that matter here; undefined where it is not known. */
  readonly instructionSets: readonly InstructionSet[] | undefined;
}

/** Flags of `/proc/cpuinfo` and names of `sysctl` to instruction sets. */
const LINUX_FLAGS: Readonly<Record<string, InstructionSet>> = {
  avx2: "AVX2",
  avx512f: "AVX-512",
  avx_vnni: "AVX-VNNI",
  avx512_vnni: "AVX-512 VNNI",
  amx_int8: "AMX",
  asimddp: "NEON dot product",
  i8mm: "I8MM",
  bf16: "BF16",
  avx512_bf16: "BF16",
  sme: "SME",
};
const SYSCTL_FLAGS: Readonly<Record<string, InstructionSet>> = {
  "hw.optional.arm.FEAT_DotProd": "NEON dot product",
  "hw.optional.arm.FEAT_I8MM": "I8MM",
  "hw.optional.arm.FEAT_BF16": "BF16",
  "hw.optional.arm.FEAT_SME": "SME",
  "hw.optional.avx2_0": "AVX2",
  "hw.optional.avx512f": "AVX-512",
  "hw.optional.avx512vnni": "AVX-512 VNNI",
};

/** Asks the system; what cannot be found out is undefined. */
export async function describeProcessor(): Promise<Processor> {
  const model = cpus()[0]?.model.trim() || "?";
  const base = { model, threads: availableParallelism() };
  if (process.platform === "linux") return { ...base, ...parseCpuInfo(await readFile("/proc/cpuinfo", "utf8").catch(() => "")) };
  if (process.platform === "darwin") {
    const output = await promisify(execFile)("sysctl", ["-a"], { maxBuffer: 1 << 24 }).then(({ stdout }) => stdout, () => ""); // prettier-ignore
    return { ...base, ...parseSysctl(output) };
  }
  return { ...base, cores: undefined, instructionSets: undefined };
}

/** Linux's `/proc/cpuinfo`. */
export function parseCpuInfo(text: string): Pick<Processor, "cores" | "instructionSets"> {
  const flags = /^(?:flags|Features)[\t ]*:(.*)$/m.exec(text)?.[1]?.trim().split(/\s+/);
  const cores = new Set<string>();
  for (const block of text.split(/\n\s*\n/)) {
    const core = /^core id\s*:\s*(\d+)/m.exec(block)?.[1];
    if (core !== undefined) cores.add(`${/^physical id\s*:\s*(\d+)/m.exec(block)?.[1]} ${core}`);
  }
  return {
    cores: cores.size > 0 ? cores.size : undefined,
    instructionSets: flags && setsOf(LINUX_FLAGS, (flag) => flags.includes(flag)),
  };
}

/** macOS's `sysctl -a`. */
export function parseSysctl(text: string): Pick<Processor, "cores" | "instructionSets"> {
  const values = new Map(text.split("\n").map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1).trim()]));
  const cores = Number(values.get("hw.physicalcpu"));
  return {
    cores: cores > 0 ? cores : undefined,
    instructionSets: text === "" ? undefined : setsOf(SYSCTL_FLAGS, (name) => values.get(name) === "1"),
  };
}

function setsOf(table: Readonly<Record<string, InstructionSet>>, has: (flag: string) => boolean): InstructionSet[] {
  const found = Object.entries(table).flatMap(([flag, name]) => (has(flag) ? [name] : []));
  return [...new Set(found)];
}
