import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { processorCores } from "../../src/session/processor-cores.js";

const folders: string[] = [];
afterAll(() => Promise.all(folders.map((folder) => rm(folder, { recursive: true }))));

async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "chinese-clip-cores-"));
  folders.push(folder);
  return folder;
}

/** A machine's `/proc` and `/sys`: of each hardware thread, which ones share its core. */
async function machine(allowed: string, siblings: readonly string[], cpuMax?: string): Promise<string> {
  const root = await temporaryFolder();
  const files: Record<string, string> = { "proc/self/status": `Name:\tnode\nCpus_allowed:\tff\nCpus_allowed_list:\t${allowed}\n` };
  for (const [cpu, list] of siblings.entries()) files[`sys/devices/system/cpu/cpu${cpu}/topology/thread_siblings_list`] = `${list}\n`;
  if (cpuMax !== undefined) files["sys/fs/cgroup/cpu.max"] = `${cpuMax}\n`;
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text);
  }
  return root;
}

const HYPERTHREADED = ["0,4", "1,5", "2,6", "3,7", "0,4", "1,5", "2,6", "3,7"];

describe("processorCores", () => {
  it.each([
    ["two cores of one hardware thread each", "0-1", ["0", "1"], undefined, 2],
    ["four cores of two hardware threads each", "0-7", HYPERTHREADED, undefined, 4],
    ["the cores of its affinity only", "1-2,5", HYPERTHREADED, undefined, 2],
    ["one hardware thread", "3", HYPERTHREADED, undefined, 1],
    ["a control group without a limit", "0-7", HYPERTHREADED, "max 100000", 4],
    ["a control group with time for two", "0-7", HYPERTHREADED, "200000 100000", 2],
    ["a control group with time for half of one", "0-7", HYPERTHREADED, "50000 100000", 1],
    ["a control group with time for more than there is", "0-1", ["0", "1"], "800000 100000", 2],
  ] as const)("counts %s", async (_, allowed, siblings, cpuMax, expected) => {
    expect(processorCores(await machine(allowed, siblings, cpuMax))).toBe(expected);
  });

  it("leaves it to ONNX Runtime where the system does not say", async () => {
    expect(processorCores(await temporaryFolder())).toBeUndefined();
    expect(processorCores(await machine("0-1", ["0"]))).toBeUndefined();
  });
});
