/**
 * The container's image, which nobody builds here: each step of the Dockerfile is a command that tests run, and what the image runs is run as it
 * stands there, with the demo model.
 */
import { execFile, spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { workspaceClosure } from "@chinese-clip/consumer";
import { afterAll, expect, it } from "vitest";
import { manifestOf, root } from "./packages.js";

const folder = mkdtempSync(join(tmpdir(), "chinese-clip-docker-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const read = (name: string): string => readFileSync(join(root, name), "utf8");

/** The Dockerfile's instructions, in order. */
const instructions = read("Dockerfile")
  .replaceAll(/\\\n/g, " ")
  .split("\n")
  .filter((line) => line !== "" && !line.startsWith("#"))
  .map((line) => /^([A-Z]+) (.*)$/.exec(line)?.slice(1) as [string, string]);
const of = (name: string): string[] => instructions.flatMap(([instruction, text]) => (instruction === name ? [text] : []));
const jsonOf = (text: string | undefined): string[] => JSON.parse(/\[.*\]$/.exec(text ?? "")?.[0] ?? "[]") as string[];

it("has the steps that are tested: the command's tarballs, then npm", () => {
  expect(of("RUN")).toEqual([
    "node scripts/bootstrap.mjs pack /tarballs",
    "npm install --prefix /app --omit=dev --ignore-scripts --no-audit --no-fund /tarballs/*.tgz",
    "mkdir /models",
  ]);
  expect(of("FROM").map((text) => text.split(" ")[0])).toEqual(["${NODE_IMAGE}", "${NODE_IMAGE}"]);
});

it("packs the command and every package that it depends on, with versions in place of the workspace", async () => {
  const { packArguments } = (await import(join(root, "scripts", "toolchain.mjs"))) as { packArguments: (target: string) => string[] };
  await promisify(execFile)("pnpm", packArguments(folder), { cwd: root, shell: process.platform === "win32" });
  const { version } = manifestOf("cli");
  // `queue` is an optional peer of the command; workers run from the image.
  const names = [...(await workspaceClosure("cli")), "queue"].map((name) => (name === "cli" ? "chinese-clip" : `chinese-clip-${name}`));
  expect(readdirSync(folder).toSorted()).toEqual(names.map((name) => `${name}-${version}.tgz`).toSorted());
});

it("runs as a user without rights, with the models in a volume", () => {
  expect(of("USER")).toEqual(["node"]);
  expect(instructions.findIndex(([name]) => name === "USER")).toBeLessThan(instructions.findIndex(([name]) => name === "ENTRYPOINT"));
  expect(jsonOf(of("VOLUME")[0])).toEqual(["/models"]);
  expect(of("ENV").join(" ")).toContain("HF_HUB_CACHE=/models");
  expect(of("ADD")).toEqual([]);
});

it("starts what the package's command is, wants a key, and is found healthy by its own check", async () => {
  const [node, main] = jsonOf(of("ENTRYPOINT")[0]);
  expect([node, main]).toEqual(["node", `/app/node_modules/chinese-clip/${manifestOf("cli").bin?.["chinese-clip"]?.replace("./", "")}`]);
  const command = [join(root, "packages", "cli", "dist", "main.js"), ...jsonOf(of("CMD")[0]), "--port", "0", "--json"];
  const env = {
    ...process.env,
    CHINESE_CLIP_MODEL: join(root, "examples", "demo-checkpoint"),
    CHINESE_CLIP_INDEX: "",
    CHINESE_CLIP_API_KEY: "",
  };
  await expect(promisify(execFile)(process.execPath, command, { env })).rejects.toThrow(/expected a key/);

  const server = spawn(process.execPath, command, { env: { ...env, CHINESE_CLIP_API_KEY: "k" }, stdio: ["ignore", "pipe", "inherit"] });
  try {
    const line = await new Promise<string>((resolve) => void server.stdout.setEncoding("utf8").once("data", resolve));
    const { port } = new URL((JSON.parse(line) as { url: string }).url);
    const [, ...check] = jsonOf(of("HEALTHCHECK")[0]);
    const health = (at: string): Promise<unknown> =>
      promisify(execFile)(
        process.execPath,
        check.map((text) => text.replace("8080", at)),
      );
    await health(port);
    await expect(health("9")).rejects.toMatchObject({ code: 1 });
  } finally {
    server.kill("SIGKILL");
  }
});

it("has a compose file that gives the same arguments, needs a key and opens no port to others", () => {
  const compose = read("compose.yaml");
  const args = [...compose.matchAll(/^ {8}(\w+): \$\{/gm)].map(([, name]) => name);
  expect(args).toEqual(of("ARG").map((text) => text.split("=")[0]));
  expect(compose).toContain("${CHINESE_CLIP_API_KEY:?");
  expect(compose).toMatch(/ports:\n\s+- "127\.0\.0\.1:8080:8080"/);
  expect(compose).toContain("- models:/models");
});

it("sends no dependency, build or history to the builder", () => {
  expect(read(".dockerignore").split("\n")).toEqual(expect.arrayContaining(["**/node_modules", "**/dist", ".git"]));
});
