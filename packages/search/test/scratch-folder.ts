import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll } from "vitest";

/** A folder for one test file's files. */
export function scratchFolder(): { readonly path: (name: string) => string; readonly write: (name: string, content?: string) => string } {
  let root = "";
  beforeAll(() => {
    root = mkdtempSync(join(tmpdir(), "search-"));
  });
  afterAll(() => rmSync(root, { recursive: true, force: true }));
  const path = (name: string): string => join(root, name);
  return {
    path,
    write: (name, content = "") => {
      mkdirSync(dirname(path(name)), { recursive: true });
      writeFileSync(path(name), content);
      return path(name);
    },
  };
}
