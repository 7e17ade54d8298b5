#!/usr/bin/env node
/**
 * The `chinese-clip` command. Exit codes: 0 done, 1 failed, 2 a command line that cannot be followed, 128 plus a signal's number for a command that
 * it ended.
 */
import module from "node:module";
import { processOutput, reportError, runCommandLine } from "./command-line.js";
import { Interruption } from "./terminal/interruption.js";
import { CommandError, t } from "./translation/translate.js";

// From Node 22.1 on, what V8 compiled of a command's packages is there for the next run.
(module as { readonly enableCompileCache?: () => unknown }).enableCompileCache?.();

const output = processOutput();
const interruption = new Interruption(process, (signal) => {
  const { [output.language]: text } = t`stopping (${signal}); press Ctrl-C again to stop at once`;
  output.note(process.stderr.isTTY ? `\n${text}` : text); // below a progress line
});

// A reader that has seen enough (`… | head`) is no mistake.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (interruption.exitCode !== undefined) return; // a terminal that was closed
  if (error.code === "EPIPE") process.exit();
  // With a disk full of what was printed, say.
  process.exit(reportError(new CommandError(t`standard output: cannot be written (${error.code ?? error.message})`), output));
});
process.stderr.on("error", (error) => {
  if (interruption.exitCode === undefined) throw error;
});

const { signal } = interruption;
const extendGrace = (seconds: number): void => interruption.extendGrace(seconds);
// What an aborted step throws is no mistake.
const exitCode = await runCommandLine(process.argv.slice(2), { ...output, signal, extendGrace }).catch(
  (error: unknown) => interruption.exitCode ?? reportError(error, output),
);
if (interruption.exitCode === undefined) process.exitCode = exitCode;
else process.exit(exitCode); // requests that were aborted may hold the process for a while
