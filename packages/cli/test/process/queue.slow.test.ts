/** `enqueue`, `worker` and `audit` as a user runs them. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeDrawings } from "@chinese-clip/drawings";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DEMO, type Ended, MAIN, runCli, spawnCli } from "./run-cli.js";

const root = mkdtempSync(join(tmpdir(), "chinese-clip-queue-"));
const [manifest, output] = [join(root, "images.manifest"), join(root, "features")];

describe.skipIf(!hasRedis())("a queue (needs redis-server on the PATH)", () => {
  let redis: ChildProcess;
  let env: Readonly<Record<string, string>>;
  const run = (args: readonly string[]): Promise<Ended> => runCli(args, env);

  beforeAll(async () => {
    const port = await freePort();
    redis = spawn("redis-server", ["--port", String(port), "--bind", "127.0.0.1", "--dir", root, "--save", "", "--requirepass", "secret"], {
      stdio: "ignore",
    });
    env = { CHINESE_CLIP_QUEUE_ADDRESS: `redis://:secret@127.0.0.1:${port}` };
    for (const [i, { bytes }] of (await makeDrawings(12, 5)).entries()) {
      writeFileSync(join(root, `image-${String(i).padStart(2, "0")}.png`), i === 4 ? "no image" : bytes);
    }
    while ((await run(["enqueue", "--status"])).code !== 0);
  });
  afterAll(() => {
    redis.kill("SIGKILL");
    rmSync(root, { recursive: true, force: true });
  });

  it("a folder is listed, queued, embedded and audited", async () => {
    const source = `folder:${root}`;
    const listed = await spawnCli(["enqueue", source, "--manifest", manifest, "--shard-size", "5"], env);
    expect(listed).toMatchObject({ code: 0, stdout: "3 shards added; 0 were in the queue before\n" });
    expect(listed.stderr).toContain("3 shards, 12 images");
    const again = await run(["enqueue", source, "--manifest", manifest, "--json"]);
    expect(JSON.parse(again.stdout)).toEqual({ added: 0, existing: 3, running: [] });

    const worked = await spawnCli(["worker", "--manifest", manifest, "--output", output, "--model", DEMO, "--until-empty", "--json"], env);
    expect(worked.code).toBe(0);
    const events = worked.stdout.trim().split("\n").map((line) => JSON.parse(line) as { readonly type: string }); // prettier-ignore
    expect(events.filter(({ type }) => type === "done")).toHaveLength(3);
    expect(events.at(-1)).toMatchObject({ type: "ended", shards: 3, images: 11, unreadable: 1, failed: 0 });

    const audited = await spawnCli(["audit", "--manifest", manifest, "--output", output], env);
    expect(audited).toMatchObject({ code: 0, stdout: "3 of 3 shards are complete: 11 rows, 1 images without one; 0 faults\n" });
    expect((await run(["enqueue", "--status"])).stdout).toBe("3 done, 0 waiting, 0 in work, 0 to be tried again, 0 failed\n");
  });

  it("what an audit says is run, and the output is whole again", async () => {
    rmSync(join(output, "img_emb/img_emb_0001.npy"));
    writeFileSync(join(output, "notes it's.txt"), "");
    const found = await run(["audit", "--manifest", manifest, "--output", output, "--json"]);
    expect(found.code).toBe(1);
    const { faults, commands } = JSON.parse(found.stdout) as { readonly faults: readonly object[]; readonly commands: readonly string[] };
    expect(faults).toMatchObject([{ kind: "missing" }, { kind: "unknown-file", file: "notes it's.txt" }]);
    for (const command of commands) {
      const line = command.replace(/^chinese-clip /u, `'${process.execPath}' '${MAIN}' `);
      execFileSync("sh", ["-c", line], { env: { ...process.env, ...env }, stdio: "ignore" });
    }
    const worked = await run(["worker", "--manifest", manifest, "--output", output, "--model", DEMO, "--until-empty"]);
    expect(worked.code).toBe(0);
    expect((await run(["audit", "--manifest", manifest, "--output", output])).code).toBe(0);
  });

  it("says what is wrong with a server, a password and a manifest", async () => {
    const down = await run(["enqueue", "--manifest", manifest, "--address", "redis://127.0.0.1:1"]);
    expect(down).toMatchObject({ code: 1, stdout: "" });
    expect(down.stderr).toMatch(/^error: redis:\/\/127\.0\.0\.1:1: nothing answers \(.*\)\. Start redis-server/u);
    const wrong = (env["CHINESE_CLIP_QUEUE_ADDRESS"] ?? "").replace("secret", "wr0ng");
    const denied = await run(["enqueue", "--manifest", manifest, "--address", wrong]);
    expect(denied.stderr).toMatch(/^error: redis:\/\/\*\*\*@127\.0\.0\.1:\d+: the server rejects the password/u);
    expect(denied.stderr).not.toContain("wr0ng");
    expect((await run(["enqueue", "--manifest", join(root, "none")])).code).toBe(2);
    expect((await run(["enqueue", "folder:elsewhere", "--manifest", manifest])).stderr).toContain("name another manifest");
    expect((await run(["enqueue", "--manifest", manifest, "--shards", "x"])).stderr).toContain("has no shard x");
  });

  it("hands its shard back or finishes it at SIGTERM", async () => {
    await run(["enqueue", "--manifest", manifest, "--again"]);
    const args = ["worker", "--manifest", manifest, "--output", output, "--model", DEMO];
    const child = spawn(process.execPath, [MAIN, ...args], { env: { ...process.env, ...env }, stdio: ["ignore", "ignore", "pipe"] });
    await new Promise((resolve) => child.stderr.once("data", resolve)); // the first shard is done, or shows its progress
    child.kill("SIGTERM");
    const code = await new Promise((resolve) => child.once("exit", resolve));
    expect(code).toBe(0);
    const { waiting, active, failed, delayed, completed } = JSON.parse((await run(["enqueue", "--status", "--json"])).stdout) as Readonly<Record<string, number>>; // prettier-ignore
    expect({ active, failed, delayed, all: (waiting ?? 0) + (completed ?? 0) }).toEqual({ active: 0, failed: 0, delayed: 0, all: 3 });
  });
});

function hasRedis(): boolean {
  try {
    execFileSync("which", ["redis-server"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

async function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer();
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
    });
  });
}
