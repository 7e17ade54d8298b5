/** Commands that convert a model, and those that write features, killed: see `kill-writer.ts`. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { scratchFolder } from "@chinese-clip/scratch-folder";
import { beforeAll } from "vitest";
import { itSurvivesKills, type Writer } from "./kill-writer.js";
import { writeLargeModel } from "./large-model.js";
import { DEMO } from "./run-cli.js";

const PICTURES = fileURLToPath(new URL("../../../../examples/pictures/", import.meta.url));
const { path } = scratchFolder();

beforeAll(() => writeLargeModel(path("model")));

const writers: Readonly<Record<string, Writer>> = {
  convert: { args: (folder) => ["convert", "--model", path("model"), "--output", join(folder, "out")] },
  "export-web": { args: (folder) => ["export-web", "--model", path("model"), "--output", join(folder, "out"), "--dtypes", "q8,fp16"] },
  embed: {
    args: (folder) => ["embed", "--model", DEMO, "--images", PICTURES, "--output", join(folder, "features.jsonl")],
    grows: (name) => name === "features.jsonl",
  },
  "q8 conversion": {
    args: (folder) => [
      "classify",
      join(PICTURES, "01.png"),
      "--model",
      path("model"),
      "--dtype",
      "q8",
      "--labels",
      "猫,狗",
      "--cache-dir",
      folder,
    ],
  },
};

for (const [name, writer] of Object.entries(writers)) itSurvivesKills(name, writer, path);
