/** What a server that cannot have a queue is told to be. */
import { scratchFolder } from "@chinese-clip/scratch-folder";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { type AddressInfo, createServer, type Server } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import { afterAll, describe, expect, it } from "vitest";
import { parseQueueAddress } from "../src/queue/address.js";
import { probeServer } from "../src/queue/probe-server.js";
import { hasRedis, isThere, NO_REDIS, RedisServer } from "./redis-server.js";

const scratch = scratchFolder();
const ends: (() => unknown)[] = [];
afterAll(async () => {
  for (const end of ends) await end();
});

async function portOf(server: Server): Promise<number> {
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  server.on("connection", (socket) => ends.push(() => socket.destroy()));
  ends.push(() => server.close());
  return (server.address() as AddressInfo).port;
}

const probe = (address: string): Promise<void> => probeServer(parseQueueAddress(address));

describe.skipIf(!hasRedis)(`a Redis (${NO_REDIS})`, () => {
  it("with a password, or one that drops jobs", async () => {
    const server = await RedisServer.start(scratch.folder("redis"), [
      "--requirepass",
      "p@ss/w%rd",
      "--maxmemory",
      "100mb",
      "--maxmemory-policy",
      "allkeys-lru",
    ]);
    ends.push(() => server.remove());
    const address = (user: string): string => server.address.replace("//", `//${user}`);
    await expect(probe(address(""))).rejects.toMatchObject({ code: "access-denied" });
    const wrong = probe(address(":wrong@"));
    await expect(wrong).rejects.toMatchObject({ code: "access-denied", message: expect.not.stringContaining(":wrong@") });
    await expect(probe(address(":p%40ss%2Fw%25rd@"))).rejects.toMatchObject({ code: "evicting-server" });
  });
});

it("nothing, silence, and another protocol", async () => {
  const silent = await portOf(createServer(() => undefined));
  const other = await portOf(createServer((socket) => socket.on("error", () => undefined).end("HTTP/1.1 400 Bad Request\r\n\r\n")));
  await expect(probe("redis://127.0.0.1:1")).rejects.toMatchObject({ code: "not-reachable" });
  await expect(probe("postgres://127.0.0.1:1/none")).rejects.toMatchObject({ code: "not-reachable" });
  await expect(probe(`redis://127.0.0.1:${silent}`)).rejects.toMatchObject({
    code: "not-reachable",
    message: expect.stringContaining("no answer within 5 s"),
  });
  await expect(probe(`redis://127.0.0.1:${other}`)).rejects.toMatchObject({ code: "not-a-queue-server" });
});

it.skipIf(!isThere("openssl"))("a certificate that nobody vouches for (needs openssl)", async () => {
  const [key, cert] = [scratch.path("key.pem"), scratch.path("cert.pem")];
  const request = [
    "req",
    "-x509",
    "-newkey",
    "ec",
    "-pkeyopt",
    "ec_paramgen_curve:prime256v1",
    "-nodes",
    "-days",
    "1",
    "-subj",
    "/CN=localhost",
  ];
  execFileSync("openssl", [...request, "-keyout", key, "-out", cert], { stdio: "ignore" });
  const server = createTlsServer({ key: readFileSync(key), cert: readFileSync(cert) });
  server.on("tlsClientError", () => undefined);
  await expect(probe(`rediss://localhost:${await portOf(server)}`)).rejects.toMatchObject({ code: "untrusted-certificate" });
});
