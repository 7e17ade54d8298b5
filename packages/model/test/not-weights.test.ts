/** What is in the place of weights is said by its name; sizes are bounded before anything is parsed. */
import { describe, expect, it } from "vitest";
import { type CheckpointFile, parseShardIndex, readCheckpoint } from "../src/index.js";
import { memoryFile, safetensors } from "./fixtures.js";

const text = (words: string): Uint8Array => new TextEncoder().encode(words);
const read = (bytes: Uint8Array, name = "model.safetensors") => readCheckpoint([memoryFile(name, bytes)]);

describe("A8 what is no weights says what it is and what to do", () => {
  const pointer =
    "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 753\n";
  it.each<[string, Uint8Array, string, RegExp]>([
    ["a Git LFS pointer", text(pointer), "model.safetensors", /Git LFS pointer.*git lfs pull/],
    ["a Git LFS pointer, as torch's file", text(pointer), "clip_cn_vit-b-16.pt", /Git LFS pointer.*git lfs pull/],
    ["an HTML page", text("\n<!DOCTYPE html>\n<html>404</html>"), "pytorch_model.bin", /HTML page.*download the file itself/],
    ["a server's JSON", text('{"error":"Repository not found"}'), "model.pt", /JSON document/],
    ["a server's words", text("Entry not found"), "model.pt", /server's error/],
    ["an XML error", text('<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>'), "model.pt", /XML document/],
    ["a few words", text("Oops"), "model.pt", /a file of 4 bytes/],
    ["an empty file", new Uint8Array(0), "model.safetensors", /0 bytes; it is empty/],
    ["zeros of a download that was begun", new Uint8Array(4096), "model.pt", /zeros, as a download that was begun/],
    ["a .part", text("\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a"), "model.safetensors.part", /download that is not finished/],
    ["a gzip archive", Uint8Array.of(0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 1), "clip.pt.gz", /gzip archive; unpack/],
  ])("%s", async (_, bytes, name, message) => {
    await expect(read(bytes, name)).rejects.toMatchObject({ code: "malformed", message: expect.stringMatching(message) });
  });
});

describe("A16 a header is bounded before it is parsed", () => {
  it("of 92 MB: refused after its first bytes", async () => {
    const reads: [number, number][] = [];
    const file: CheckpointFile = {
      name: "model.safetensors",
      byteLength: 100e6,
      async read(start, end) {
        reads.push([start, end]);
        const bytes = new Uint8Array(end - start).fill(0x20);
        if (start === 0) new DataView(bytes.buffer).setBigUint64(0, 92_000_000n, true);
        if (start <= 8) bytes[8 - start] = 0x7b;
        return bytes;
      },
    };
    await expect(readCheckpoint([file])).rejects.toMatchObject({
      code: "malformed",
      message: expect.stringMatching(/at most 8388608 bytes/),
    });
    expect(Math.max(...reads.map(([, end]) => end))).toBeLessThan(1000);
  });

  it("I12 50,000 tensors are read, each looked at a few times", async () => {
    let at = 0;
    const header = Object.fromEntries(
      Array.from({ length: 50_000 }, (_, i) => [
        `module.text_model.layer.${i}.weight`,
        { dtype: "F32", shape: [1], data_offsets: [at, (at += 4)] },
      ]),
    );
    const file = memoryFile("model.safetensors", safetensors(header, at));
    expect((await readCheckpoint([file])).tensors.size).toBe(50_000);
    expect(file.reads.length).toBe(2);
  });

  it("I12 an index of more shards than a model has is refused, and one of many tensors costs one look at each", () => {
    const weight_map = Object.fromEntries(Array.from({ length: 2000 }, (_, i) => [`t${i}`, `${i}.safetensors`]));
    expect(() => parseShardIndex({ weight_map }, "index.json")).toThrow(/at most 1024 files/);
  });
});

describe("I11 a bad value is shown within bounds", () => {
  it("however deep or long it is", async () => {
    const deep = `${"[".repeat(20_000)}${"]".repeat(20_000)}`;
    const bytes = safetensors(`{"a":{"dtype":"F32","shape":${deep},"data_offsets":[0,0]}}`, 0);
    const error: unknown = await read(bytes).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: "malformed" });
    expect(String(error).length).toBeLessThan(300);
    const long = safetensors({ [`a\u001b[31m${"x".repeat(100_000)}`]: { dtype: "F32", shape: "\u0007", data_offsets: [0, 0] } }, 0);
    const escaped = String(await read(long).catch((thrown: unknown) => thrown));
    expect(escaped.length).toBeLessThan(300);
    expect(escaped).toMatch(/^[\x20-\x7e]*$/);
  });
});
