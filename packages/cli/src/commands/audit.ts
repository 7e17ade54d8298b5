/**
 * `chinese-clip audit`: whether every shard of a manifest is in an output, whole and of one model, and what to run where it is not.
 */
import { openStore } from "@chinese-clip/dataset";
import { join, relative, resolve } from "node:path";
import type { AuditReport } from "@chinese-clip/queue";
import type { Command } from "../command.js";
import { TerminalProgress } from "../terminal/progress.js";
import { t } from "../translation/translate.js";
import { loadQueuePackage, MANIFEST_OPTION, manifestOf, SHARD_OUTPUT_OPTION } from "./queue-options.js";
import { flag, type OptionValues, requiredValue, setting, stringValue } from "../option.js";

/** Faults that are printed. */
const MOST_PRINTED = 50;

/** Shards of one command that mends; the length of a command line is bounded. */
const SHARDS_PER_COMMAND = 500;

/** The command. */
export const audit: Command = {
  options: {
    ...MANIFEST_OPTION,
    ...SHARD_OUTPUT_OPTION,
    quick: flag("check names and sizes only", "只核对文件名与大小"),
    fingerprint: setting(
      "hex",
      "the model that the rows are to be of (default: that of most shards)",
      "特征应属的模型指纹（默认取多数分片的）",
    ),
  },
  examples: ["--manifest photos.manifest --output photos.features", "--manifest photos.manifest --output photos.features --quick --json"],

  async run(values, context) {
    const queue = await loadQueuePackage();
    const output = requiredValue(values, "output");
    const manifest = await manifestOf(values, queue, context.signal);
    const progress = new TerminalProgress(process.stderr);
    try {
      const report = await queue.audit({
        manifest,
        output: openStore(output),
        quick: values["quick"] === true,
        fingerprint: stringValue(values, "fingerprint"),
        known: [relative(resolve(output), resolve(requiredValue(values, "manifest")))],
        signal: context.signal,
        onProgress: (done, total) => progress.report(({ en: "shards", zh: "分片" } as const)[context.language], done, total),
      });
      progress.end();
      const commands = mendingCommands(values, report);
      if (context.json) context.print(JSON.stringify({ ...report, commands }, null, 2));
      else for (const line of linesOf(report, commands, context.language)) context.print(line);
      return report.clean ? 0 : 1;
    } finally {
      progress.end();
    }
  },
};

/** What to run: shards that are embedded again, files that are removed. */
function mendingCommands(values: OptionValues, { again, remove }: AuditReport): string[] {
  const [manifest, output] = [quoted(requiredValue(values, "manifest")), requiredValue(values, "output")];
  const commands: string[] = [];
  for (let i = 0; i < again.length; i += SHARDS_PER_COMMAND)
    commands.push(`chinese-clip enqueue --manifest ${manifest} --again --shards ${again.slice(i, i + SHARDS_PER_COMMAND).join(",")}`);
  const isFolder = !/^[a-z\d]+:\/\//iu.test(output);
  if (isFolder) for (const file of remove) commands.push(`rm -r -- ${quoted(join(output, file))}`);
  return commands;
}

/** A word for a shell. */
function quoted(text: string): string {
  return /^[\w./:@%+-]+$/u.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;
}

function linesOf(report: AuditReport, commands: readonly string[], language: "en" | "zh"): string[] {
  const { shards, complete, rows, failed, faults, faultCount } = report;
  const summary = t`${complete} of ${shards} shards are complete: ${rows} rows, ${failed} images without one; ${faultCount} faults`;
  const printed = faults
    .slice(0, MOST_PRINTED)
    .map(({ kind, shard, file, reason }) => [kind, shard, file, reason].filter(Boolean).join("  "));
  return [
    summary[language],
    ...printed,
    ...(faultCount > printed.length ? [t`… ${faultCount - printed.length} more; all of them with --json`[language]] : []),
    ...(commands.length > 0
      ? ["", t`to mend it, when no worker runs:`[language], ...commands.slice(0, MOST_PRINTED).map((line) => `  ${line}`)]
      : []),
  ];
}
