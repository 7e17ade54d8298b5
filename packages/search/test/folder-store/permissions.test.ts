/** Folders and files that cannot be read or written. Root may do everything, so as root a child process asks as the user nobody. */
import { execFile } from "node:child_process";
import { chmodSync, existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, it } from "vitest";
import { openFolderStore } from "../../src/node/index.js";

const NOBODY = 65_534;
const isRoot = process.getuid?.() === 0;
const BUILT = fileURLToPath(new URL("../../dist/node.js", import.meta.url));
// Not in the test's folder, which is the test's user's alone.
const folder = mkdtempSync(join(tmpdir(), "chinese-clip-permissions-"));
const fileOf = (index: string, start: string): string =>
  join(folder, index, readdirSync(join(folder, index)).find((name) => name.startsWith(start)) ?? "none");

beforeAll(async () => {
  chmodSync(folder, 0o755);
  for (const name of ["closed", "fixed", "vectors", "log"]) {
    const store = await openFolderStore(join(folder, name), { dim: 2, fingerprint: "model-a" });
    await store.upsert([{ id: "a", embedding: Float32Array.of(1, 0), meta: {} }]);
    await store.close();
  }
  chmodSync(fileOf("vectors", "vectors"), 0);
  chmodSync(fileOf("log", "log"), 0o444);
  chmodSync(join(folder, "fixed"), 0o555);
  chmodSync(join(folder, "log"), 0o777);
  chmodSync(join(folder, "closed"), 0);
});

afterAll(() => {
  for (const name of ["fixed", "closed"]) chmodSync(join(folder, name), 0o755);
  rmSync(folder, { recursive: true, force: true });
});

/** What opening says: the count, or the error. */
async function opened(name: string, options: object): Promise<string> {
  const script = `
    import { openFolderStore } from ${JSON.stringify(BUILT)};
    try {
      const store = await openFolderStore(${JSON.stringify(join(folder, name))}, ${JSON.stringify(options)});
      console.log(store.info.count);
    } catch (error) {
      console.log(error.name, error.code, error.message);
    }`;
  const as = isRoot ? { uid: NOBODY, gid: NOBODY } : {};
  const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", script], { cwd: "/", ...as });
  return stdout.trim();
}

it.skipIf(process.platform === "win32" || !existsSync(BUILT))(
  "says what cannot be read or written, by name (needs the built package)",
  async () => {
    const create = { dim: 2, fingerprint: "model-a" };
    if (isRoot && (await opened("fixed", { readOnly: true }).catch(() => "")) === "") return; // nobody cannot reach the package
    expect(await opened("fixed", { readOnly: true })).toBe("1");
    expect(await opened("fixed", { create: false })).toMatch(/^OutputError not-writable .*fixed.*EACCES/);
    expect(await opened("fixed/new", create)).toMatch(/^OutputError not-writable .*fixed/);
    expect(await opened("log", { create: false })).toMatch(/^OutputError not-writable .*log/);
    expect(await opened("closed", { readOnly: true })).toMatch(/^SearchError missing-file .*closed.*EACCES/);
    expect(await opened("closed", create)).toMatch(/^OutputError not-writable .*closed/);
    expect(await opened("vectors", { readOnly: true })).toMatch(/^SearchError missing-file .*vectors.*EACCES/);
  },
);
