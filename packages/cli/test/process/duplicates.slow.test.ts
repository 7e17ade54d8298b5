/**
 * Duplicates of images with a known truth: drawings recompressed, resized, turned and cropped, and others that only look like them. With
 * `DUPLICATE_TABLE=1` the tables of docs/photo-search.md are printed.
 */
import { spawn } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { basename } from "node:path";
import { openImageIndex } from "@chinese-clip/dataset";
import { makeVariants, Random, randomScene, type VariantKind } from "@chinese-clip/drawings";
import { scratchFolder } from "@chinese-clip/scratch-folder";
import { findDuplicates } from "@chinese-clip/search";
import { beforeAll, describe, expect, it } from "vitest";
import { DEMO, MAIN, runCli, spawnCli } from "./run-cli.js";

const { path, folder } = scratchFolder();
/** Drawings, of 15 variants each. */
const DRAWINGS = Number(process.env["DUPLICATE_DRAWINGS"] ?? 8);
const COPIES = 2 * Math.ceil(DRAWINGS / 4);
/** Kinds of variants, by name. */
const kinds = new Map<string, VariantKind>();

interface Report {
  readonly images: number;
  readonly groups: readonly {
    readonly tier: string;
    readonly keep: { readonly path: string; readonly reason: string };
    readonly others: readonly { readonly path: string; readonly cosine: number }[];
  }[];
}

const dedupe = async (...args: string[]): Promise<Report> => {
  const { code, stdout } = await runCli(["dedupe", "--index", path("index"), "--json", ...args]);
  expect(code).toBe(0);
  return JSON.parse(stdout) as Report;
};

/** `003`, `jpeg-50` of `003.jpeg-50.jpg`. */
const partsOf = (file: string): { readonly drawing: string; readonly variant: string } => {
  const [drawing = "", variant = ""] = basename(file).split(".");
  return { drawing, variant };
};

/** Whether two files are of one drawing, whole or in part. */
const isOfOne = (a: string, b: string): boolean => {
  const [x, y] = [partsOf(a), partsOf(b)];
  return x.drawing === y.drawing && (x.variant === y.variant || (kinds.get(x.variant) !== "other" && kinds.get(y.variant) !== "other"));
};

beforeAll(async () => {
  folder("photos/copies");
  for (let i = 0; i < DRAWINGS; i++) {
    for (const { name, kind, bytes, extension } of await makeVariants(randomScene(new Random(1000 + i)), 5000 + i)) {
      kinds.set(name, kind);
      writeFileSync(path(`photos/${String(i).padStart(3, "0")}.${name}.${extension}`), bytes);
    }
    if (i % 4 === 0) {
      for (const name of ["original.png", "half.jpg"]) {
        const file = `${String(i).padStart(3, "0")}.${name}`;
        writeFileSync(path(`photos/copies/${file}`), readFileSync(path(`photos/${file}`)));
      }
    }
  }
  const { code, stdout } = await runCli(["index", path("photos"), "--index", path("index"), "--model", DEMO, "--json"]);
  expect([code, JSON.parse(stdout)]).toEqual([0, expect.objectContaining({ embedded: 15 * DRAWINGS })]);
}, 120_000);

