/** What the tests of bundlers have in common. */
import { node } from "@chinese-clip/consumer";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "vitest";

/** The name of the program to bundle. */
export const ENTRY = "main.mjs";

/** Runs a script in a project; it has to succeed. */
export async function runScript(project: string, script: string): Promise<void> {
  const name = `script-${Math.random().toString(36).slice(2)}.mjs`;
  await writeFile(join(project, name), script);
  expect(await node(project, name)).toMatchObject({ code: 0 });
}
