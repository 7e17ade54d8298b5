/**
 * The cache shared with Python's huggingface_hub, in both directions. Runs where `CHINESE_CLIP_PYTHON` names a Python that has it.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { expect, it } from "vitest";
import { ChineseCLIP } from "../../src/index.js";
import { REPO, tree, useHub } from "./hub-fixture.js";

const PYTHON = process.env["CHINESE_CLIP_PYTHON"];
const FILES = ["config.json", "preprocessor_config.json", "vocab.txt", "model.safetensors"];
const COMMIT = "a".repeat(40);
const hub = useHub();

const load = (options: object = {}): Promise<ChineseCLIP> =>
  ChineseCLIP.fromPretrained(REPO, { endpoint: hub.server.endpoint, cacheDir: hub.cacheDir, ...options });

/** What a script prints: one JSON value. */
async function python(script: string): Promise<unknown> {
  const environment = { HF_ENDPOINT: hub.server.endpoint, HF_HUB_CACHE: hub.cacheDir, HF_HUB_DISABLE_TELEMETRY: "1" };
  const child = spawn(PYTHON ?? "", ["-c", `import json\nfrom huggingface_hub import *\nfiles = ${JSON.stringify(FILES)}\n${script}`], {
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, ...environment },
  });
  let text = "";
  child.stdout.on("data", (data: Buffer) => (text += data.toString()));
  await once(child, "close");
  return JSON.parse(text);
}

it.skipIf(PYTHON === undefined)("what Python fetched loads here, offline too", async () => {
  await python(`print(json.dumps([hf_hub_download("${REPO}", name) for name in files]))`);
  hub.server.requests.length = 0;
  await load({ revision: COMMIT });
  await load({ localFilesOnly: true });
  expect(hub.server.requests).toEqual([]);
  await load();
  expect(hub.server.requests).toHaveLength(1);
});

it.skipIf(PYTHON === undefined)("what was fetched here Python finds, and what is not there too", async () => {
  await load();
  hub.server.requests.length = 0;
  const script = `
found = [hf_hub_download("${REPO}", name, local_files_only=True) for name in files]
missing = try_to_load_from_cache("${REPO}", "tokenizer.json") is _CACHED_NO_EXIST
scan = scan_cache_dir()
print(json.dumps([len(found), missing, [[repo.repo_id, repo.nb_files] for repo in scan.repos], len(scan.warnings)]))`;
  expect(await python(script.replace("\n", "\nfrom huggingface_hub import _CACHED_NO_EXIST\n"))).toEqual([4, true, [[REPO, 4]], 0]);
  // Python asks for other things too, which are no file of the model.
  const ofModel = (): string[] => hub.server.requests.filter(({ path }) => path.includes(REPO)).map(({ method }) => method);
  expect(ofModel()).toEqual([]);
  await python(`print(json.dumps([hf_hub_download("${REPO}", name) for name in files]))`);
  expect(new Set(ofModel())).toEqual(new Set(["HEAD"]));
});

it.skipIf(PYTHON === undefined)("both at once spoil nothing", async () => {
  hub.server.delay = 30;
  await Promise.all([python(`print(json.dumps([hf_hub_download("${REPO}", name) for name in files]))`), load()]);
  expect((await tree(hub.cacheDir)).filter((path) => /incomplete|tmp/u.test(path))).toEqual([]);
  await load({ localFilesOnly: true });
});
