import { describe, expect, it } from "vitest";
import { cutTower, segmentBackward, segmentForward } from "../src/index.js";
import { tinyModel } from "./fixtures.js";

const { text, vision } = await tinyModel("tiny-vit");
const EXTENTS = { batch: 2, sequence: 5 };

describe.each([
  ["text", text],
  ["vision", vision],
] as const)("%s", (_, graph) => {
  const segments = cutTower(graph, true);

  it("is cut before, between and behind its blocks", () => {
    const blocks = segments.map(({ block }) => block);
    expect(blocks).toEqual([undefined, ...Array.from({ length: blocks.length - 1 }, (_value, i) => i)]);
    expect(segments[0]!.state).toBeUndefined();
    for (const [i, { state }] of segments.entries()) if (i > 0) expect(state).toBe(segments[i - 1]!.result);
  });

  it("has each of its parameters in one segment", () => {
    const taken = segments.flatMap(({ graph: { nodes, parameters } }) => [...new Set(nodes.flatMap(({ inputs }) => inputs.filter((name) => parameters.has(name))))]); // prettier-ignore
    expect(taken.toSorted()).toEqual([...graph.parameters.keys()].toSorted());
  });

  it("has one graph for all blocks but the last", () => {
    const inner = segments.slice(1, -1);
    expect(inner.length).toBeGreaterThan(0);
    for (const segment of inner) {
      expect(segmentForward(segment, EXTENTS).model).toEqual(segmentForward(inner[0]!, EXTENTS).model);
      expect(segmentBackward(segment, EXTENTS, true).model).toEqual(segmentBackward(inner[0]!, EXTENTS, true).model);
    }
    expect(segmentForward(inner[0]!, EXTENTS).parameters.every(({ name }) => name.includes(".*."))).toBe(true);
  });

  it("stays whole where that is asked for", () => {
    const [whole, ...others] = cutTower(graph, false);
    expect([others, whole?.block, whole?.state]).toEqual([[], undefined, undefined]);
    expect(
      segmentForward(whole!, EXTENTS)
        .parameters.map(({ name }) => name)
        .toSorted(),
    ).toEqual([...graph.parameters.keys()].toSorted());
  });
});

it("leaves a ResNet whole", async () => {
  const resnet = await tinyModel("tiny-rn50");
  expect(cutTower(resnet.vision, true)).toHaveLength(1);
});
