/** What strangers do with a connection and a named pipe, beside sending bytes: they stop, dribble, hang up, and send headers without an end. */
import { execFileSync } from "node:child_process";
import { open } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import type { Random } from "./random.js";

/** One way to use a port. It resolves when the connection has ended, by whomever. */
export interface Connection {
  readonly name: string;
  readonly use: (port: number, random: Random) => Promise<string>;
}

/** Milliseconds after which a stranger who waits for nothing goes. */
const PATIENCE = 3000;

const BODY = '{"input":"一只猫"}';
const head = (more: string): string => `POST /v1/embeddings HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n${more}\r\n`;
const LENGTH = `content-length: ${Buffer.byteLength(BODY)}\r\n`;

function talk(port: number, act: (socket: Socket) => Promise<void>, allowHalfOpen = false): Promise<string> {
  return new Promise((resolve) => {
    let text = "";
    const socket = connect({ port, host: "127.0.0.1", allowHalfOpen }, () => void act(socket).catch(() => undefined));
    socket.setEncoding("latin1").on("data", (part: string) => (text += part.slice(0, 100)));
    socket.on("end", () => socket.end());
    socket.on("error", () => undefined);
    socket.on("close", () => resolve(/^HTTP\/1\.1 (\d+)/u.exec(text)?.[1] ?? "closed"));
    setTimeout(() => socket.destroy(), PATIENCE).unref();
  });
}

async function dribble(socket: Socket, text: string, milliseconds: number): Promise<void> {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length && socket.writable; at += 8) {
    socket.write(bytes.subarray(at, at + 8));
    await sleep(milliseconds);
  }
}

/** The ways. */
export const CONNECTIONS: readonly Connection[] = [
  {
    name: "slow body",
    use: (port, random) =>
      talk(port, async (socket) => {
        socket.write(head(`connection: close\r\n${LENGTH}`));
        await dribble(socket, BODY, random.below(200));
      }),
  },
  { name: "slow headers", use: (port, random) => talk(port, (socket) => dribble(socket, head(LENGTH), random.below(400))) },
  {
    name: "a body that stops",
    use: (port, random) => talk(port, async (socket) => void socket.write(head(LENGTH) + BODY.slice(0, random.below(12)))),
  },
  {
    name: "half-closed",
    use: (port, random) =>
      talk(port, async (socket) => void socket.end(head(LENGTH) + (random.below(2) === 0 ? BODY : BODY.slice(0, 3))), true),
  },
  {
    name: "hung up",
    use: (port, random) =>
      talk(port, async (socket) => {
        socket.write(head(LENGTH) + BODY);
        await sleep(random.below(20));
        socket.resetAndDestroy();
      }),
  },
  {
    name: "huge headers",
    use: (port, random) =>
      talk(port, async (socket) => {
        const line = random.below(2) === 0 ? `x: ${"a".repeat(1 + random.below(100_000))}\r\n` : "x: 1\r\n".repeat(random.below(20_000));
        socket.write(head(`connection: close\r\n${line}${LENGTH}`) + BODY);
      }),
  },
  {
    name: "a body without an end",
    use: (port) =>
      talk(port, async (socket) => {
        socket.write(head("transfer-encoding: chunked\r\n"));
        const chunk = `10000\r\n${" ".repeat(0x10000)}\r\n`;
        while (socket.writable)
          if (!socket.write(chunk)) await new Promise((resolve) => socket.once("drain", resolve).once("close", resolve));
      }),
  },
  {
    name: "many requests at once",
    use: (port, random) => talk(port, async (socket) => void socket.end((head(LENGTH) + BODY).repeat(1 + random.below(8))), true),
  },
];

/** Makes a named pipe. */
export function makePipe(path: string): string {
  execFileSync("mkfifo", [path]);
  return path;
}

/** Writes bytes into a pipe in two parts, where somebody reads it by then. */
export async function writePipe(path: string, bytes: Uint8Array): Promise<void> {
  const pipe = await open(path, "r+"); // a writer alone would wait for a reader in a thread that others need
  try {
    await pipe.write(bytes.subarray(0, 4096));
    await sleep(300);
  } finally {
    await pipe.close();
  }
}
