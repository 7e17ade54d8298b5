/** Commands that write a model, killed: see `kill-writer.ts`. The other ones are in `model-kills.slow.test.ts`. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll } from "vitest";
import { HubServer } from "../../../node/test/hub/hub-server.js";
import { scratchFolder } from "@chinese-clip/scratch-folder";
import { itSurvivesKills, type Writer } from "./kill-writer.js";
import { writeLargeModel } from "./large-model.js";

const { path } = scratchFolder();
let server: HubServer;
const MODEL = "test/large";

beforeAll(async () => {
  writeLargeModel(path("model"));
  server = await HubServer.start();
  const files = readdirSync(path("model")).map((name) => [name, readFileSync(join(path("model"), name))] as const);
  server.repos.set(MODEL, { commit: "b".repeat(40), files: new Map(files) });
});
afterAll(() => server.close());

const writers: Readonly<Record<string, Writer>> = {
  export: { args: (folder) => ["export", "--model", path("model"), "--output", join(folder, "out"), "--external-data", "always"] },
  download: {
    args: (folder) => ["download", MODEL, "--endpoint", server.endpoint, "--cache-dir", folder],
    resumes: (name) => /\.incomplete|\.locks?\b|\.lock$/u.test(name),
  },
};

for (const [name, writer] of Object.entries(writers)) itSurvivesKills(name, writer, path);
