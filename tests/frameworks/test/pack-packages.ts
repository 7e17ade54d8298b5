/** Packs `@chinese-clip/node` and what it depends on, once for all test files. */
import { createWorkFolder, pack, removeWorkFolder, workspaceClosure } from "@chinese-clip/consumer";
import type { TestProject } from "vitest/node";

declare module "vitest" {
  /** What test files get from here. */
  export interface ProvidedContext {
    /** Paths of the packed packages. */
    readonly tarballs: readonly string[];
  }
}

/** Runs before all test files. @returns what runs after them. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const work = await createWorkFolder();
  const folders = await workspaceClosure("node");
  project.provide("tarballs", await Promise.all(folders.map((folder) => pack(folder, work))));
  return () => removeWorkFolder(work);
}
