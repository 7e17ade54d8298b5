/** A PostgreSQL of a test's own, for BullMQ's backend: run as the user `postgres` where the test is root, as PostgreSQL demands. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { freePort } from "./redis-server.js";

const BIN = findBin();

/** Whether there is one to run. */
export const hasPostgres: boolean = BIN !== undefined;

/** What a skipped test says. */
export const NO_POSTGRES = "needs PostgreSQL 13 or newer in /usr/lib/postgresql";

/** A server that can be killed and started again. */
export class PostgresServer {
  readonly #data: string;
  readonly port: number;
  #process: ChildProcess | undefined;

  private constructor(data: string, port: number) {
    this.#data = data;
    this.port = port;
  }

  static async start(): Promise<PostgresServer> {
    const data = mkdtempSync(join(tmpdir(), "chinese-clip-postgres-")); // not in the test's folder, which is the test's user's alone
    const { uid, gid } = owner() ?? {};
    if (uid !== undefined && gid !== undefined) chownSync(data, uid, gid);
    const server = new PostgresServer(data, await freePort());
    execFileSync(join(BIN ?? "", "initdb"), ["-D", data, "-U", "postgres", "--auth=trust", "--no-sync"], { stdio: "ignore", ...owner() });
    await server.start();
    return server;
  }

  get address(): string {
    return `postgres://postgres@127.0.0.1:${this.port}/postgres`;
  }

  async start(): Promise<void> {
    const args = ["-D", this.#data, "-p", String(this.port), "-h", "127.0.0.1", "-k", ""];
    this.#process = spawn(join(BIN ?? "", "postgres"), args, { stdio: "ignore", cwd: "/", ...owner() });
    for (;;) {
      const client = new pg.Client({ connectionString: this.address });
      client.on("error", () => undefined);
      const answered = await client.connect().then(
        () => true,
        () => false,
      );
      await client.end().catch(() => undefined);
      if (answered) return;
      await sleep(50);
    }
  }

  /** Ends it at once, as a machine that loses its power does: every process of it, since one that is left holds the data. */
  async kill(): Promise<void> {
    const child = this.#process;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGQUIT");
    await gone;
  }

  /** Ends it for good. */
  async remove(): Promise<void> {
    await this.kill();
    rmSync(this.#data, { recursive: true, force: true });
  }
}

/** The user that PostgreSQL runs as, since it does not run as root. */
function owner(): { readonly uid: number; readonly gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const id = (flag: string): number => Number(execFileSync("id", [flag, "postgres"], { encoding: "utf8" }));
  return { uid: id("-u"), gid: id("-g") };
}

function findBin(): string | undefined {
  const root = "/usr/lib/postgresql";
  if (!existsSync(root)) return undefined;
  const versions = readdirSync(root)
    .map(Number)
    .filter((version) => version >= 13)
    .sort((a, b) => b - a);
  return versions.map((version) => join(root, String(version), "bin")).find((bin) => existsSync(join(bin, "initdb")));
}
