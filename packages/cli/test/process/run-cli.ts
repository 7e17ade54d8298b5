import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** The built command. */
export const MAIN: string = fileURLToPath(new URL("../../dist/main.js", import.meta.url));

/** The demo checkpoint. */
export const DEMO: string = fileURLToPath(new URL("../../../../examples/demo-checkpoint", import.meta.url));

/** How a process ended. */
export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs the built command as a user does.
 *
 * @param input - what is on its stdin.
 */
export async function runCli(args: readonly string[], env: Readonly<Record<string, string>> = {}, input?: string): Promise<Ended> {
  if (!existsSync(MAIN)) throw new Error("packages/cli is not built: run pnpm build");
  const child = spawn(process.execPath, [MAIN, ...args], {
    env: { ...process.env, LC_ALL: "C.UTF-8", ...env },
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
