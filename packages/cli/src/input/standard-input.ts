/**
 * The command's standard input, which a user may never end.
 */
import { addAbortSignal, type Readable } from "node:stream";
import type { CommandContext } from "../command.js";

/** A stream that fails when the command is interrupted. */
export function standardInput({ signal }: Pick<CommandContext, "signal">): Readable {
  return addAbortSignal(signal, process.stdin);
}