describe("duplicates with a known truth", () => {
  it("tier one is every copy and nothing else", async () => {
    const { images, groups } = await dedupe("--tier", "bytes");
    expect(images).toBe(DRAWINGS * 15 + COPIES);
    expect(groups).toHaveLength(COPIES);
    for (const { keep, others } of groups) {
      expect(others).toHaveLength(1);
      expect(readFileSync(others[0]?.path ?? "").equals(readFileSync(keep.path))).toBe(true);
    }
  });

  it("tier two has precision 1 and finds what was recompressed, resized or turned", async () => {
    const { groups } = await dedupe("--tier", "bytes,image");
    const same = groups.filter(({ tier }) => tier === "image");
    const wrong = same.flatMap(({ keep, others }) =>
      others.filter((other) => !isOfOne(keep.path, other.path)).map((other) => [keep.path, other.path]),
    );
    expect(wrong).toEqual([]);
    const found = new Map<string, number>();
    for (const { keep, others } of same) {
      const variants = [keep, ...others].map((file) => partsOf(file.path).variant);
      if (!variants.includes("original")) continue;
      for (const variant of variants) found.set(variant, (found.get(variant) ?? 0) + 1);
    }
    if (process.env["DUPLICATE_TABLE"] !== undefined) console.log("tier two, of", DRAWINGS, [...found]);
    for (const name of ["jpeg-92", "jpeg-50", "jpeg-20", "webp-60", "half", "quarter", "exif-turned"]) {
      expect([name, found.get(name) ?? 0]).toEqual([name, expect.toSatisfy((count: number) => count >= 0.8 * DRAWINGS)]);
    }
  });

  it("a server answers the same two tiers as the command", async () => {
    const { groups } = await dedupe("--tier", "bytes,image");
    const running = spawn(process.execPath, [MAIN, "serve", DEMO, "--index", path("index"), "--port", "0"], {
      env: { ...process.env, CHINESE_CLIP_API_KEY: "" },
      stdio: ["ignore", "pipe", "inherit"],
    });
    try {
      const url = await new Promise<string>((resolve) =>
        running.stdout.setEncoding("utf8").once("data", (text: string) => resolve(text.trim())),
      );
      for (const tier of ["bytes", "image"]) {
        let answer: {
          readonly isComplete: boolean;
          readonly data: readonly { readonly keep: { id: string }; readonly others: readonly { id: string }[] }[];
        };
        do {
          answer = (await (await fetch(`${url}/v1/indexes/index/duplicates?tier=${tier}&limit=1000`)).json()) as typeof answer;
        } while (!answer.isComplete);
        const expected = groups
          .filter((group) => group.tier === tier)
          .map(({ keep, others }) => [keep.path, ...others.map((other) => other.path)]);
        expect(answer.data.map(({ keep, others }) => [keep.id, ...others.map(({ id }) => id)])).toEqual(expected);
      }
    } finally {
      running.kill("SIGKILL");
    }
  });

  it("tier three is a matter of the bound: a higher one is more precise, a lower one finds more", async () => {
    await using index = await openImageIndex(path("index"), { readOnly: true });
    const rows: { readonly bound: number; readonly found: number; readonly right: number; readonly things: number }[] = [];
    for (const bound of [0.9, 0.95, 0.97, 0.98, 0.99, 0.995]) {
      const { groups } = await findDuplicates(index.store, {
        similarCosine: bound,
        hashDistance: 0,
        imageCosine: 1,
        sameImage: () => false,
      });
      const pairs = groups.similar.flatMap(({ keep, others }) => others.map(({ id }) => [keep.id, id] as const));
      const right = pairs.filter(([a, b]) => isOfOne(a, b)).length;
      const things = pairs.filter(([a, b]) => partsOf(a).drawing === partsOf(b).drawing).length;
      rows.push({ bound, found: pairs.length, right, things });
    }
    if (process.env["DUPLICATE_TABLE"] !== undefined) console.table(rows);
    const precision = rows.map(({ found, right }) => right / found);
    expect(precision.at(-1)).toBeGreaterThan(precision[0] ?? 1);
    expect(rows[0]?.found).toBeGreaterThan(rows.at(-1)?.found ?? 0);
    expect(precision.at(-1)).toBeGreaterThan(0.85);
  });

  it("a page shows them side by side; moving takes tiers one and two to a folder, and the index knows", async () => {
    const { code } = await spawnCli(["dedupe", "--index", path("index"), "--html", path("page.html"), "--csv", path("table.csv")]);
    expect(code).toBe(0);
    const page = readFileSync(path("page.html"), "utf8");
    expect(page).toContain("<h2>the same bytes</h2>");
    expect(page.match(/<figure class="keep">/g)?.length).toBeGreaterThan(DRAWINGS);
    expect(page).toMatch(/keep: more pixels/);
    expect(page).not.toMatch(/<script|https?:\/\//);
    expect(readFileSync(path("table.csv"), "utf8")).toMatch(/^\ufefftier,group,role,path,/);

    const planned = JSON.parse(
      (await runCli(["dedupe", "--index", path("index"), "--move-to", path("trash"), "--dry-run", "--json"])).stdout,
    ) as {
      readonly planned: readonly { readonly from: string; readonly to: string }[];
    };
    expect(planned.planned.length).toBeGreaterThan(5 * DRAWINGS);
    expect(existsSync(path("trash"))).toBe(false);
    const moved = await runCli(["dedupe", "--index", path("index"), "--move-to", path("trash")]);
    expect([moved.code, moved.stderr]).toEqual([0, expect.stringMatching(/images moved → /)]);
    for (const { from, to } of planned.planned) expect([existsSync(from), existsSync(to)]).toEqual([false, true]);
    expect((await dedupe("--tier", "bytes,image")).groups).toEqual([]);
    const { stdout } = await runCli(["index", "--index", path("index"), "--json"]);
    expect(JSON.parse(stdout)).toMatchObject({ embedded: 0, counts: { added: 0, removed: 0, moved: 0 } });
  });
});
