/** The built command as a server: with and without an index, keys and addresses, and its end. */
import { imageSize, openImageIndex } from "@chinese-clip/dataset";
import { makeDrawings, makeVariants } from "@chinese-clip/drawings";
import { ChineseCLIP } from "@chinese-clip/node";
import { openFolderStore } from "@chinese-clip/search/node";
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { cpSync, mkdirSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterEach, beforeAll, expect, it } from "vitest";
import { scratchFolder } from "@chinese-clip/scratch-folder";
import { DEMO, MAIN, runCli } from "./run-cli.js";

const { path } = scratchFolder();
const IMAGES = fileURLToPath(new URL("../../../../examples/pictures/", import.meta.url));
let index: string;
let photos: string;
let child: ChildProcess | undefined;

beforeAll(async () => {
  [index, photos] = [path("my photos.index"), path("photos")];
  mkdirSync(photos);
  for (const name of ["01.png", "02.jpg", "04.webp"]) cpSync(join(IMAGES, name), join(photos, name));
  const clip = await ChineseCLIP.fromPretrained(DEMO, { autoOrient: true });
  const made = await openImageIndex(index, { embedder: clip, settings: { model: DEMO } });
  await made.sync(clip, { folders: [photos] });
  await made.close();
  await clip.dispose();
});

afterEach(() => void child?.kill("SIGKILL"));

/** Starts the server; resolves with its address. */
async function start(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<string> {
  const running = spawn(process.execPath, [MAIN, "serve", "--port", "0", ...args], {
    env: { ...process.env, LC_ALL: "C.UTF-8", CHINESE_CLIP_MODEL: "", CHINESE_CLIP_INDEX: "", CHINESE_CLIP_API_KEY: "", ...env },
    stdio: ["ignore", "pipe", "inherit"],
  });
  child = running;
  return new Promise((resolve, reject) => {
    running.stdout.setEncoding("utf8").once("data", (text: string) => resolve(text.trim()));
    running.once("close", (code) => reject(new Error(`ended with ${code}`)));
  });
}

function post(url: string, body: unknown, headers: Readonly<Record<string, string>> = {}): Promise<Response> {
  return fetch(url, { method: "POST", body: JSON.stringify(body), headers: { "content-type": "application/json", ...headers } });
}

it("serves an index by the model that it was made with: search, thumbnail and image", async () => {
  const url = await start(["--index", index]);
  const { data: indexes } = (await (await fetch(`${url}/v1/indexes`)).json()) as { data: object[] };
  expect(indexes).toMatchObject([{ name: "my_photos.index", count: 3, files: true, thumbnails: true, writable: false }]);
  const found = await post(`${url}/v1/search`, { text: "红色的星星", top: 1 });
  const { data } = (await found.json()) as { data: { id: string; score: number }[] };
  expect(basename(data[0]?.id ?? "")).toBe("04.webp");
  const item = `${url}/v1/indexes/my_photos.index/items/${encodeURIComponent(data[0]?.id ?? "")}`;
  for (const [what, type] of [
    ["thumbnail", "image/webp"],
    ["file", "image/webp"],
  ] as const) {
    const image = await fetch(`${item}/${what}`);
    expect([image.status, image.headers.get("content-type")]).toEqual([200, type]);
    expect((await image.arrayBuffer()).byteLength).toBeGreaterThan(100);
  }
  expect((await fetch(`${url}/v1/indexes/my_photos.index/items/${encodeURIComponent("/etc/passwd")}/file`)).status).toBe(404);
  const page = await (await fetch(url)).text();
  const [, script = ""] = /<script type="module"[^>]* src="([^"]+)"/.exec(page) ?? [];
  expect((await fetch(url + script)).headers.get("content-type")).toContain("javascript");
});

it("makes the thumbnails that an index does not have, and none of what is no image any more", async () => {
  const bare = path("bare.index");
  mkdirSync(path("large"));
  const [drawing] = await makeDrawings(1, 4);
  const variants = drawing === undefined ? [] : await makeVariants(drawing.scene, 0); // 640 x 480
  writeFileSync(path("large/1.jpg"), variants.find(({ name }) => name === "exif-turned")?.bytes ?? "");
  cpSync(join(IMAGES, "02.jpg"), path("large/2.jpg"));
  expect((await runCli(["index", path("large"), "--index", bare, "--model", DEMO, "--no-thumbnails"])).code).toBe(0);
  writeFileSync(path("large/2.jpg"), "no image");
  const url = await start(["--index", bare]);
  const thumbnail = (name: string): Promise<Response> =>
    fetch(`${url}/v1/indexes/bare.index/items/${encodeURIComponent(path(`large/${name}`))}/thumbnail`);
  for (const image of await Promise.all([thumbnail("1.jpg"), thumbnail("1.jpg")])) {
    expect([image.status, image.headers.get("content-type")]).toEqual([200, "image/webp"]);
    expect(imageSize(new Uint8Array(await image.arrayBuffer()))).toMatchObject({ width: 256, height: 192 });
  }
  expect((await thumbnail("2.jpg")).status).toBe(404);
});

