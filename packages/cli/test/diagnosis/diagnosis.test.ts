import { describe, expect, it } from "vitest";
import { adviseOn } from "../../src/diagnosis/advice.js";
import { type Diagnosis } from "../../src/diagnosis/diagnose.js";
import { parseCpuInfo, parseSysctl } from "../../src/diagnosis/processor.js";

describe("the processor", () => {
  it("is read from Linux's cpuinfo", () => {
    const block = (core: number): string =>
      `processor\t: ${core}\nflags\t\t: fpu sse2 avx2 avx512f avx512_vnni amx_int8 amx_tile\nphysical id\t: 0\ncore id\t\t: ${core >> 1}\n`;
    expect(parseCpuInfo([0, 1, 2, 3].map(block).join("\n"))).toEqual({
      cores: 2,
      instructionSets: ["AVX2", "AVX-512", "AVX-512 VNNI", "AMX"],
    });
    expect(parseCpuInfo("processor\t: 0\nFeatures\t: fp asimd asimddp i8mm bf16\n")).toEqual({
      cores: undefined,
      instructionSets: ["NEON dot product", "I8MM", "BF16"],
    });
    expect(parseCpuInfo("")).toEqual({ cores: undefined, instructionSets: undefined });
  });

  it("is read from macOS's sysctl", () => {
    const text = "hw.physicalcpu: 8\nhw.optional.arm.FEAT_DotProd: 1\nhw.optional.arm.FEAT_I8MM: 1\nhw.optional.arm.FEAT_SME: 0\n";
    expect(parseSysctl(text)).toEqual({ cores: 8, instructionSets: ["NEON dot product", "I8MM"] });
    expect(parseSysctl("")).toEqual({ cores: undefined, instructionSets: undefined });
  });
});

describe("the advice", () => {
  const well: Diagnosis = {
    node: "20.19.0",
    platform: "linux x64",
    runtime: { onnxRuntime: "1.30.0", devices: ["cpu"], sharp: "0.35.5", libvips: "8", threads: 4 },
    processor: { model: "p", threads: 8, cores: 8, instructionSets: undefined },
    memory: { total: 32e9, free: 16e9 },
    cache: { folder: "/cache", writable: true, bytes: 1, models: ["a/b"] },
    offline: false,
    hasToken: false,
    endpoints: [
      { url: "https://huggingface.co", reachable: true, milliseconds: 10, reason: undefined },
      { url: "https://modelscope.cn", reachable: true, milliseconds: 10, reason: undefined },
    ],
    variables: {},
  };
  const adviceFor = (change: Partial<Diagnosis>): string => adviseOn({ ...well, ...change }).map(({ kind, en }) => `${kind}: ${en}`).join("\n"); // prettier-ignore
  const down = (url: string): Diagnosis["endpoints"][number] => ({ url, reachable: false, milliseconds: undefined, reason: "no" });

  it("is none where all is well", () => {
    expect(adviseOn(well)).toEqual([]);
  });

  it.each([
    [{ node: "20.18.3" }, "problem: Node 20.18.3 is too old: install 20.19 or newer"],
    [{ runtime: { error: "no such library" } }, "problem: ONNX Runtime or sharp does not load (no such library)"],
    [{ cache: { ...well.cache, writable: false } }, "problem: the cache /cache cannot be written: set HF_HUB_CACHE"],
    [{ processor: { ...well.processor, instructionSets: ["AVX2", "AMX"] } }, "hint: AMX: this processor multiplies int8 natively"],
    [{ processor: { ...well.processor, instructionSets: ["AVX2"] } }, "hint: no int8 instructions"],
    [{ memory: { total: 2e9, free: 1e9 } }, "hint: little memory"],
    [{ endpoints: [down("a"), down("b")] }, "hint: no hub answers"],
    [{ endpoints: [down("a"), ...well.endpoints.slice(1)] }, "hint: Hugging Face does not answer and ModelScope does"],
    [{ cache: { ...well.cache, models: [] } }, "hint: no model in the cache: chinese-clip download"],
    [{ offline: true }, "hint: offline by HF_HUB_OFFLINE"],
  ] satisfies [Partial<Diagnosis>, string][])("%j", (change, message) => {
    expect(adviceFor(change)).toContain(message);
  });
});
