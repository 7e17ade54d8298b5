import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  type Drawing,
  isTrueOf,
  makeDrawings,
  Random,
  randomCaption,
  randomScene,
  THING_NAMES,
  writeRetrieval,
  writeZeroShot,
} from "../src/index.js";

const folder = mkdtempSync(join(tmpdir(), "drawings-"));
let drawings: Drawing[];
beforeAll(async () => {
  drawings = await makeDrawings(48, 7);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("scenes", () => {
  it("are the same for the same seed, and others for another", () => {
    const draw = (seed: number): unknown => {
      const random = new Random(seed);
      return Array.from({ length: 20 }, () => randomScene(random));
    };
    expect(draw(1)).toEqual(draw(1));
    expect(draw(1)).not.toEqual(draw(2));
  });

  it("have the training data's frequencies", () => {
    const random = new Random(3);
    const scenes = Array.from({ length: 20_000 }, () => randomScene(random));
    const share = (is: (scene: (typeof scenes)[number]) => boolean): number => scenes.filter(is).length / scenes.length;
    expect(share(({ count }) => count === 1)).toBeCloseTo(0.7, 1);
    expect(share(({ count }) => count === 4)).toBeCloseTo(0.08, 1);
    expect(share(({ background }) => background === "白")).toBeCloseTo(0.46, 1);
    expect(share(({ color }) => color === "红")).toBeCloseTo(0.1, 1);
    expect(scenes.every(({ count, size }) => count === 1 || size === undefined)).toBe(true);
  });

  it("have captions that are true of them", () => {
    const random = new Random(4);
    for (let i = 0; i < 2000; i++) {
      const scene = randomScene(random);
      const caption = randomCaption(scene, random);
      expect(isTrueOf(caption, scene)).toBe(true);
      if (caption.states.color !== undefined) expect(caption.text).toContain(caption.states.color);
    }
  });
});

describe("data sets", () => {
  it("hold images with something on them", async () => {
    for (const { bytes } of drawings) {
      const { channels } = await sharp(bytes).stats();
      expect(channels.length).toBe(3);
      expect(Math.max(...channels.map(({ stdev }) => stdev))).toBeGreaterThan(3);
    }
  });

  it("for retrieval: every image once, and every caption with its own image among the right ones", async () => {
    const files = await writeRetrieval(drawings, folder);
    const images = readFileSync(files.images, "utf8").trimEnd().split("\n");
    expect(images.map((line) => Number(line.split("\t")[0]))).toEqual(drawings.map((_, i) => i + 1));
    expect(Buffer.from(images[0]!.split("\t")[1]!, "base64").equals(drawings[0]!.bytes)).toBe(true);
    const texts = readFileSync(files.texts, "utf8").trimEnd().split("\n");
    for (const [i, line] of texts.entries()) {
      const { text_id, image_ids } = JSON.parse(line) as { text_id: number; image_ids: number[] };
      expect(text_id).toBe(1001 + i);
      expect(image_ids).toContain(i + 1);
    }
  });

  it("for zero-shot classification: a folder for each label, in the labels' order", async () => {
    await writeZeroShot(drawings, folder);
    expect(readFileSync(join(folder, "label_cn.txt"), "utf8").trimEnd().split("\n")).toEqual(THING_NAMES);
    const classes = readdirSync(join(folder, "test")).sort();
    expect(classes.length).toBe(THING_NAMES.length);
    for (const name of classes) expect(readdirSync(join(folder, "test", name)).length).toBe(2);
    expect(existsSync(join(folder, "test", "000", "0001.png"))).toBe(true);
  });
});
