/**
 * Empty projects that install the packed packages as a user would, with npm. What they run and type-check is what is in the tarballs; nothing
 * of the repository is reachable from them.
 */
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const execute = promisify(execFile);
const { resolve } = createRequire(import.meta.url);
const shell = process.platform === "win32"; // npm and pnpm are .cmd files there

/** The repository's root folder. */
export const root: string = dirname(dirname(dirname(dirname(fileURLToPath(import.meta.url)))));

/** The compiler's command-line script. */
export const tsc: string = join(dirname(resolve("typescript/package.json")), "bin", "tsc");

/** The folder of `@types/node`. */
export const nodeTypes: string = dirname(resolve("@types/node/package.json"));

/** What a process wrote, and how it ended. */
export interface Outcome {
  /** The exit code, or the name of the signal that ended it. */
  readonly code: number | string;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs a program to its end, whatever that is.
 *
 * @param variables - in its environment, on top of the usual ones.
 */
export async function run(
  program: string,
  args: readonly string[],
  folder: string,
  variables: Readonly<Record<string, string>> = {},
): Promise<Outcome> {
  try {
    const { stdout, stderr } = await execute(program, args, {
      cwd: folder,
      env: { ...environment(), ...variables },
      shell: shell && program !== process.execPath,
      maxBuffer: 2 ** 26,
    });
    return { code: 0, stdout, stderr };
  } catch (error) {
    const {
      code,
      signal,
      stdout = "",
      stderr = "",
    } = error as { code?: unknown; signal?: string | null; stdout?: string; stderr?: string };
    const ended = typeof code === "number" ? code : (signal ?? 1);
    return { code: ended, stdout, stderr: stderr === "" ? String(error) : stderr };
  }
}

/** Runs Node on a script in `folder`, with the arguments after it. */
export function node(folder: string, ...args: readonly string[]): Promise<Outcome> {
  return run(process.execPath, args, folder);
}

/** A folder to make consumers in. */
export function createWorkFolder(): Promise<string> {
  return mkdtemp(join(tmpdir(), "chinese-clip-consumer-"));
}

/** Removes the folder and all that is in it; a process that has just ended may hold a file for a moment on some systems. */
export function removeWorkFolder(folder: string): Promise<void> {
  return rm(folder, { recursive: true, force: true, maxRetries: 5 });
}

/** Packs a package as `pnpm publish` would; gives the tarball's path. */
export async function pack(packageFolder: string, destination: string): Promise<string> {
  const folder = join(destination, packageFolder);
  await mkdir(folder, { recursive: true });
  const { code, stdout, stderr } = await run("pnpm", ["pack", "--pack-destination", folder], join(root, "packages", packageFolder));
  const [tarball] = (await readdir(folder)).filter((name) => name.endsWith(".tgz"));
  if (code !== 0 || tarball === undefined) throw new Error(`pnpm pack ${packageFolder}: ${stdout}${stderr}`);
  return join(folder, tarball);
}

/** The folders below `packages/` of a package and of all in the workspace that it depends on. */
export async function workspaceClosure(packageFolder: string): Promise<string[]> {
  const folders = new Set([packageFolder]);
  for (const folder of folders) {
    const manifest = JSON.parse(await readFile(join(root, "packages", folder, "package.json"), "utf8")) as {
      readonly dependencies?: Readonly<Record<string, string>>;
    };
    for (const [name, version] of Object.entries(manifest.dependencies ?? {}))
      if (version.startsWith("workspace:")) folders.add(name.replace("@chinese-clip/", ""));
  }
  return [...folders];
}

/** An empty ESM project with these tarballs or packages (`name@version`) installed, and what they depend on, from the registry or npm's cache. */
export async function createConsumer(folder: string, packages: readonly string[]): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, "package.json"), JSON.stringify({ name: "consumer", private: true, type: "module" }));
  const flags = ["--ignore-scripts", "--prefer-offline", "--no-audit", "--no-fund", "--no-update-notifier"];
  const { code, stdout, stderr } = await run("npm", ["install", ...flags, ...packages], folder);
  if (code !== 0) throw new Error(`npm install: ${stdout}${stderr}`);
}

/** Every package installed in a consumer, by name. */
export async function installedPackages(folder: string): Promise<string[]> {
  const modules = join(folder, "node_modules");
  const names = (await readdir(modules)).filter((name) => !name.startsWith("."));
  const nested = names.map(async (name) =>
    name.startsWith("@") ? (await readdir(join(modules, name))).map((inner) => `${name}/${inner}`) : [name],
  );
  return (await Promise.all(nested)).flat().toSorted();
}

/** This environment without what the test run and the workspace put in it: their settings must not reach into a consumer. */
function environment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(
    ([name]) => !/^(?:NODE_OPTIONS|NODE_ENV|NODE_V8_COVERAGE|VITEST.*|TEST|npm_package_.*)$/.test(name),
  );
  return { ...Object.fromEntries(kept), ONNXRUNTIME_NODE_INSTALL: "skip" };
}
