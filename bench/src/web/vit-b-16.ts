/**
 * The benchmark checkpoint as pages have it: ours as published in float32, and as `exportWeb` writes it in q8; transformers.js' as its users do.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { TOWER_FORMAT } from "@chinese-clip/model/quantize";
import { exportWeb } from "@chinese-clip/node";
import { makePeerModel } from "../peer-model.js";
import type { ContestantSource } from "./contestants.js";

/** A contestant by the name that the tables have. */
export interface Contestant {
  readonly name: string;
  readonly source: ContestantSource;
}

/** All contestants, ours first, and the folders that a server has to have for them. */
export interface WebModels {
  readonly folders: Readonly<Record<string, string>>;
  readonly contestants: readonly Contestant[];
}

/** Makes what is not there yet. @param folder - of the checkpoint. @param threads - for each contestant. */
export async function webModels(folder: string, threads: number): Promise<WebModels> {
  const exported = `${folder}-web-${TOWER_FORMAT}`; // towers of another format would be rejected
  if (!existsSync(join(exported, "chinese-clip.json"))) await exportWeb(folder, exported, { dtypes: ["q8"] });
  const paths = { published: "/vit-b-16/", exported: "/vit-b-16-web/", peer: "/vit-b-16-onnx/" };
  return {
    folders: { [paths.published]: folder, [paths.exported]: exported, [paths.peer]: await makePeerModel(folder) },
    contestants: [
      { name: "ours fp32", source: { side: "ours", dtype: "fp32", path: paths.published, threads } },
      { name: "ours q8", source: { side: "ours", dtype: "q8", path: paths.exported, threads } },
      { name: "transformers.js fp32", source: { side: "peer", dtype: "fp32", path: paths.peer, threads } },
      { name: "transformers.js q8", source: { side: "peer", dtype: "q8", path: paths.peer, threads } },
    ],
  };
}
