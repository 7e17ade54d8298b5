/**
 * Child processes of the bootstrap: quiet ones whose output is shown only when they fail, and loud ones that own the terminal.
 * When this process is asked to end, they end first, with everything they started.
 */
import { spawn, spawnSync } from "node:child_process";
import { constants } from "node:os";

const isWindows = process.platform === "win32";

/** Children under way: how to end each, and a promise that settles when it has ended. */
const running = new Map();

/** Whether this process is on its way out. Nothing is to go on after its children then, so their promises stay pending. */
let ending = false;

/**
 * Runs a command to its end.
 *
 * @param {string} command - an executable's path, or a name on the PATH of `env`.
 * @param {readonly string[]} args - on Windows, where a name such as `pnpm` is a `.cmd` file that only a shell can start, without spaces.
 * @param {object} options
 * @param {"collect" | "inherit"} options.output - keep what it prints, or let it have this terminal.
 * @param {NodeJS.ProcessEnv} [options.env]
 * @param {string} [options.cwd]
 * @param {boolean} [options.interactive] - keep it in the terminal's foreground group, so that it may read keys.
 * @returns {Promise<{ code: number, output: string }>} exit status, 128 + n for one that signal n ended.
 */
export function run(command, args, { output, env = process.env, cwd = process.cwd(), interactive = false }) {
  // A name needs the shell on Windows; a path (Node itself) must do without, since a path may hold spaces.
  const shell = isWindows && !/[\\/]/.test(command);
  // Its own process group, so that ending it ends its children too: wrappers such as npm's die without telling them.
  const detached = !isWindows && !interactive;
  const child = spawn(command, args, {
    cwd,
    env,
    shell,
    detached,
    windowsHide: true,
    stdio: output === "inherit" ? [interactive ? "inherit" : "ignore", "inherit", "inherit"] : ["ignore", "pipe", "pipe"],
  });
  let text = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8");
    stream?.on("data", (chunk) => (text += chunk));
  }
  const ended = new Promise((resolve) => {
    child.on("error", (error) => resolve({ code: 127, output: `${text}${command}: ${error.message}\n` }));
    child.on("close", (code, signal) => resolve({ code: code === null ? 128 + constants.signals[signal] : code, output: text }));
  });
  running.set(child, { end: (signal) => end(child, signal, detached), ended });
  void ended.then(() => running.delete(child));
  return ended.then((result) => (ending ? new Promise(() => {}) : result));
}

function end(child, signal, detached) {
  if (child.pid === undefined) return;
  if (isWindows) {
    spawnSync("taskkill", ["/pid", String(child.pid), "/t", "/f"], { stdio: "ignore", windowsHide: true });
    return;
  }
  try {
    process.kill(detached ? -child.pid : child.pid, signal);
  } catch {
    // It has ended by itself in the meantime.
  }
}

/** From here on, Ctrl-C and a polite kill end the children, then this process. */
export function endChildrenOnSignals() {
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
    process.once(signal, () => {
      ending = true;
      const children = [...running.values()];
      for (const child of children) child.end(signal);
      void Promise.all(children.map(({ ended }) => ended)).then(() => process.exit(128 + constants.signals[signal]));
    });
  }
}
