/**
 * A rehearsal of what happens to many machines: workers are killed and stopped, the queue's server dies, the output's disk is full; at the end
 * every shard has to be there, with the bytes of a run in which nothing happened.
 */
import { type DataSource, embedShard, openManifest, openSource, type ShardEmbedder, writeManifest } from "@chinese-clip/dataset";
import { makeDrawings } from "@chinese-clip/drawings";
import { ChineseCLIP } from "@chinese-clip/node";
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import {
  audit,
  type AuditReport,
  enqueueShards,
  indexManifest,
  type ManifestIndex,
  type QueueStatus,
  readQueueStatus,
} from "../../src/index.js";

/** A server of queues that can be killed. */
export interface RehearsalServer {
  readonly address: string;
  kill(): Promise<void>;
  start(): Promise<void>;
  remove(): Promise<void>;
}

/** What happens. */
export interface RehearsalPlan {
  /** A folder of its own. */
  readonly folder: string;
  readonly server: RehearsalServer;
  readonly shards: number;
  readonly imagesPerShard: number;
  readonly workers: number;
  /** SIGKILLs, at random moments spread over the shards. */
  readonly kills: number;
  /** How often the server is killed, and started again two seconds later. */
  readonly serverKills: number;
  /** Seconds that one worker is stopped for. */
  readonly stopSeconds: number;
  /** Seconds that the output's disk is full. */
  readonly diskFullSeconds: number;
  readonly log?: (line: string) => void;
  /** Called while the output is there. */
  readonly check?: (result: Pick<RehearsalResult, "manifest" | "output" | "report">) => Promise<void>;
}

/** What came of it. */
export interface RehearsalResult {
  readonly seconds: number;
  readonly calmSeconds: number;
  readonly report: AuditReport;
  readonly status: QueueStatus;
  /** Names of `.npy` files whose bytes differ from the calm run's; empty. */
  readonly differing: readonly string[];
  readonly manifest: ManifestIndex;
  readonly output: string;
  /** How often each kind of event was reported by workers. */
  readonly events: Readonly<Record<string, number>>;
  /** What the plan asked for and this machine cannot do. */
  readonly left: readonly string[];
}

const MODEL = fileURLToPath(new URL("../../../../examples/demo-checkpoint", import.meta.url));
const WORKER = fileURLToPath(new URL("worker-process.mjs", import.meta.url));

/** Makes images, embeds them calmly, then embeds them again in trouble. */
export async function rehearse(plan: RehearsalPlan): Promise<RehearsalResult> {
  const { folder, log = () => undefined } = plan;
  await writeImages(join(folder, "images"), plan.shards * plan.imagesPerShard);
  const source = openSource(`folder:${join(folder, "images")}`);
  const manifestFile = join(folder, "manifest.jsonl");
  await writeManifest(manifestFile, source, { shardSize: plan.imagesPerShard });
  const manifest = await indexManifest(manifestFile);
  log(`${manifest.ids.length} shards`);
  const calm = join(folder, "calm");
  const calmStart = performance.now();
  await embedCalmly(manifestFile, source, calm);
  const calmSeconds = (performance.now() - calmStart) / 1000;
  log(`calm run: ${calmSeconds.toFixed(1)} s`);

  const disk = Disk.mount(join(folder, "output"));
  const left = plan.diskFullSeconds > 0 && !disk.isOwn ? ["a full disk: needs root, to mount a tmpfs"] : [];
  const queue = { address: plan.server.address, queue: "rehearsal" };
  const team = new Team(plan.workers, { ...queue, manifestFile, output: disk.folder, model: MODEL });
  const start = performance.now();
  try {
    await enqueueShards({ ...queue, manifest: manifest.digest, shards: manifest.ids });
    team.start();
    await makeTrouble(plan, team, disk, manifest.ids.length, log);
    for (;;) {
      const { waiting, active, delayed } = await readQueueStatus(queue);
      if (waiting + active + delayed === 0) break;
      await sleep(500);
    }
    await team.end();
    const seconds = (performance.now() - start) / 1000;
    log(`in trouble: ${seconds.toFixed(1)} s`);
    const report = await audit({ manifest, output: disk.folder });
    const differing = differingRows(calm, disk.folder);
    if (report.clean) await plan.check?.({ manifest, output: disk.folder, report });
    return {
      seconds,
      calmSeconds,
      report,
      status: await readQueueStatus(queue),
      differing,
      manifest,
      output: disk.folder,
      events: team.events,
      left,
    };
  } finally {
    team.kill();
    disk.unmount();
  }
}

/** Kills at moments that the work's own progress sets, so that all of them happen before it is done. */
async function makeTrouble(plan: RehearsalPlan, team: Team, disk: Disk, shards: number, log: (line: string) => void): Promise<void> {
  const at = (share: number): number => Math.floor(shards * share);
  const steps: { readonly after: number; readonly what: () => Promise<void> }[] = [];
  const others: Promise<void>[] = [];
  for (let i = 0; i < plan.kills; i++) {
    steps.push({
      after: at((0.9 * i) / plan.kills),
      what: async () => {
        await sleep(Math.random() * 400);
        log(`kill ${i + 1}: ${team.killOne()}`);
      },
    });
  }
  for (let i = 0; i < plan.serverKills; i++) {
    steps.push({
      after: at((0.8 * (i + 0.7)) / plan.serverKills),
      what: async () => {
        log("the server dies");
        await plan.server.kill();
        await sleep(2000);
        await plan.server.start();
        log("the server is back");
      },
    });
  }
  if (plan.stopSeconds > 0)
    steps.push({ after: at(0.2), what: () => Promise.resolve(void others.push(team.stopOne(plan.stopSeconds * 1000, log))) });
  if (plan.diskFullSeconds > 0 && disk.isOwn)
    steps.push({ after: at(0.55), what: () => Promise.resolve(void others.push(disk.fill(plan.diskFullSeconds * 1000, log))) });
  steps.sort((a, b) => a.after - b.after);
  for (const { after, what } of steps) {
    while (team.done < Math.min(after, shards - 1)) await sleep(25);
    await what();
  }
  await Promise.all(others);
}

