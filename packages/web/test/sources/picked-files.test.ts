/** Files in the page's hands: names, folders, and ranges. */
import { describe, expect, it } from "vitest";
import { PickedFiles } from "../../src/sources/picked-files.js";

const bytes = Uint8Array.from({ length: 50 }, (_, i) => i);

/** A `File` as a folder picker gives it; Node 20's has no `webkitRelativePath`. */
function fileAt(path: string, content: BlobPart = "x"): File {
  return Object.assign(new Blob([content]), { name: path.split("/").at(-1) ?? "", webkitRelativePath: path }) as unknown as File;
}

describe("PickedFiles", () => {
  it("takes a folder's own files and those of its onnx/", async () => {
    const files = new PickedFiles(
      ["m/config.json", "m/model.safetensors", "m/onnx/model.onnx", "m/sub/other.bin"].map((path) => fileAt(path)),
    );
    expect(files.source).toBe("m");
    expect(await files.list()).toEqual(["config.json", "model.safetensors", "onnx/model.onnx"]);
  });

  it("finds a lone weights file of any name", async () => {
    const files = new PickedFiles({ "config.json": new Blob(["{}"]), "tuned.safetensors": bytes });
    expect(await files.list()).toContain("model.safetensors");
    expect((await files.open("model.safetensors"))?.byteLength).toBe(50);
    expect(await files.readText("config.json")).toBe("{}");
    expect(await files.readText("vocab.txt")).toBeUndefined();
    expect(await files.open("vocab.txt")).toBeUndefined();
  });

  it("reads ranges, and rejects one behind the end", async () => {
    const files = new PickedFiles({ "model.safetensors": bytes });
    const read: [number, number[]][] = [];
    const ranges = [
      { start: 3, end: 5 },
      { start: 40, end: 42 },
    ];
    await files.readRanges("model.safetensors", ranges, (start, part) => read.push([start, [...part]]));
    expect(read).toEqual([
      [3, [3, 4]],
      [40, [40, 41]],
    ]);
    const file = await files.open("model.safetensors");
    await expect(file?.read(45, 55)).rejects.toMatchObject({ name: "CheckpointError", code: "malformed" });
  });

  it("rejects no files", () => {
    expect(() => new PickedFiles([])).toThrow(RangeError);
  });
});
