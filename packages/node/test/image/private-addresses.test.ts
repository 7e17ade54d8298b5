import { createServer, type Server } from "node:http";
import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { loadImage } from "../../src/image/load-image.js";
import { isPrivateAddress } from "@chinese-clip/pipeline/node";
import { imageError } from "./image-error.js";
import { listen } from "./listen.js";

const png = readFileSync(new URL("../../../../fixtures/images/small.png", import.meta.url));

let server: Server;
let origin: string;
let requests: string[] = [];
beforeAll(async () => {
  server = createServer((request, response) => {
    requests.push(request.url ?? "");
    if (request.url === "/secret") response.end("password=hunter2 and more");
    else if (request.url === "/forbidden") response.writeHead(403, "token hunter2").end("hunter2");
    else if (request.url === "/gzip") response.writeHead(200, { "content-encoding": "gzip" }).end(gzipSync(png));
    else if (request.url === "/bomb") response.writeHead(200, { "content-encoding": "gzip" }).end(gzipSync(Buffer.alloc(50_000_000)));
    else if (request.url === "/drip") {
      const timer = setInterval(() => response.write("\x89"), 20);
      response.on("close", () => clearInterval(timer));
    } else response.end(png);
  });
  origin = await listen(server);
});
afterAll(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

describe("I10 private addresses", () => {
  it.each([
    "http://127.0.0.1/",
    "http://127.1/",
    "http://2130706433/",
    "http://0x7f000001/",
    "http://0x7f.1/",
    "http://017700000001/",
    "http://0/",
    "http://0.0.0.0/",
    "http://localhost/",
    "http://LOCALHOST/",
    "http://127.0.0.1.:80/",
    "http://①②⑦.0.0.1/",
    "http://10.1.2.3/",
    "http://172.16.0.1/",
    "http://172.31.255.255/",
    "http://192.168.1.1/",
    "http://100.64.0.1/",
    "http://169.254.169.254/latest/meta-data/",
    "http://192.0.0.8/",
    "http://198.18.0.1/",
    "http://224.0.0.1/",
    "http://255.255.255.255/",
    "http://[::]/",
    "http://[::1]/",
    "http://[0:0:0:0:0:0:0:1]/",
    "http://[::ffff:127.0.0.1]/",
    "http://[::ffff:7f00:1]/",
    "http://[::ffff:10.0.0.1]/",
    "http://[::127.0.0.1]/",
    "http://[64:ff9b::127.0.0.1]/",
    "http://[2002:7f00:1::]/",
    "http://[fc00::1]/",
    "http://[fd12:3456::1]/",
    "http://[fe80::1]/",
    "http://[fec0::1]/",
    "http://[ff02::1]/",
    "https://127.0.0.1/",
    "http://user:hunter2@127.0.0.1/",
  ])("I10 %s is rejected without a request", async (url) => {
    requests = [];
    const error = await imageError(loadImage(url));
    expect(error).toMatchObject({ code: "unreadable", message: expect.stringMatching(/expected a public address.*allowPrivateAddresses/) });
    expect(JSON.stringify([error.message, error.details])).not.toContain("hunter2");
    expect(requests).toEqual([]);
  });

  it("I10 the same by the port of a server that is there", async () => {
    requests = [];
    for (const host of ["127.0.0.1", "localhost", "localhost.", "[::ffff:127.0.0.1]", "2130706433"]) {
      const error = await imageError(loadImage(`http://${host}:${new URL(origin).port}/secret`));
      expect(error.code).toBe("unreadable");
    }
    expect(requests).toEqual([]);
    expect((await loadImage(`${origin}/a.png`, { allowPrivateAddresses: true })).channels).toBe(3);
  });

  it("I10 addresses of the public internet are none of these", () => {
    for (const address of [
      "1.1.1.1",
      "8.8.8.8",
      "100.63.255.255",
      "172.32.0.1",
      "223.5.5.5",
      "2606:4700::1111",
      "240e::1",
      "::ffff:8.8.8.8",
    ])
      expect([address, isPrivateAddress(address)]).toEqual([address, false]);
    for (const address of ["", "a", "fe80::1%eth0"]) expect(isPrivateAddress(address)).toBe(true);
  });

  it("I10 an error shows nothing of the answer", async () => {
    for (const path of ["/secret", "/forbidden"]) {
      const error = await imageError(loadImage(origin + path, { allowPrivateAddresses: true }));
      const shown = JSON.stringify([error.message, error.details, String(error.cause)]);
      expect(shown).not.toContain("hunter2");
      expect(shown).not.toContain("70 61 73 73");
    }
  });
});

describe("I10 size and time of an answer", () => {
  const LOCAL = { allowPrivateAddresses: true } as const;

  it("I10 an answer is decompressed no further than the limit", async () => {
    expect(await loadImage(`${origin}/gzip`, LOCAL)).toEqual(await loadImage(png));
    expect(await imageError(loadImage(`${origin}/bomb`, { ...LOCAL, limits: { encodedBytes: 1_000_000 } }))).toMatchObject({
      code: "too-large",
    });
  });

  it("I10 an answer that drips ends at the deadline", async () => {
    const start = performance.now();
    const error = await imageError(loadImage(`${origin}/drip`, { ...LOCAL, limits: { milliseconds: 300 } }));
    expect(error).toMatchObject({ code: "too-large", details: { maxMilliseconds: 300 } });
    expect(performance.now() - start).toBeLessThan(3000);
  });
});
