/**
 * RN50's release: weights alone, in cn_clip's format, without the vocabulary, which is its siblings'.
 */
import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { ChineseCLIP } from "../../src/index.js";
import { hubError, useHub } from "./hub-fixture.js";

const FIXTURE = new URL("../../../../fixtures/tiny-rn50/", import.meta.url);
const RN50 = "OFA-Sys/chinese-clip-rn50";
const OWNER = "OFA-Sys/chinese-clip-vit-base-patch16";

describe("a release without a vocabulary", () => {
  const hub = useHub();
  const serve = async (): Promise<void> => {
    const files = new Map<string, Uint8Array>();
    // Its two configurations only because a tower this small tells no number of heads.
    for (const name of ["clip_cn_tiny-rn50.pt", "text_model_config.json", "vision_model_config.json"]) {
      files.set(name, await readFile(new URL(name, FIXTURE)));
    }
    hub.server.repos.set(RN50, { commit: "b".repeat(40), files });
  };

  it("takes that of the published models, and needs no network the second time", async () => {
    await serve();
    const vocab = await readFile(new URL("vocab.txt", FIXTURE));
    hub.server.repos.set(OWNER, { commit: "c".repeat(40), files: new Map([["vocab.txt", vocab]]) });
    const options = { endpoint: hub.server.endpoint, cacheDir: hub.cacheDir };
    const clip = await ChineseCLIP.fromPretrained(RN50, options);
    expect(clip.model.config.visionConfig.kind).toBe("modifiedResNet");
    expect(clip.processor.tokenizer.encode("猫").ids).toHaveLength(3);
    await clip.dispose();
    await hub.server.close();
    const again = await ChineseCLIP.fromPretrained(RN50, { ...options, localFilesOnly: true });
    expect(again.processor.tokenizer.vocabSize).toBe(clip.processor.tokenizer.vocabSize);
    await again.dispose();
  });

  it("says what is missing where nobody has it", async () => {
    await serve();
    const error = await hubError(ChineseCLIP.fromPretrained(RN50, { endpoint: hub.server.endpoint, cacheDir: hub.cacheDir }));
    expect(error).toMatchObject({ code: "not-found", message: expect.stringContaining(OWNER) });
  });
});
