import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { vi } from "vitest";
import { processOutput, reportError, runCommandLine } from "../../src/command-line.js";

/** The built command. */
export const MAIN: string = fileURLToPath(new URL("../../dist/main.js", import.meta.url));

/** The demo checkpoint. */
export const DEMO: string = fileURLToPath(new URL("../../../../examples/demo-checkpoint", import.meta.url));

/** How a command ended. */
export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

type Environment = Readonly<Record<string, string>>;

const LOCALE = { LC_ALL: "C.UTF-8" };

/** Runs the built command in a process of its own, as a user does. @param input - what is on its stdin. */
export async function spawnCli(args: readonly string[], env: Environment = {}, input?: string): Promise<Ended> {
  if (!existsSync(MAIN)) throw new Error("packages/cli is not built: run pnpm build");
  const child = spawn(process.execPath, [MAIN, ...args], {
    env: { ...process.env, ...LOCALE, ...env },
    stdio: ["pipe", "pipe", "pipe"],
  });
  // One that ends without reading it closes the pipe.
  child.stdin.on("error", () => {}).end(input);
  let [stdout, stderr] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  const code = await new Promise<number | null>((resolve, reject) => child.on("error", reject).on("close", resolve));
  return { code, stdout, stderr };
}

let last: Promise<unknown> = Promise.resolve();

/**
 * Runs the command in this process, where the packages that it works with are loaded once: a process each takes a third of a second of processor time,
 * and another half for a model. One runs at a time, since the environment and the streams are the process's.
 */
export function runCli(args: readonly string[], env: Environment = {}): Promise<Ended> {
  const ended = last.then(() => runHere(args, env));
  last = ended.catch(() => undefined);
  return ended;
}

async function runHere(args: readonly string[], env: Environment): Promise<Ended> {
  const printed = { stdout: "", stderr: "" };
  const streams = (["stdout", "stderr"] as const).map((name) =>
    vi.spyOn(process[name], "write").mockImplementation((chunk) => {
      printed[name] += typeof chunk === "string" ? chunk : Buffer.from(chunk).toString();
      return true;
    }),
  );
  for (const [name, value] of Object.entries({ ...LOCALE, ...env })) vi.stubEnv(name, value);
  try {
    const context = { ...processOutput(), signal: new AbortController().signal };
    const code = await runCommandLine(args, context).catch((error: unknown) => reportError(error, context));
    return { code, ...printed };
  } finally {
    vi.unstubAllEnvs();
    for (const stream of streams) stream.mockRestore();
  }
}
