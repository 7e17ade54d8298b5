/** Output of a command whose progress is shown meanwhile. */
import type { CommandContext } from "../command.js";
import type { TerminalProgress } from "../terminal/progress.js";

/** The context with the same output, which ends the line that shows the progress first. */
export function belowProgress(context: CommandContext, progress: TerminalProgress): CommandContext {
  const below =
    (write: (text: string) => void) =>
    (text: string): void => {
      progress.end();
      write(text);
    };
  return { ...context, print: below(context.print), note: below(context.note) };
}
