/** Everything of a stranger's that the house reads, but for requests: what is fuzzed, and what the soak test's process reads beside its own work. */
import { DATA_READERS } from "./data-readers.js";
import { FILE_READERS } from "./file-readers.js";
import { READERS } from "./readers.js";
import type { Reader } from "./run-cases.js";

/** The readers. */
export const EVERY_READER: readonly Reader[] = [...READERS, ...DATA_READERS, ...FILE_READERS];
