/**
 * Processes that end, or give a model up, while it loads or computes: ONNX Runtime's binding aborts a process whose thread is ended inside it.
 * `ENDINGS=100` tries as many processes.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const DEMO = fileURLToPath(new URL("../../../examples/demo-checkpoint", import.meta.url));
const CHILD = fileURLToPath(new URL("ending-child.mjs", import.meta.url));
const PROCESSES = Number(process.env["ENDINGS"] ?? 6);

describe("a process", () => {
  it.each(["exit", "dispose"])(
    "that ends with %s at any moment of loading and computing ends as asked, and not by a signal",
    async (how) => {
      for (let i = 0; i < PROCESSES; i++) {
        // Spread over the second that starting, loading and the first batches take here.
        const delay = Math.floor((1000 * (i + 0.5)) / PROCESSES);
        const child = spawn(process.execPath, [CHILD, DEMO, how, String(delay)], { stdio: ["ignore", "ignore", "pipe"] });
        let stderr = "";
        child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
        const [code, signal] = (await once(child, "close")) as [number | null, string | null];
        expect({ delay, code, signal, stderr }).toEqual({ delay, code: 0, signal: null, stderr: "" });
      }
    },
    60_000 + 20_000 * PROCESSES,
  );
});
