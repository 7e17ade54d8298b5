/** What people do every day, once each; the files named after the commands have the rest. */
import { basename } from "node:path";
import { fileURLToPath } from "node:url";
import { scratchFolder } from "@chinese-clip/scratch-folder";
import { expect, it } from "vitest";
import { DEMO, runCli } from "./run-cli.js";

const PICTURES = fileURLToPath(new URL("../../../../examples/pictures/", import.meta.url));
const { path } = scratchFolder();

/** The path of the image that is found first. */
async function firstOf(...args: readonly string[]): Promise<string | undefined> {
  const { code, stdout } = await runCli(["search", "--query", "红色的星星", ...args, "--model", DEMO, "--top", "1", "--json"]);
  expect(code).toBe(0);
  return (JSON.parse(stdout) as { readonly results: readonly { readonly path: string }[] }).results[0]?.path;
}

it("embeds a folder, indexes it, and finds the same image in both and in the folder itself", async () => {
  expect(await runCli(["embed", "--images", PICTURES, "--output", path("photos.img_feat.jsonl"), "--model", DEMO])).toMatchObject({
    code: 0,
  });
  expect(await runCli(["index", PICTURES, "--index", path("index"), "--model", DEMO])).toMatchObject({ code: 0 });
  const places = [
    ["--in", PICTURES],
    ["--in", path("photos.img_feat.jsonl")],
    ["--index", path("index")],
  ];
  for (const place of places) expect(basename((await firstOf(...place)) ?? "")).toBe("04.webp"); // one red star
});
