/** Small files of a model in an encoding that is not UTF-8: read as UTF-8, a vocabulary would have other tokens and load. */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, it } from "vitest";
import { ChineseCLIPModel, ChineseCLIPProcessor } from "../src/index.js";

const TINY = fileURLToPath(new URL("../../../fixtures/tiny-vit", import.meta.url));
let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "clip-text-"));
  cpSync(TINY, folder, { recursive: true });
});
afterEach(() => rmSync(folder, { recursive: true }));

it.each<[string, (text: string) => Buffer]>([
  ["GBK", (text) => Buffer.concat([Buffer.from(text), Buffer.from([0xba, 0xec, 10])])],
  ["UTF-16", (text) => Buffer.from(`\uFEFF${text}`, "utf16le")],
])("A2 a vocab.txt in %s is rejected, with the cure", async (_, encode) => {
  const path = join(folder, "vocab.txt");
  writeFileSync(path, encode(readFileSync(path, "utf8")));
  const error = await ChineseCLIPProcessor.fromPretrained(folder).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ name: "CheckpointError", code: "malformed", details: { file: "vocab.txt" } });
  expect(String(error)).toContain(`${path}: expected text in UTF-8, got another encoding; convert it first (iconv -t UTF-8)`);
});

it("A16 a config.json of a million keys is rejected before it is read", async () => {
  const path = join(folder, "config.json");
  const keys = Array.from({ length: 400_000 }, (_, i) => `"k${i}":${i}`).join(",");
  writeFileSync(path, `${readFileSync(path, "utf8").trimEnd().slice(0, -1)},${keys}}`);
  const error = await ChineseCLIPModel.fromPretrained(folder).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ name: "CheckpointError", code: "malformed", details: { file: "config.json", expected: 1 << 22 } });
});