it("serves a store that has no images, by a model that is named, and no other model's", async () => {
  const folder = path("texts");
  const clip = await ChineseCLIP.fromPretrained(DEMO);
  const { data, dim } = await clip.embedText(["红色的星星", "绿色的月亮"]);
  const store = await openFolderStore(folder, clip);
  await store.upsert(["a", "b"].map((id, i) => ({ id, embedding: data.slice(i * dim, (i + 1) * dim), meta: { n: i } })));
  await store.close();
  await clip.dispose();
  const url = await start([DEMO, "--index", folder]);
  const { data: indexes } = (await (await fetch(`${url}/v1/indexes`)).json()) as { data: object[] };
  expect(indexes).toMatchObject([{ name: "texts", count: 2, files: false, thumbnails: false, writable: false }]);
  const found = await post(`${url}/v1/search`, { text: "绿色的月亮", top: 1 });
  expect(await found.json()).toMatchObject({ data: [{ id: "b", meta: { n: 1 } }] });
  expect((await fetch(`${url}/v1/indexes/texts/items/a/thumbnail`)).status).toBe(404);
  expect((await fetch(url)).status).toBe(200);

  const foreign = path("other model");
  await (await openFolderStore(foreign, { dim, fingerprint: "another" })).close();
  const ended = await runCli(["serve", DEMO, "--index", foreign]);
  expect([ended.code, ended.stderr]).toEqual([1, expect.stringContaining("another")]);
});

it("serves embeddings without an index, by the environment, with a key; a signal ends it with code 0", async () => {
  const url = await start(["--json"], { CHINESE_CLIP_MODEL: DEMO, CHINESE_CLIP_API_KEY: "sk-1" }).then(
    (text) => (JSON.parse(text) as { url: string }).url,
  );
  expect((await post(`${url}/v1/embeddings`, { input: "猫" })).status).toBe(401);
  const answer = await post(`${url}/v1/embeddings`, { input: ["猫", "狗"] }, { authorization: "Bearer sk-1" });
  const body = (await answer.json()) as { data: { embedding: number[] }[]; usage: { prompt_tokens: number } };
  expect(body.data.map(({ embedding }) => embedding.length)).toEqual([128, 128]);
  expect(body.usage.prompt_tokens).toBe(6);
  expect(await (await fetch(`${url}/metrics`, { headers: { authorization: "Bearer sk-1" } })).text()).toContain(
    "chinese_clip_inputs_total",
  );
  const ended = new Promise((resolve) => child?.once("exit", (code) => resolve(code)));
  child?.kill("SIGTERM");
  expect(await ended).toBe(0);
});

it("npm run serve: the demo's index is made, found again, and made again where it is damaged", async () => {
  const [script, folder] = [fileURLToPath(new URL("../../../../scripts/demo-index.mjs", import.meta.url)), path("demo.index")];
  const make = (): Promise<unknown> => promisify(execFile)(process.execPath, [script, folder]);
  const count = async (): Promise<number> => {
    const made = await openImageIndex(folder, { readOnly: true });
    const { count: items } = made.store.info;
    await made.close();
    return items;
  };
  await make();
  expect(await count()).toBe(48);
  writeFileSync(join(folder, "images.json"), "{}");
  await make();
  expect(await count()).toBe(48);
});

it.each([
  [[DEMO, "--host", "0.0.0.0"], "en_US", /expected a key/, 1],
  [[DEMO, "--host", "0.0.0.0"], "zh_CN", /需要密钥/, 1],
  [[DEMO, "--port", "70000"], "en_US", /--port: expected/, 2],
  [[DEMO, "--immich-upstream", "ftp://x"], "en_US", /--immich-upstream/, 2],
  [[DEMO, "--index", "nowhere"], "en_US", /nowhere/, 1],
  [[], "en_US", /expected a checkpoint's file or folder/, 2],
])("does not start with %j in %s", async (args, language, message, code) => {
  const env = { LC_ALL: `${language}.UTF-8`, CHINESE_CLIP_MODEL: "", CHINESE_CLIP_INDEX: "", CHINESE_CLIP_API_KEY: "" };
  const ended = await runCli(["serve", ...args], env);
  expect([ended.code, ended.stdout]).toEqual([code, ""]);
  expect(ended.stderr).toMatch(message);
});
