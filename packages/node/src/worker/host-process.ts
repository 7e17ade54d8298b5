/**
 * The process itself. Jest gives modules a copy of `process`, whose events never fire and whose environment native code does not see.
 */

/** Node's own `process`, also where the global one is a copy. */
export const hostProcess: NodeJS.Process = process.getBuiltinModule("node:process");
