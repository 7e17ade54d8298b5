import { readdirSync, readFileSync } from "node:fs";
import { expect, it } from "vitest";

const root = new URL("../", import.meta.url);

it("depends on onnxruntime-common alone and imports no platform", () => {
  const { dependencies }: { dependencies: object } = JSON.parse(readFileSync(new URL("package.json", root), "utf8"));
  expect(Object.keys(dependencies)).toEqual(["onnxruntime-common"]);
  for (const file of readdirSync(new URL("src/", root))) {
    const source = readFileSync(new URL(`src/${file}`, root), "utf8");
    for (const [, from = ""] of source.matchAll(/from "([^"]+)"/g)) expect(from).toMatch(/^(onnxruntime-common|\.\/[a-z-]+\.js)$/);
  }
});
