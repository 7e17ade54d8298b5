/**
 * The tools that the repository is built with, from nothing but Node and npm: the pnpm that package.json names, through npm's own `exec`;
 * the dependencies as the lockfile has them; turbo. What is up to date is left alone, so that a second run costs nothing.
 */
import { createHash } from "node:crypto";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { run } from "./child-process.mjs";

/** The repository's root folder. */
export const root = dirname(dirname(fileURLToPath(import.meta.url)));

const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
const stampFile = join(root, "node_modules", ".bootstrap.json");

/** npm's settings that decide where packages come from and how; pnpm reads them from the environment under names of its own. */
const NETWORK_SETTINGS = ["registry", "proxy", "https-proxy", "noproxy", "cafile", "strict-ssl"];

/** A step that failed, with what the tool had to say. */
export class StepError extends Error {
  /** @param {string} message @param {{ code: number, output: string }} result */
  constructor(message, { code, output }) {
    super(message);
    this.code = code;
    this.output = output;
  }
}

/** @throws StepError - this Node is too old. */
export function checkNodeVersion() {
  const wanted = manifest.engines.node.replace(">=", "");
  const [major, minor] = wanted.split(".").map(Number);
  const [ownMajor, ownMinor] = process.versions.node.split(".").map(Number);
  if (ownMajor > major || (ownMajor === major && ownMinor >= minor)) return;
  throw new StepError(`Node ${wanted} or newer is needed; this is Node ${process.versions.node}. Get a newer one, then run this again.`, {
    code: 1,
    output: "",
  });
}

/**
 * Installs the dependencies unless they are those of the lockfile already.
 *
 * @param {(text: string) => void} report - told what takes time.
 * @returns {Promise<NodeJS.ProcessEnv>} the environment for {@link turbo}.
 * @throws StepError
 */
export async function install(report) {
  const key = createHash("sha256")
    .update(readFileSync(join(root, "pnpm-lock.yaml")))
    .update(`${manifest.packageManager} ${process.platform} ${process.arch}`)
    .digest("hex");
  const stamp = readStamp();
  if (stamp.key === key && isFolderOfPnpm(stamp.pnpmFolder)) return withPath(stamp.pnpmFolder);

  report("installing the dependencies (the first time, this is a download)");
  const pnpmFolder = await findPnpm();
  const env = withPath(pnpmFolder);
  if (stamp.key !== key) {
    const result = await run("pnpm", ["install", "--frozen-lockfile"], {
      output: "collect",
      cwd: root,
      // CI: pnpm then asks nothing, which nobody could answer here.
      env: { ...env, CI: "true", ...(await npmNetworkSettings()) },
    });
    if (result.code !== 0) {
      throw new StepError(
        "The dependencies could not be installed. Packages come from where npm gets its own: `npm config get registry`.",
        result,
      );
    }
  }
  writeFileSync(stampFile, JSON.stringify({ key, pnpmFolder }));
  return env;
}

/**
 * Runs turbo.
 *
 * @param {readonly string[]} args
 * @param {{ env: NodeJS.ProcessEnv, output: "collect" | "inherit" }} options - `env` as {@link install} gave it.
 */
export function turbo(args, { env, output }) {
  const limits = [`--concurrency=${Math.max(2, availableParallelism())}`, "--ui=stream", "--output-logs=errors-only"];
  return run(process.execPath, [join(root, "node_modules", "turbo", "bin", "turbo"), "run", ...args, ...limits], {
    output,
    env,
    cwd: root,
  });
}

/**
 * What pnpm packs the command with, and the packages that it depends on.
 *
 * @param {string} folder - gets a tarball of each.
 */
export function packArguments(folder) {
  return ["--filter-prod", "chinese-clip...", "--recursive", "pack", "--pack-destination", folder];
}

function readStamp() {
  try {
    return JSON.parse(readFileSync(stampFile, "utf8"));
  } catch {
    return {}; // none yet, or half a file: both mean to install
  }
}

/** Forgets that the dependencies are installed, so that the next run looks again. */
export function forgetInstall() {
  rmSync(stampFile, { force: true });
}

/** The folder of the pinned pnpm; npm downloads it to its own cache if need be. */
async function findPnpm() {
  const result = await npm(["exec", "--yes", `--package=${manifest.packageManager}`, "--", "node", "-p", "'PATH='+process.env.PATH"]);
  const path = /^PATH=(.*)$/m.exec(result.output)?.[1] ?? "";
  const folder = path.split(delimiter).find(isFolderOfPnpm);
  if (result.code !== 0 || folder === undefined) throw new StepError(`npm could not get ${manifest.packageManager}.`, result);
  return folder;
}

function isFolderOfPnpm(folder) {
  return typeof folder === "string" && existsSync(join(folder, process.platform === "win32" ? "pnpm.cmd" : "pnpm"));
}

/** npm's network settings as variables that pnpm reads; those that the user has set for pnpm stay. */
async function npmNetworkSettings() {
  const { output } = await npm(["config", "get", ...NETWORK_SETTINGS]);
  const settings = {};
  for (const name of NETWORK_SETTINGS) {
    const value = new RegExp(`^${name}=(.*)$`, "m").exec(output)?.[1]?.trim() ?? "";
    const variable = `pnpm_config_${name.replaceAll("-", "_")}`;
    if (value !== "" && value !== "null" && value !== "undefined" && process.env[variable] === undefined) settings[variable] = value;
  }
  return settings;
}

/** The npm that this runs under, or the one on the PATH. */
function npm(args) {
  const own = process.env.npm_execpath ?? "";
  const options = { output: "collect", cwd: root };
  return own.endsWith("npm-cli.js") ? run(process.execPath, [own, ...args], options) : run("npm", args, options);
}

/** This environment with pnpm and the repository's tools on the PATH, and without telemetry and downloads that nobody asked for. */
function withPath(pnpmFolder) {
  const env = { ...process.env, TURBO_TELEMETRY_DISABLED: "1", TURBO_NO_UPDATE_NOTIFIER: "1", ONNXRUNTIME_NODE_INSTALL: "skip" };
  const name = Object.keys(env).find((key) => key.toUpperCase() === "PATH") ?? "PATH"; // Windows says Path
  env[name] = [pnpmFolder, join(root, "node_modules", ".bin"), env[name]].join(delimiter);
  return env;
}
