/** Locks against owners that are dead, hang or live elsewhere, and clocks that differ. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { FileLock, type LockOwner } from "../../src/node/index.js";

const DEAD_PID = 2 ** 22 + 1;
let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "chinese-clip-lock-"));
  path = join(folder, "a.lock");
});
afterEach(async () => {
  vi.restoreAllMocks();
  await rm(folder, { recursive: true });
});

/** A lock as its owner would write it. */
async function leave(owner: Partial<LockOwner>, secondsAgo: number): Promise<void> {
  const own = await FileLock.acquire(path);
  const written = JSON.parse(await readFile(path, "utf8")) as LockOwner;
  await own.release();
  await writeFile(path, JSON.stringify({ ...written, id: "left", ...owner }));
  const then = Date.now() / 1000 - secondsAgo;
  await utimes(path, then, then);
}

async function elapsed(acquiring: Promise<FileLock | LockOwner>): Promise<number> {
  const start = performance.now();
  const lock = await acquiring;
  expect(lock).toBeInstanceOf(FileLock);
  if (lock instanceof FileLock) await lock.release();
  return performance.now() - start;
}

describe("I13 locks that survive clocks", () => {
  it.each([
    ["lies in the future", -3600],
    ["is fresh", 0],
    ["is old", 3600],
  ])("a dead owner's lock that %s is broken at once", async (_, secondsAgo) => {
    await leave({ pid: DEAD_PID }, secondsAgo);
    expect(await elapsed(FileLock.acquire(path))).toBeLessThan(1000);
    await leave({ pid: DEAD_PID }, secondsAgo);
    expect(await elapsed(FileLock.tryAcquire(path))).toBeLessThan(1000);
  });

  it("an owner that nobody can ask, with a lock in the future, is not waited for for ever", async () => {
    await leave({ pid: DEAD_PID, space: "an earlier boot" }, -3600);
    expect(await elapsed(FileLock.acquire(path))).toBeLessThan(8000);
  }, 20_000);

  it("a waiter whose clock is 120 s ahead leaves a live owner its lock", async () => {
    const script = `
      import { FileLock } from ${JSON.stringify(new URL("../../dist/node.js", import.meta.url).href)};
      const lock = await FileLock.acquire(${JSON.stringify(path)});
      process.stdout.write("held");
      setTimeout(async () => { process.stdout.write(String(await lock.isHeld())); await lock.release(); }, 4500);`;
    const child = spawn(process.execPath, ["--input-type=module", "-e", script], { stdio: ["ignore", "pipe", "inherit"] });
    let said = "";
    child.stdout.on("data", (data: Buffer) => (said += data.toString()));
    const closed = once(child, "close");
    await vi.waitFor(() => expect(said).toBe("held"), { timeout: 10_000 });
    const now = Date.now;
    vi.spyOn(Date, "now").mockImplementation(() => now() + 120_000);
    await (await FileLock.acquire(path)).release();
    await closed;
    expect(said).toBe("heldtrue");
  }, 30_000);

  it("a folder at the lock's path is an error that names it", async () => {
    await mkdir(path);
    await expect(FileLock.acquire(path)).rejects.toMatchObject({ code: "EISDIR", message: expect.stringContaining(path) });
    await expect(FileLock.tryAcquire(path)).rejects.toMatchObject({ code: "EISDIR" });
    expect((await stat(path)).isDirectory()).toBe(true);
  });

  it("an owner on another host keeps its lock while nothing is known of it", async () => {
    await leave({ host: "elsewhere" }, 0);
    expect(await FileLock.tryAcquire(path)).toMatchObject({ host: "elsewhere", pid: process.pid });
    await expect(FileLock.acquire(path, AbortSignal.timeout(4000))).rejects.toMatchObject({ name: "TimeoutError" });
    expect(JSON.parse(await readFile(path, "utf8"))).toMatchObject({ id: "left" });
  }, 20_000);

  it("an owner on another host that went silent an hour ago is given up", async () => {
    await leave({ host: "elsewhere" }, 3600);
    expect(await elapsed(FileLock.acquire(path))).toBeLessThan(8000);
  }, 20_000);

  it("a lock that names nobody is given up after some heartbeats", async () => {
    await writeFile(path, "");
    expect(await elapsed(FileLock.tryAcquire(path))).toBeLessThan(8000);
  }, 20_000);

  it("a running process of this machine is told from a dead one", async () => {
    const held = await FileLock.acquire(path);
    expect(await FileLock.tryAcquire(path)).toMatchObject({ pid: process.pid, host: hostname() });
    await held.release();
    expect(await elapsed(FileLock.tryAcquire(path))).toBeLessThan(1000);
  });

  it.each([
    ["names nobody", ""],
    ["names a dead process", JSON.stringify({ pid: DEAD_PID, host: hostname(), id: "left" })],
  ])(
    "of many that break a lock that %s one gets it, whatever the others see meanwhile",
    async (_, content) => {
      for (let round = 0; round < 4; round++) {
        await writeFile(path, content);
        const tried = await Promise.all(Array.from({ length: 16 }, async () => FileLock.tryAcquire(path)));
        const got = tried.filter((one) => one instanceof FileLock);
        expect(got).toHaveLength(1);
        expect(await got[0]?.isHeld()).toBe(true);
        await got[0]?.release();
        expect(await readdir(folder)).toEqual([]);
      }
    },
    20_000,
  );

  it("who was killed while it removed a lost lock does not keep others out", async () => {
    await leave({ pid: DEAD_PID }, 0);
    const left = await readFile(path, "utf8");
    await writeFile(`${path}.breaking`, left);
    expect(await elapsed(FileLock.tryAcquire(path))).toBeLessThan(8000);
    expect(await readdir(folder)).toEqual([]);
  }, 20_000);
});
