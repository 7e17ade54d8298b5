import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll } from "vitest";

/** A folder of a test file's own. */
export interface ScratchFolder {
  /** Where something in it is or goes. */
  readonly path: (name: string) => string;
  /** Writes a file, its folders included. @returns its path. */
  readonly write: (name: string, content: string | Uint8Array) => string;
  /** Makes an empty folder. @returns its path. */
  readonly folder: (name: string) => string;
}

/** Makes a folder that is gone when the file's tests have run; called at the top of the file or of a `describe`. */
export function scratchFolder(): ScratchFolder {
  const root = mkdtempSync(join(tmpdir(), "chinese-clip-cli-"));
  afterAll(() => rmSync(root, { recursive: true, force: true }));
  const path = (name: string): string => join(root, name);
  const folder = (name: string): string => {
    mkdirSync(path(name), { recursive: true });
    return path(name);
  };
  return {
    path,
    folder,
    write(name, content) {
      folder(dirname(name));
      writeFileSync(path(name), content);
      return path(name);
    },
  };
}
