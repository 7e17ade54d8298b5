/** Which processors have exact products of a uint8 with an int8. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { arch, tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { hasExactMixedProducts } from "../../src/session/mixed-products.js";

const folder = mkdtempSync(join(tmpdir(), "chinese-clip-cpuinfo-"));
afterAll(() => rmSync(folder, { recursive: true }));

function write(text: string): string {
  const file = join(folder, "cpuinfo");
  writeFileSync(file, text);
  return file;
}

const cpuInfo = (flags: string): string =>
  `processor\t: 0\nmodel name\t: X\nflags\t\t: ${flags}\nbugs\t\t: x\n\nprocessor\t: 1\nflags\t\t: fpu\n`;

it.skipIf(arch() !== "x64").each([
  ["Zen 3", "fpu sse4_1 avx avx2 fma", false],
  ["Skylake-X", "fpu avx2 avx512f avx512bw avx512vl", false],
  ["Cascade Lake", "fpu avx2 avx512f avx512_vnni", true],
  ["Alder Lake", "avx_vnni fpu avx2", true],
  ["Zen 5", "avx2 avx512f avx512_vnni avx_vnni", true],
  ["a flag that only begins so", "fpu avx2 avx_vnni_int8x", false],
])("%s", (_, flags, expected) => {
  expect(hasExactMixedProducts(write(cpuInfo(flags)))).toBe(expected);
});

it("what cannot be known is left to ONNX Runtime", () => {
  expect(hasExactMixedProducts(join(folder, "absent"))).toBe(true);
  expect(hasExactMixedProducts(write("processor : 0\n"))).toBe(true);
  expect(hasExactMixedProducts()).toBe(hasExactMixedProducts());
});
