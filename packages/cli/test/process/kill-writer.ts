/**
 * A command that writes, ended at random moments by SIGKILL, SIGTERM and SIGINT: what it writes is whole or absent, and the next run leaves nothing
 * stale. `KILLS=50 KILLS_SEED=1` runs more of them than the default.
 */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { MAIN } from "./run-cli.js";

const KILLS = Number(process.env["KILLS"] ?? 2);
const SEED = Number(process.env["KILLS_SEED"] ?? Date.now() % 1_000_000);
const SIGNALS = ["SIGKILL", "SIGTERM", "SIGINT"] as const;

let state = SEED;
function random(): number {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return state / 2 ** 32;
}

/** Files below a folder, with hidden ones, and their hashes. */
export function tree(folder: string): Record<string, string> {
  const found: Record<string, string> = {};
  if (!existsSync(folder)) return found;
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (entry.isDirectory()) continue;
    const file = join(entry.parentPath, entry.name);
    found[file.slice(folder.length + 1)] = createHash("sha256").update(readFileSync(file)).digest("hex").slice(0, 16);
  }
  return found;
}

/** How a command ended. */
export interface Run {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stderr: string;
  readonly milliseconds: number;
}

/**
 * What a folder holds, by name: hashes, and embeddings, of which the last bits depend on the images that were computed together, and so on how fast each
 * was decoded.
 */
export type Contents = Readonly<Record<string, string | Float32Array>>;

/** Contents with an undisturbed run's embeddings in the place of those that are the same but for rounding. */
function withoutRounding(found: Contents, expected: Contents): Contents {
  const entries = Object.entries(found).map(([item, value]) => {
    const other = expected[item];
    if (!(value instanceof Float32Array && other instanceof Float32Array && value.length === other.length)) return [item, value];
    return [item, value.every((x, i) => Math.abs(x - other[i]!) < 1e-6) ? other : value];
  });
  return Object.fromEntries(entries) as Contents;
}

/** A command that writes below a folder. */
export interface Writer {
  readonly args: (folder: string) => readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Puts into a folder what the command needs there. */
  readonly prepare?: (folder: string) => void;
  /**
   * What is in the folder, by name. An item that is there has to be as an undisturbed run makes it. Default the files; of an index, whose files grow, its
   * items. It throws for what is torn.
   */
  readonly contents?: (folder: string) => Promise<Contents>;
  /** Whether a file that is not whole may be seen under its name: rows of an embedding are appended. */
  readonly grows?: (name: string) => boolean;
  /** Files that one run writes and another does not: temporary ones that a resumed run goes on with, and locks. */
  readonly resumes?: (name: string) => boolean;
  /** Looks at what a whole run did elsewhere. */
  readonly afterWhole?: (folder: string) => Promise<void>;
}

/** Kills a command, and runs it again. @param path - of something in a scratch folder. */
export function itSurvivesKills(name: string, writer: Writer, path: (name: string) => string): void {
  const {
    args,
    env = {},
    prepare,
    contents = async (folder): Promise<Contents> => tree(folder),
    grows = () => false,
    resumes = () => false,
  } = writer;

  async function run(folder: string, kill?: { readonly signal: NodeJS.Signals; readonly after: number }): Promise<Run> {
    const started = performance.now();
    const child = spawn(process.execPath, [MAIN, ...args(folder)], {
      env: { ...process.env, LC_ALL: "C.UTF-8", HF_HUB_OFFLINE: "", TMPDIR: path("tmp"), ...env },
      stdio: ["ignore", "ignore", "pipe"],
    });
    let stderr = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
    const timer = kill === undefined ? undefined : setTimeout(() => child.kill(kill.signal), kill.after);
    const [code, signal] = (await once(child, "close")) as [number | null, NodeJS.Signals | null];
    clearTimeout(timer);
    return { code, signal, stderr, milliseconds: performance.now() - started };
  }
  const make = (folder: string): void => {
    mkdirSync(folder, { recursive: true });
    prepare?.(folder);
  };

  it(
    `${name} is whole or absent after ${KILLS} kills (seed ${SEED})`,
    async () => {
      const reference = path(`${name} reference`);
      mkdirSync(path("tmp"), { recursive: true });
      make(reference);
      const whole = await run(reference);
      expect(whole).toMatchObject({ code: 0 });
      const expected = await contents(reference);
      expect(Object.keys(expected).length).toBeGreaterThan(0);

      const folder = path(name);
      make(folder);
      let ended = 0;
      for (let kill = 0; kill < KILLS; kill++) {
        const signal = SIGNALS[Math.floor(3 * random())]!;
        const after = whole.milliseconds * (0.15 + 0.9 * random());
        const before = await contents(folder);
        const killed = await run(folder, { signal, after });
        const how = `kill ${kill} by ${signal} after ${after.toFixed(0)} ms, seed ${SEED}: ${killed.stderr}`;
        if (killed.code !== 0) {
          ended++;
          // Where Node itself has not begun yet, the signal ends it.
          if (killed.code === null) expect(killed.signal, how).toBe(signal);
          else expect(killed.code, how).toBe(signal === "SIGINT" ? 130 : 143);
        }
        const found = withoutRounding(await contents(folder), expected);
        for (const [item, value] of Object.entries(found)) {
          if (!(item in expected)) {
            // Only who had no time to clean up leaves something of his own.
            if (killed.signal !== "SIGKILL" && !resumes(item) && !(item in before)) expect(`${item} is left`, how).toBe("");
          } else if (!grows(item)) expect([item, value], how).toEqual([item, expected[item]]);
          else
            expect(readFileSync(join(reference, item)).subarray(0, readFileSync(join(folder, item)).length), how).toEqual(
              readFileSync(join(folder, item)),
            );
        }
        if (random() < 0.7 && kill < KILLS - 1) continue;
        expect(await run(folder), how).toMatchObject({ code: 0 });
        expect(withoutRounding(await contents(folder), expected), how).toEqual(expected);
        await writer.afterWhole?.(folder);
        rmSync(folder, { recursive: true });
        make(folder);
      }
      if (KILLS > 10) expect(ended).toBeGreaterThan(KILLS / 6);
      expect(readdirSync(path("tmp"))).toEqual([]);
    },
    60_000 + 20_000 * KILLS,
  );
}
