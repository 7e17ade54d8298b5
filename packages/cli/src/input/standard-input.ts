/**
 * The command's standard input, which a user may never end.
 */
import { addAbortSignal, type Readable } from "node:stream";
import type { CommandContext } from "../command.js";

/** A stream that fails when the command is interrupted, for whoever reads it. */
export function standardInput({ signal }: Pick<CommandContext, "signal">): Readable {
  // An interruption may come before anybody reads it, and an error that nobody listens to would end the process with a stack trace.
  return addAbortSignal(
    signal,
    process.stdin.on("error", () => undefined),
  );
}
