/** Which of ONNX Runtime's own settings `spin` becomes, by what it logs of a session. */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";

const DEMO = fileURLToPath(new URL("../../../examples/demo-checkpoint", import.meta.url));
const CHILD = fileURLToPath(new URL("spin-child.mjs", import.meta.url));

describe("threads that wait", () => {
  it.each([
    ["spin by default", {}, undefined],
    ["sleep with spin: false", { spin: false }, "0"],
    ["spin where sessionOptions say so", { spin: false, session: { "intra_op.allow_spinning": "1" } }, "1"],
  ])("%s", async (_, options, expected) => {
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [CHILD, DEMO, JSON.stringify(options)]);
    expect(stdout).toBe("128");
    expect(stderr).toContain("session.dynamic_block_base: 4"); // the log is what it was
    expect(/session\.intra_op\.allow_spinning: (\d)/.exec(stderr)?.[1]).toBe(expected);
  });
});
