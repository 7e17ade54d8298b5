/**
 * Ctrl-C and its like reach every command. `kill-writer.ts` ends the ones that write at any moment.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { scratchFolder } from "@chinese-clip/scratch-folder";
import { DEMO, type Ended, MAIN, spawnCli } from "./run-cli.js";

const PICTURES = fileURLToPath(new URL("../../../../examples/pictures/", import.meta.url));
const RETRIEVAL = fileURLToPath(new URL("../../../../fixtures/evaluation/retrieval/ties/", import.meta.url));
const { path } = scratchFolder();

/**
 * Starts the command, sends a signal once `ready`, and waits for its end.
 *
 * @param ready - gets a promise for the time at which all but the last few kilobytes of `input` have been read.
 */
async function interrupt(
  args: readonly string[],
  signal: NodeJS.Signals,
  ready: (read: Promise<void>) => Promise<unknown>,
  { env = {}, input = "" }: { readonly env?: Readonly<Record<string, string>>; readonly input?: string } = {},
): Promise<Ended> {
  const child = spawn(process.execPath, [MAIN, ...args], { env: { ...process.env, LC_ALL: "C.UTF-8", ...env } });
  child.stdin.on("error", () => {});
  const read = new Promise<void>((resolve) => child.stdin.write(input, () => resolve())); // and stays open
  let [stdout, stderr] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  const closed = once(child, "close") as Promise<[number | null]>;
  await Promise.race([ready(read), closed.then(() => Promise.reject(new Error(`ended before the signal: ${stderr}`)))]);
  child.kill(signal);
  const [code] = await closed;
  return { code, stdout, stderr };
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 10));
}

describe("a hub that does not answer", () => {
  let server: Server;
  let endpoint = "";
  const asked = new Set<string>();
  beforeAll(async () => {
    server = createServer(({ url = "" }) => void asked.add(/models?\/(\w+)\//u.exec(url)?.[1] ?? /^\/(\w+)\//u.exec(url)?.[1] ?? url));
    await once(server.listen(0, "127.0.0.1"), "listening");
    endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });

  const commands: readonly (readonly [command: string, args: (model: string) => readonly string[]])[] = [
    ["download", (model) => [model]],
    ["info", (model) => [model]],
    ["convert", (model) => ["--model", model, "--output", path("out")]],
    ["export", (model) => ["--model", model, "--output", path("out")]],
    ["export-web", (model) => ["--model", model, "--output", path("out")]],
    ["classify", (model) => ["--model", model, "--labels", "猫,狗", PICTURES]],
    ["embed", (model) => ["--model", model, "--images", PICTURES, "--output", path("out.jsonl")]],
    ["search", (model) => ["--model", model, "--in", PICTURES, "--query", "猫"]],
    ["compare", (model) => ["--model", model, "--dtypes", "fp32,q8", "--texts", "猫"]],
    ["verify", (model) => [model, "--image", `${PICTURES}/${readdirSync(PICTURES)[0]}`]],
    [
      "evaluate retrieval",
      (model) => [
        "--model",
        model,
        "--texts",
        `${RETRIEVAL}valid_texts.jsonl`,
        "--image-features",
        `${RETRIEVAL}valid_imgs.img_feat.jsonl`,
      ],
    ],
  ];
  const signals = [
    ["SIGINT", 130],
    ["SIGTERM", 143],
    ["SIGHUP", 129],
  ] as const;

  it.each(commands)("%s ends, and leaves no file", async (command, args) => {
    const [signal, code] = signals[commands.findIndex(([name]) => name === command) % 3]!;
    const owner = command.replaceAll(/\W/g, "");
    const ended = await interrupt(
      [...command.split(" "), ...args(`${owner}/model`), "--endpoint", endpoint, "--cache-dir", path(`cache-${owner}`)],
      signal,
      () => until(() => asked.has(owner)),
    );
    expect(ended).toEqual({ code, stdout: "", stderr: `stopping (${signal}); press Ctrl-C again to stop at once\n` });
    expect(readdirSync(path(".")).filter((name) => name.includes("out"))).toEqual([]);
  });
});

it("a list on stdin that does not end: classify ends, in Chinese", async () => {
  const args = ["classify", "-", "--model", DEMO, "--labels", "猫,狗"];
  const input = "a.jpg\n".repeat(100_000); // more than a pipe holds
  const ended = await interrupt(args, "SIGINT", (read) => read, { env: { LC_ALL: "zh_CN.UTF-8" }, input });
  expect(ended).toEqual({ code: 130, stdout: "", stderr: "正在停止（SIGINT）；再按一次 Ctrl-C 立即结束\n" });
});

it("embed in the middle: whole rows, no lock, and the next run goes on from there", async () => {
  const list = readdirSync(PICTURES)
    .filter((name) => !name.endsWith(".json"))
    .map((name) => `${PICTURES}/${name}\n`);
  const output = path("features.jsonl");
  const args = ["embed", "--model", DEMO, "--images", "-", "--output", output];
  const rows = (): string[] => (existsSync(output) ? readFileSync(output, "utf8").split("\n").slice(0, -1) : []);
  const ended = await interrupt(args, "SIGTERM", () => until(() => rows().length > 0), { input: list.slice(0, 24).join("") });
  expect(ended).toMatchObject({ code: 143, stdout: "" });
  const before = rows();
  for (const row of before) JSON.parse(row);
  expect(readdirSync(path(".")).filter((name) => name.includes("lock") || name.includes("part"))).toEqual([]);
  const next = await spawnCli(args, {}, list.join(""));
  expect(next).toMatchObject({ code: 0, stderr: expect.stringContaining("→") as string });
  expect(next.stdout).toContain(`${before.length} there before`);
  expect(rows()).toHaveLength(list.length);
});
