/**
 * One download of a file at a time, whichever tab does it.
 */

/** Waits until no other tab, and no other call here, holds the lock of this name. */
export async function withLock<Result>(name: string, signal: AbortSignal | undefined, work: () => Promise<Result>): Promise<Result> {
  // Pages that are neither https nor localhost have no locks, nor anything kept to guard.
  if (globalThis.navigator?.locks === undefined) return work();
  return navigator.locks.request(`chinese-clip ${name}`, signal === undefined ? {} : { signal }, work) as Promise<Result>;
}
