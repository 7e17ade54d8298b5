/**
 * Kubernetes manifests and scripts of arrays, which nobody runs here: they are parsed, and every command and option in them is one that the command line
 * has.
 */
import { execFile } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { parseAllDocuments } from "yaml";
import { root } from "./packages.js";

const FOLDER = join(root, "docs", "kubernetes");
const MAIN = join(root, "packages", "cli", "dist", "main.js");

interface Container {
  readonly name: string;
  readonly image: string;
  readonly args?: readonly string[];
  readonly resources?: { readonly requests: object; readonly limits: object };
  readonly volumeMounts?: readonly { readonly name: string }[];
}

interface PodSpec {
  readonly containers: readonly Container[];
  readonly volumes?: readonly { readonly name: string }[];
  readonly terminationGracePeriodSeconds?: number;
}

interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly spec: Readonly<Record<string, unknown>> & {
    readonly template?: { readonly spec: PodSpec };
    readonly volumeClaimTemplates?: readonly { readonly metadata: { readonly name: string } }[];
  };
}

const manifests = readdirSync(FOLDER).flatMap((file) =>
  parseAllDocuments(readFileSync(join(FOLDER, file), "utf8")).map((document) => {
    expect([file, document.errors]).toEqual([file, []]);
    return { file, manifest: document.toJS() as Manifest };
  }),
);
/** A manifest without pods. */
const NO_PODS: PodSpec = { containers: [] };
const help = new Map<string, Promise<string>>();

/** A command's options, as its help has them. */
function helpOf(command: string): Promise<string> {
  const found = help.get(command) ?? promisify(execFile)(process.execPath, [MAIN, command, "--help"]).then(({ stdout }) => stdout);
  help.set(command, found);
  return found;
}

/** What is wrong with a command line: options that the command does not have. */
async function unknownOptions([command = "", ...args]: readonly string[]): Promise<string[]> {
  const text = await helpOf(command);
  const names = args.filter((arg) => arg.startsWith("--")).map((arg) => arg.split("=")[0] as string);
  return names.filter((name) => !new RegExp(`^ +(?:-\\w, )?${name}\\b`, "m").test(text));
}

describe("docs/kubernetes", () => {
  it("has a queue, what fills it, its workers, and a job without any queue", () => {
    expect(manifests.map(({ file, manifest }) => `${file} ${manifest.apiVersion} ${manifest.kind}`).toSorted()).toEqual([
      "enqueue.yaml batch/v1 Job",
      "indexed-job.yaml batch/v1 Job",
      "queue.yaml apps/v1 StatefulSet",
      "queue.yaml v1 Service",
      "worker.yaml apps/v1 Deployment",
    ]);
  });

  it.each(manifests.filter(({ manifest }) => manifest.spec.template !== undefined))(
    "$file runs commands and options that there are",
    async ({ manifest }) => {
      const { containers, volumes = [], terminationGracePeriodSeconds } = manifest.spec.template?.spec ?? NO_PODS;
      const claims = (manifest.spec.volumeClaimTemplates ?? []).map(({ metadata }) => metadata.name);
      for (const { image, args = [], volumeMounts = [], resources } of containers) {
        expect(volumeMounts.filter(({ name }) => ![...claims, ...volumes.map((volume) => volume.name)].includes(name))).toEqual([]);
        if (!image.startsWith("chinese-clip")) continue;
        expect(await unknownOptions(args)).toEqual([]);
        if (resources !== undefined) expect(resources.limits).toEqual(resources.requests);
        const grace = args.map((arg) => /^--grace=(\d+)$/.exec(arg)?.[1]).find((seconds) => seconds !== undefined);
        if (grace !== undefined) expect(terminationGracePeriodSeconds).toBeGreaterThan(Number(grace) + 10);
      }
    },
  );

  it("divides the images of the indexed job by as many as there are pods", () => {
    const spec = manifests.find(({ file }) => file === "indexed-job.yaml")?.manifest.spec;
    expect(spec?.["completionMode"]).toBe("Indexed");
    const args = spec?.template?.spec.containers[0]?.args ?? [];
    expect(args).toContain(`--shard-count=${String(spec?.["completions"])}`);
  });
});

describe.each(["many-machines.md", "many-machines.en.md"].filter((name) => existsSync(join(root, "docs", name))))("docs/%s", (name) => {
  const text = readFileSync(join(root, "docs", name), "utf8");
  const commands = [...text.matchAll(/```sh\n(.*?)```/gs)].flatMap(([, block = ""]) =>
    block
      .replaceAll(/\\\n/g, " ")
      .split("\n")
      .flatMap((line) => /^\s*(?:srun )?chinese-clip (\w.*)$/.exec(line.replace(/ # .*$/, ""))?.[1] ?? []),
  );

  it("shows commands and options that there are", async () => {
    expect(commands.length).toBeGreaterThan(3);
    for (const line of commands) {
      const words = line.split(/\s+/);
      expect([line, await unknownOptions(words)]).toEqual([line, []]);
    }
  });

  it("names files that there are", () => {
    for (const [, file = ""] of text.matchAll(/\]\((?!https?:|#)([^)#]+)/g))
      expect([file, existsSync(join(root, "docs", file))]).toEqual([file, true]);
  });
});
