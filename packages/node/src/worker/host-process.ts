/**
 * The process itself. Jest gives modules a copy of `process`, whose events never fire and whose environment native code does not see; from Jest
 * 30.5 on, `process.getBuiltinModule` gives that copy, too. A script in Node's own context sees the original.
 */
import { runInThisContext } from "node:vm";

/** Node's own `process`, also where the global one is a copy. */
export const hostProcess: NodeJS.Process = runInThisContext("process") as NodeJS.Process;
