/** A source from what names it, as a manifest or a command line does. */
import { DatasetError, shown } from "../dataset-error.js";
import { folderSource } from "./folder-source.js";
import type { DataSource } from "./source.js";

/** What may stand before a source's place. */
const SCHEMES = "folder:";

/** How a source is read. */
export interface SourceOptions {
  /** Whether URLs may lead to this machine and its network. Default false. */
  readonly allowPrivateAddresses?: boolean | undefined;
}

/**
 * Opens a source. Nothing is read yet.
 *
 * @param spec - `folder:photos`.
 * @throws DatasetError - `unknown-source`.
 */
export function openSource(spec: string, _options: SourceOptions = {}): DataSource {
  const [, scheme, place = ""] = /^([a-z]{2,}):(.*)$/su.exec(spec) ?? [];
  if (scheme === "folder" && place !== "") return folderSource(place);
  throw new DatasetError("unknown-source", { expected: SCHEMES, file: shown(spec) });
}
