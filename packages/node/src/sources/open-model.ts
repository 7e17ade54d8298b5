/**
 * Where a source's files are: in a folder of this machine, or at a hub.
 */
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { CheckpointError } from "@chinese-clip/model";
import type { ModelFiles, PretrainedOptions } from "@chinese-clip/pipeline";
import type { WeightsStamp } from "../files/weights-files.js";
import { LocalFolder } from "./local-folder.js";
import { parseSource } from "./model-source.js";

/** A model's files on this machine. */
export interface DiskModelFiles extends ModelFiles {
  /** Absolute path of the model's folder: the source, or the hub's snapshot in the cache. */
  readonly folder: string;
  /**
   * Absolute path of the folder that files given by `open` lie in, by their `name`; behind symlinks, such as a hub's snapshot has, the target's.
   *
   * @throws CheckpointError - `malformed`: they lie in several folders, which ONNX Runtime does not read.
   */
  folderOf(names: Iterable<string>): string;
  /** What these files looked like when they were opened. */
  stampsOf(names: Iterable<string>): Promise<readonly WeightsStamp[]>;
}

/**
 * Finds a model. A folder that is there goes before a hub's model of the same name, as in Python.
 *
 * @throws CheckpointError - `missing-file`: there is no such folder or file; HubError - the hub could not be asked.
 */
export async function openModel(source: string | URL, options: PretrainedOptions): Promise<DiskModelFiles> {
  const name = String(source);
  const parsed = parseSource(source);
  if (parsed.path !== undefined) {
    const local = await LocalFolder.open(options.subfolder === undefined ? parsed.path : join(parsed.path, options.subfolder), name);
    if (local !== undefined) return local;
  }
  // What is there but neither of both, such as a named pipe, is no hub's model: its name would go to strangers.
  const found = parsed.path === undefined ? undefined : await stat(parsed.path).catch(() => undefined);
  const isThere = found !== undefined && !found.isDirectory();
  if (parsed.kind === "hub" && !isThere) {
    const { HubModel } = await import("../hub/hub-model.js"); // a folder needs none of it
    return HubModel.open(parsed.hub, parsed.repo, name, options);
  }
  const where = name === parsed.path ? name : `${name} (${parsed.path})`;
  throw new CheckpointError(
    "missing-file",
    `fromPretrained: expected a folder with config.json and weights, a weights file or a hub's id (owner/name), got ${where}`,
    { source: name, path: parsed.path },
  );
}
