/** I15 faults of the environment are said as what they are. */
import { execFile } from "node:child_process";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { cacheFolder, readHubSettings } from "../../src/hub/hub-settings.js";
import { HubError } from "../../src/index.js";
import { parseSource } from "../../src/sources/model-source.js";

const PICTURE = fileURLToPath(new URL("../../../../examples/pictures/01.png", import.meta.url));

describe("I15 no home folder", () => {
  beforeEach(() => void vi.stubEnv("HOME", ""));
  afterEach(() => void vi.unstubAllEnvs());

  it("I15 the cache has no place, and the error says what to set", async () => {
    expect(() => cacheFolder("hugging-face", {})).toThrow(HubError);
    expect(() => cacheFolder("hugging-face", {})).toThrow(
      /expected a home folder for the cache.*Set HF_HUB_CACHE or the cacheDir option/su,
    );
    await expect(readHubSettings("hugging-face", {}, {})).rejects.toMatchObject({ name: "HubError", code: "cache" });
  });

  it("I15 nothing else needs one", async () => {
    expect(cacheFolder("hugging-face", { XDG_CACHE_HOME: "/cache" })).toBe("/cache/huggingface/hub");
    expect(cacheFolder("hugging-face", { HF_HOME: "/home-of-hf" })).toBe("/home-of-hf/hub");
    expect(cacheFolder("hugging-face", { HF_HUB_CACHE: "~/cache" })).toBe("~/cache"); // as Python leaves it
    expect(await readHubSettings("hugging-face", { cacheDir: tmpdir() }, {})).toMatchObject({ cacheDir: tmpdir(), token: undefined });
    expect(parseSource("./model")).toMatchObject({ kind: "path" });
    expect(() => parseSource("~/model")).toThrow(/expected a home folder for ~\/model/);
  });
});

it.skipIf(process.platform === "win32")("I15 no file handle left: the image is not to blame", async () => {
  const child = fileURLToPath(new URL("without-handles-child.mjs", import.meta.url));
  const command = `ulimit -n 200 && exec '${process.execPath}' '${child}' '${PICTURE}'`;
  const { stdout } = await promisify(execFile)("/bin/sh", ["-c", command]);
  expect(JSON.parse(stdout)).toMatchObject({
    name: "ImageError",
    code: "out-of-resources",
    message: expect.stringMatching(/01\.png: cannot be read now, as this process has too many open files \(EMFILE\); raise its limit/),
    details: { source: join(PICTURE), errno: "EMFILE" },
    width: expect.any(Number),
  });
});