/** Workers as processes, each started again when it ends. */
class Team {
  readonly #options: object;
  readonly #members: (ChildProcess | undefined)[];
  readonly #stopped = new Set<number>();
  readonly events: Record<string, number> = {};
  readonly #finished = new Set<string>();
  #ending = false;

  constructor(size: number, options: object) {
    this.#options = options;
    this.#members = Array.from({ length: size }, () => undefined);
  }

  /** Shards that a worker has reported as done. */
  get done(): number {
    return this.#finished.size;
  }

  start(): void {
    for (const member of this.#members.keys()) this.#spawn(member);
  }

  #spawn(member: number): void {
    const options = JSON.stringify({ ...this.#options, name: `worker-${member}` });
    const child = spawn(process.execPath, [WORKER, options], { stdio: ["ignore", "pipe", "inherit"] });
    this.#members[member] = child;
    let rest = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      const lines = (rest + text).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) this.#note(JSON.parse(line) as { readonly type: string; readonly shard?: string });
    });
    child.once("exit", () => {
      if (!this.#ending) this.#spawn(member);
    });
  }

  #note({ type, shard }: { readonly type: string; readonly shard?: string }): void {
    this.events[type] = (this.events[type] ?? 0) + 1;
    if (type === "done" && shard !== undefined) this.#finished.add(shard);
  }

  /** Kills a random one that runs. @returns its name. */
  killOne(): string {
    const running = [...this.#members.keys()].filter((member) => !this.#stopped.has(member));
    const member = running[Math.floor(Math.random() * running.length)] ?? 0;
    this.#members[member]?.kill("SIGKILL");
    return `worker-${member}`;
  }

  /** Stops one as a machine that hangs, and continues it. */
  async stopOne(milliseconds: number, log: (line: string) => void): Promise<void> {
    const member = this.#members.length - 1;
    const child = this.#members[member];
    this.#stopped.add(member);
    child?.kill("SIGSTOP");
    log(`worker-${member} is stopped`);
    await sleep(milliseconds);
    child?.kill("SIGCONT");
    this.#stopped.delete(member);
    log(`worker-${member} is continued`);
  }

  async end(): Promise<void> {
    this.#ending = true;
    await Promise.all(
      this.#members.map(async (child) => {
        if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
        const gone = new Promise((resolve) => child.once("exit", resolve));
        child.kill("SIGTERM");
        await gone;
      }),
    );
  }

  kill(): void {
    this.#ending = true;
    for (const child of this.#members) child?.kill("SIGKILL");
  }
}

/** The output's disk: one of its own, where this user may mount one. */
class Disk {
  readonly folder: string;
  readonly isOwn: boolean;

  private constructor(folder: string, isOwn: boolean) {
    this.folder = folder;
    this.isOwn = isOwn;
  }

  static mount(folder: string): Disk {
    mkdirSync(folder, { recursive: true });
    try {
      execFileSync("mount", ["-t", "tmpfs", "-o", "size=256m", "tmpfs", folder], { stdio: "ignore" });
      return new Disk(folder, true);
    } catch {
      return new Disk(folder, false);
    }
  }

  /** Fills it, and frees it again. */
  async fill(milliseconds: number, log: (line: string) => void): Promise<void> {
    const file = join(this.folder, "full");
    const block = Buffer.alloc(1 << 20, 1);
    log("the disk is full");
    const end = performance.now() + milliseconds;
    while (performance.now() < end) {
      for (const size of [block.length, 4096]) {
        try {
          for (;;) writeFileSync(file, block.subarray(0, size), { flag: "a" });
        } catch {
          // Nothing more goes in.
        }
      }
      await sleep(20); // what a worker gives up is taken, too
    }
    rmSync(file);
    log("the disk has room again");
  }

  unmount(): void {
    if (this.isOwn) execFileSync("umount", ["--lazy", this.folder], { stdio: "ignore" });
  }
}

async function embedCalmly(manifestFile: string, source: DataSource, output: string): Promise<void> {
  const embedder: ShardEmbedder & { dispose(): Promise<void> } = await ChineseCLIP.fromPretrained(MODEL, {
    numThreads: 1,
    deterministic: true,
  });
  for await (const shard of (await openManifest(manifestFile)).shards()) await embedShard(embedder, source, shard, { output });
  await embedder.dispose();
}

/** Drawings over and over, each with bytes of its own, and among them files that are no images. */
async function writeImages(folder: string, count: number): Promise<void> {
  mkdirSync(folder, { recursive: true });
  const drawings = await makeDrawings(48, 16);
  for (let i = 0; i < count; i++) {
    const bytes = drawings[i % drawings.length]?.bytes ?? Buffer.alloc(0);
    const name = join(folder, `${String(i).padStart(5, "0")}.png`);
    if (i % 37 === 11) writeFileSync(name, bytes.subarray(0, bytes.length / 2));
    else if (i % 53 === 17) writeFileSync(name, "");
    else writeFileSync(name, bytes);
  }
}

function differingRows(calm: string, output: string): string[] {
  const names = (folder: string): string[] => readdirSync(join(folder, "img_emb")).sort();
  const all = new Set([...names(calm), ...names(output)]);
  return [...all].filter((name) => {
    try {
      return !readFileSync(join(calm, "img_emb", name)).equals(readFileSync(join(output, "img_emb", name)));
    } catch {
      return true;
    }
  });
}
