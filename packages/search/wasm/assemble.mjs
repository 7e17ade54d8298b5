/**
 * Assembles score.wat and int8.wat into src/top-k/*-kernel-bytes.ts: `pnpm kernel`. The results are committed, so that a build needs no assembler; a
 * test assembles anew and compares.
 */
import { readFileSync, writeFileSync } from "node:fs";
import createWabt from "wabt";

const wabt = await createWabt();
for (const name of ["score", "int8"]) {
  const module = wabt.parseWat(`${name}.wat`, readFileSync(new URL(`${name}.wat`, import.meta.url), "utf8"), { simd: true });
  module.validate();
  const { buffer } = module.toBinary({});
  const text = `/** wasm/${name}.wat, assembled by wasm/assemble.mjs: not to be edited by hand. */

/** A WebAssembly module of ${buffer.length} bytes, in base64. */
export const ${name.toUpperCase()}_KERNEL_BYTES: string =
  "${Buffer.from(buffer).toString("base64")}";
`;
  writeFileSync(new URL(`../src/top-k/${name}-kernel-bytes.ts`, import.meta.url), text);
}
