/**
 * The user's folder, which a process in a container may not have.
 */
import { homedir } from "node:os";

/** Undefined where `HOME` is not set and the system does not know the user. */
export function userHome(): string | undefined {
  try {
    return homedir() || undefined;
  } catch {
    return undefined;
  }
}
