import { describe, expect, it } from "vitest";
import { fileURLToPath } from "node:url";
import { ChineseCLIP } from "../../dist/index.js";

const DEMO = fileURLToPath(new URL("../../../../examples/demo-checkpoint", import.meta.url));
const PICTURE = fileURLToPath(new URL("../../../../examples/pictures/02.jpg", import.meta.url));

/** Longer than a session is busy before its weights are repacked. */
const BUSY_MS = 2500;

describe("deterministic", () => {
  it("gives the same bits in a session's first run, in its later ones, and with any number of threads", async () => {
    const found = new Set<string>();
    for (const numThreads of [1, 2]) {
      const clip = await ChineseCLIP.fromPretrained(DEMO, { deterministic: true, numThreads });
      try {
        for (const start = performance.now(); performance.now() - start < BUSY_MS;) {
          const { data } = await clip.embedImage(PICTURE);
          found.add(Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString("base64"));
        }
      } finally {
        await clip.dispose();
      }
    }
    expect(found.size).toBe(1);
  });
});
