import { spawn } from "node:child_process";
import { existsSync, statSync } from "node:fs";
import { MAIN } from "./run-cli.js";

/** Starts a command line and kills it when `file` has grown to `size` bytes; says whether it was killed before it was done. */
export async function killAt(args: readonly string[], file: string, size: number): Promise<boolean> {
  const child = spawn(process.execPath, [MAIN, ...args], { stdio: "ignore" });
  const poll = setInterval(() => {
    if (existsSync(file) && statSync(file).size >= size) child.kill("SIGKILL");
  }, 1);
  const signal = await new Promise((resolve) => child.on("exit", (_, name) => resolve(name)));
  clearInterval(poll);
  return signal === "SIGKILL";
}
