import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { DatasetError } from "../../src/dataset-error.js";
import { openJsonlOutput, openNpyOutput, type RowNames } from "../../src/output/feature-output.js";
import { lockOutput } from "../../src/output/output-lock.js";
import { scratchFolder } from "@chinese-clip/scratch-folder";

const { path, write } = scratchFolder();
const NAMES: RowNames = { id: "image_id", label: "image_path", labelled: true, kind: "img" };
const WHOLE = { index: 0, count: 1 };
const row = (id: number): { item: { id: number; label: string; content: string }; embedding: Float32Array } => ({
  item: { id, label: `${id}.png`, content: "" },
  embedding: Float32Array.from([1, 0]),
});

describe("I7 an output that somebody else wrote", () => {
  it.each(["my notes", "my notes\nmore", '{"text_id": 1, "feature": [1, 0]}\n', "\n"])(
    "%j is rejected and not touched",
    async (content) => {
      const file = write("notes.jsonl", content);
      await expect(openJsonlOutput(file, NAMES, 2)).rejects.toMatchObject({ code: "foreign-output", details: { file } });
      expect(readFileSync(file, "utf8")).toBe(content);
      expect(existsSync(`${file}.lock`)).toBe(false);
    },
  );

  it("also where it is cn_clip's list of the texts themselves, which begins like their features", async () => {
    const file = write("texts.jsonl", '{"text_id": 1, "text": "猫", "image_ids": [1]}\n');
    const names: RowNames = { id: "text_id", label: "caption", labelled: false, kind: "text" };
    await expect(openJsonlOutput(file, names, 2)).rejects.toMatchObject({ code: "foreign-output", details: { file } });
    expect(readFileSync(file, "utf8")).toContain("猫");
  });

  it("a file in a folder's place is an error of the place", async () => {
    const file = write("file", "mine");
    const fault = { name: "OutputError", code: "not-writable", details: { errno: "ENOTDIR" } };
    await expect(openNpyOutput(join(file, "deep"), NAMES, 2, WHOLE)).rejects.toMatchObject(fault);
    await expect(openJsonlOutput(join(file, "deep", "a.jsonl"), NAMES, 2)).rejects.toMatchObject(fault);
  });

  it.skipIf(process.platform === "win32")("is rejected where it is a named pipe, whose writer is not waited for", async () => {
    execFileSync("mkfifo", [path("pipe.jsonl")]);
    await expect(openJsonlOutput(path("pipe.jsonl"), NAMES, 2)).rejects.toMatchObject({ code: "foreign-output" });
  });

  it("is rejected in clip-retrieval's layout too", async () => {
    const vectors = write("npy/img_emb/img_emb_0.npy", "short");
    await expect(openNpyOutput(path("npy"), NAMES, 2, WHOLE)).rejects.toMatchObject({ code: "foreign-output" });
    expect(readFileSync(vectors, "utf8")).toBe("short");
    const metadata = write("meta/metadata/metadata_0.jsonl", "mine");
    await expect(openNpyOutput(path("meta"), NAMES, 2, WHOLE)).rejects.toMatchObject({ code: "foreign-output" });
    expect(readFileSync(metadata, "utf8")).toBe("mine");
  });

  it("is resumed where it is ours, also when it was torn in its first bytes", async () => {
    for (const content of ["", '{"ima', '{"image_id": 0, "feature": [1.0']) {
      const output = await openJsonlOutput(write("torn.jsonl", content), NAMES, 2);
      await output.append([row(0)]);
      await output.close();
      expect(readFileSync(path("torn.jsonl"), "utf8")).toBe('{"image_id": 0, "feature": [1.0, 0.0], "image_path": "0.png"}\n');
    }
  });
});

describe("I8 one writer for each output", () => {
  it("is let in again after the first has closed", async () => {
    const file = path("locked.jsonl");
    const first = await openJsonlOutput(file, NAMES, 2);
    await expect(openJsonlOutput(file, NAMES, 2)).rejects.toMatchObject({ code: "output-locked", details: { process: process.pid } });
    await first.append([row(0)]);
    await first.close();
    const second = await openJsonlOutput(file, NAMES, 2);
    expect(second.rows).toBe(1);
    await second.close();
    expect(existsSync(`${file}.lock`)).toBe(false);
  });

  it("takes over the lock of a process that has ended, once", async () => {
    const file = path("stale.jsonl");
    const { hostname } = await import("node:os");
    for (const content of ["", "{", JSON.stringify({ process: 2 ** 30, host: hostname(), token: "t" })]) {
      writeFileSync(`${file}.lock`, content);
      const tried = await Promise.allSettled(Array.from({ length: 8 }, () => lockOutput(file)));
      const got = tried.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
      expect(got).toHaveLength(1);
      for (const one of tried) if (one.status === "rejected") expect(one.reason).toBeInstanceOf(DatasetError);
      await got[0]?.();
      expect(existsSync(`${file}.lock`)).toBe(false);
    }
  });

  it("does not take over another machine's", async () => {
    writeFileSync(join(`${path("far.jsonl")}.lock`), JSON.stringify({ process: 1, host: "elsewhere", token: "t" }));
    await expect(lockOutput(path("far.jsonl"))).rejects.toThrow("another process is writing it (process 1 on elsewhere)");
  });
});
