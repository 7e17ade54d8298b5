/** Folders of test files: made when a file's tests begin, gone when they have run. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll } from "vitest";

/** A folder of a test file's own. */
export interface ScratchFolder {
  /** The path of something in it that is there or will be. */
  readonly path: (name: string) => string;
  /** Writes a file, its folders included. @param content - default empty. @returns its path. */
  readonly write: (name: string, content?: string | Uint8Array) => string;
  /** Makes a folder in it. @returns its path. */
  readonly folder: (name: string) => string;
}

/** Makes a folder that is removed when the tests have run; called at the top of a file or of a `describe`. */
export function scratchFolder(): ScratchFolder {
  const root = mkdtempSync(join(tmpdir(), "chinese-clip-test-"));
  // Removing many files takes longer than a test may, on a busy machine.
  afterAll(() => rmSync(root, { recursive: true, force: true }), 600_000);
  const path = (name: string): string => join(root, name);
  const folder = (name: string): string => {
    mkdirSync(path(name), { recursive: true });
    return path(name);
  };
  return {
    path,
    folder,
    write(name, content = "") {
      folder(dirname(name));
      writeFileSync(path(name), content);
      return path(name);
    },
  };
}
