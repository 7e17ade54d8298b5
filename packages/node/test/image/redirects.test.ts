/**
 * Redirects and names that lead inside. Tests have no public server: 127.0.0.2 stands for the public internet here, all other addresses are private,
 * and the names are this file's own.
 */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, beforeEach, expect, it, vi } from "vitest";
import { fetchBytes } from "../../src/image/fetch-image.js";

const OUTSIDE = "127.0.0.2";

vi.mock("@chinese-clip/pipeline/node", () => import("../../../pipeline/src/node/index.js"));
vi.mock("../../../pipeline/src/node/private-address.js", () => ({ isPrivateAddress: (address: string) => address !== "127.0.0.2" }));

/** Name to the addresses of its next look-ups. */
const names = vi.hoisted(() => new Map<string, string[][]>());
vi.mock("node:dns", async (importOriginal) => ({
  ...(await importOriginal<object>()),
  lookup: (host: string, _options: object, callback: (error: null, found: { address: string; family: number }[]) => void): void => {
    const answers = names.get(host) ?? [[]];
    const addresses = (answers.length > 1 ? answers.shift() : answers[0]) ?? [];
    callback(
      null,
      addresses.map((address) => ({ address, family: 4 })),
    );
  },
}));

let server: Server;
let port: number;
let seen: string[] = [];

beforeAll(async () => {
  server = createServer((request, response) => {
    const address = request.socket.localAddress?.replace("::ffff:", "") ?? "";
    seen.push(`${address}${request.url}`);
    const target = new URL(request.url ?? "/", "http://x").searchParams.get("to");
    if (target === null) response.end(address === OUTSIDE ? "public" : "secret");
    else response.writeHead(302, { location: target.replace("PORT", String(port)), connection: "close" }).end();
  });
  await new Promise<void>((resolve) => void server.listen(0, "0.0.0.0", resolve));
  ({ port } = server.address() as AddressInfo);
});
afterAll(() => void server.close());
beforeEach(() => {
  seen = [];
  names.clear();
});

const fetchText = async (url: string): Promise<string> => {
  const options = { maxBytes: 1000, signal: undefined, allowPrivateAddresses: false };
  return new TextDecoder().decode(await fetchBytes(new URL(url.replace("PORT", String(port))), options));
};
const to = (target: string): string => `http://${OUTSIDE}:PORT/?to=${encodeURIComponent(target)}`;
const paths = (): string[] => seen.map((one) => one.split("/")[0] as string);

it("follows redirects from public to public addresses", async () => {
  expect(await fetchText(to(`http://${OUTSIDE}:PORT/?to=${encodeURIComponent("/a")}`))).toBe("public");
  expect(paths()).toEqual([OUTSIDE, OUTSIDE, OUTSIDE]);
});

it.each([
  "http://127.0.0.1:PORT/",
  "http://2130706433:PORT/",
  "http://0x7f.1:PORT/",
  "http://[::1]:PORT/",
  "//127.0.0.1:PORT/",
  "http://inside.example:PORT/",
  "http://169.254.169.254/latest/meta-data/",
  "file:///etc/passwd",
  "ftp://127.0.0.1:PORT/",
  "data:text/plain,secret",
])("does not follow a redirect to %s, also not after others", async (target) => {
  names.set("inside.example", [["127.0.0.1"]]);
  for (const url of [to(target), to(to(target))]) {
    await expect(fetchText(url)).rejects.toMatchObject({ name: "ImageError", code: "unreadable" });
  }
  expect(new Set(paths())).toEqual(new Set([OUTSIDE]));
});

it("connects to a name's public addresses only", async () => {
  names.set("mixed.example", [["127.0.0.1", "10.0.0.1", OUTSIDE]]);
  expect(await fetchText("http://mixed.example:PORT/")).toBe("public");
  expect(paths()).toEqual([OUTSIDE]);
});

it("connects to the address that was checked, though the name means another by then", async () => {
  names.set("rebind.example", [[OUTSIDE], ["127.0.0.1"]]);
  expect(await fetchText("http://rebind.example:PORT/")).toBe("public");
  names.set("other.example", [["127.0.0.1"]]);
  await expect(fetchText("http://other.example:PORT/")).rejects.toMatchObject({ code: "unreadable", details: { host: "other.example" } });
  expect(new Set(paths())).toEqual(new Set([OUTSIDE]));
});
