/**
 * Images that would make the server read its own files or its own network, sent to a server that fetches URLs: each is rejected, no connection is
 * made to the listener that stands for what only this machine reaches, and the answer says nothing of it.
 */
import { ChineseCLIP } from "@chinese-clip/node";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createHandler, type Handler } from "../../src/index.js";
import { expectError, send } from "../requests.js";

const DEMO = fileURLToPath(new URL("../../../../examples/demo-checkpoint", import.meta.url));

let inside: Server;
let port: number;
let connections = 0;
let clip: ChineseCLIP;
let handler: Handler;

beforeAll(async () => {
  inside = createServer((_, response) => void response.writeHead(418).end("internal secret"));
  inside.on("connection", () => connections++);
  await new Promise<void>((resolve) => void inside.listen(0, "::", resolve));
  ({ port } = inside.address() as AddressInfo);
  clip = await ChineseCLIP.fromPretrained(DEMO);
  handler = createHandler({ embedder: clip, allowUrls: true });
});

afterAll(async () => {
  inside.close();
  await clip.dispose();
});

const HOSTS = [
  ["loopback", "127.0.0.1"],
  ["loopback, short", "127.1"],
  ["loopback, another of its addresses", "127.8.9.10"],
  ["decimal", "2130706433"],
  ["octal", "0177.0.0.1"],
  ["octal, one number", "017700000001"],
  ["hexadecimal", "0x7f000001"],
  ["hexadecimal with dots", "0x7f.0x0.0x0.0x1"],
  ["full-width digits", "１２７.０.０.１"],
  ["circled digits", "①②⑦.⓪.⓪.①"],
  ["a full stop of another script", "127。0。0。1"],
  ["a name", "localhost"],
  ["a name with a final dot", "localhost."],
  ["a name in capitals", "LOCALHOST"],
  ["this network", "0.0.0.0"],
  ["this network, one number", "0"],
  ["IPv6", "[::1]"],
  ["IPv6, in full", "[0:0:0:0:0:0:0:1]"],
  ["IPv6, unspecified", "[::]"],
  ["IPv4 mapped into IPv6", "[::ffff:127.0.0.1]"],
  ["IPv4 mapped into IPv6, hexadecimal", "[::ffff:7f00:1]"],
  ["IPv4-compatible IPv6", "[::127.0.0.1]"],
  ["NAT64", "[64:ff9b::7f00:1]"],
  ["6to4", "[2002:7f00:1::]"],
  ["link-local IPv6", "[fe80::1]"],
  ["unique local IPv6", "[fd00:ec2::254]"],
  ["metadata of clouds", "169.254.169.254"],
  ["metadata of clouds, decimal", "2852039166"],
  ["private, 10/8", "10.0.0.1"],
  ["private, 172.16/12", "172.16.0.1"],
  ["private, 192.168/16", "192.168.1.1"],
  ["shared by a provider's customers", "100.64.0.1"],
  ["multicast", "224.0.0.1"],
  ["broadcast", "255.255.255.255"],
] as const;

describe("a server that fetches URLs", () => {
  it.each(HOSTS)("does not connect to %s: %s", async (_, host) => {
    const answer = await send(handler, "POST", "/v1/embeddings", { input: { image: `http://${host}:${port}/latest/meta-data/` } });
    expectError(answer, 400, "image-unreadable");
    expect(JSON.stringify(answer.body)).not.toMatch(/secret|418/);
    expect(connections).toBe(0);
  });

  it.each([
    ["a user's name that looks like the host", (): string => `http://example.org@127.0.0.1:${port}/`, "url-rejected"],
    ["a user's name and password", (): string => `http://a:b@127.0.0.1:${port}/`, "url-rejected"],
    ["a file", (): string => "file:///etc/passwd", "path-rejected"],
    ["a file of a host", (): string => "file://127.0.0.1/etc/passwd", "path-rejected"],
    ["a path", (): string => "/etc/passwd", "path-rejected"],
    ["a path that climbs", (): string => "../../../../etc/passwd", "path-rejected"],
    ["a UNC path", (): string => "\\\\127.0.0.1\\share\\a.png", "path-rejected"],
    ["gopher", (): string => `gopher://127.0.0.1:${port}/_GET`, "url-rejected"],
    ["ftp", (): string => `ftp://127.0.0.1:${port}/a.png`, "url-rejected"],
    ["dict", (): string => `dict://127.0.0.1:${port}/stat`, "url-rejected"],
    ["blob", (): string => `blob:http://127.0.0.1:${port}/1`, "url-rejected"],
    ["javascript", (): string => "javascript:alert(1)", "url-rejected"],
    ["a backslash in place of a slash", (): string => `http:\\\\127.0.0.1:${port}\\`, "image-unreadable"],
    ["slashes that are missing", (): string => `http:127.0.0.1:${port}/`, "image-unreadable"],
    ["white space before it", (): string => ` http://127.0.0.1:${port}/`, "invalid-base64"],
    ["line ends within it", (): string => `ht\ntp://127.0.0.1:${port}/`, "invalid-base64"],
    ["data of another kind", (): string => "data:text/html,<script>", "invalid-base64"],
    [
      "data that is no image",
      (): string => `data:image/png;base64,${Buffer.from("GIF89a is no image").toString("base64")}`,
      "invalid-image",
    ],
  ] as const)("rejects %s", async (_, image, code) => {
    const answer = await send(handler, "POST", "/v1/embeddings", { input: { image: image() } });
    expectError(answer, 400, code);
    expect(connections).toBe(0);
  });

  it("rejects them in searches, in new items and in classifications, too", async () => {
    const image = `http://127.0.0.1:${port}/`;
    expectError(await send(handler, "POST", "/v1/classify", { input: { image }, labels: ["a"] }), 400, "image-unreadable");
    expect(connections).toBe(0);
  });
});

it("a server that fetches no URLs does not even look a name up", async () => {
  const closed = createHandler({ embedder: clip });
  for (const image of [`http://127.0.0.1:${port}/`, "https://example.org/a.png", "HTTP://EXAMPLE.ORG"]) {
    expectError(await send(closed, "POST", "/v1/embeddings", { input: { image } }), 400, "url-rejected");
  }
  expect(connections).toBe(0);
});
