/** A Redis of a test's own: on a free port of the loopback, with its append-only file in a scratch folder. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdirSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { Redis } from "ioredis";

/** Whether there is a `redis-server` to run. */
export const hasRedis: boolean = isThere("redis-server");

/** What a skipped test says. */
export const NO_REDIS = "needs redis-server on the PATH";

/** A server that can be killed and started again. */
export class RedisServer {
  readonly #folder: string;
  readonly #extra: readonly string[];
  readonly port: number;
  #process: ChildProcess | undefined;

  private constructor(folder: string, port: number, extra: readonly string[]) {
    this.#folder = folder;
    this.port = port;
    this.#extra = extra;
  }

  /** Starts one. @param extra - further arguments of `redis-server`. */
  static async start(folder: string, extra: readonly string[] = []): Promise<RedisServer> {
    mkdirSync(folder, { recursive: true });
    const server = new RedisServer(folder, await freePort(), extra);
    await server.start();
    return server;
  }

  get address(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  /** Starts it again, with what its append-only file has. */
  async start(): Promise<void> {
    const args = ["--port", String(this.port), "--bind", "127.0.0.1", "--dir", this.#folder, "--appendonly", "yes", "--save", ""];
    this.#process = spawn("redis-server", [...args, ...this.#extra], { stdio: "ignore" });
    const client = new Redis({ port: this.port, retryStrategy: () => 50, maxRetriesPerRequest: null, enableReadyCheck: false });
    client.on("error", () => undefined);
    try {
      for (let answered = false; !answered;) {
        answered = await client.ping().then(
          () => true,
          (error: Error) => error.message.startsWith("NOAUTH"), // LOADING is asked again
        );
        if (!answered) await sleep(20);
      }
    } finally {
      client.disconnect();
    }
  }

  /** Ends it as a machine that loses its power does. */
  async kill(): Promise<void> {
    const child = this.#process;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGKILL");
    await gone;
  }

  /** Ends it for good. */
  async remove(): Promise<void> {
    await this.kill();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** A port that nobody listens on. */
export async function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
    });
  });
}

/** Whether a program is on the PATH. */
export function isThere(program: string): boolean {
  try {
    execFileSync("which", [program], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}
