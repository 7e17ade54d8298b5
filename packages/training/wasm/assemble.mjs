/**
 * Assembles adamw.wat into src/optimizer/adamw-kernel-bytes.ts: `pnpm kernel`. The result is committed, so that a build needs no assembler; a test
 * assembles anew and compares.
 */
import { readFileSync, writeFileSync } from "node:fs";
import createWabt from "wabt";

const wabt = await createWabt();
const module = wabt.parseWat("adamw.wat", readFileSync(new URL("adamw.wat", import.meta.url), "utf8"), { simd: true });
module.validate();
const { buffer } = module.toBinary({});
const text = `/** wasm/adamw.wat, assembled by wasm/assemble.mjs: not to be edited by hand. */

/** A WebAssembly module of ${buffer.length} bytes, in base64. */
export const ADAMW_KERNEL_BYTES: string =
  "${Buffer.from(buffer).toString("base64")}";
`;
writeFileSync(new URL("../src/optimizer/adamw-kernel-bytes.ts", import.meta.url), text);
