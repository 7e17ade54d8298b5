/**
 * Listeners on a caller's signal. However many calls share a signal, it has one listener of ours: Node.js takes eleven for a leak and warns.
 */

/** What to call when a signal aborts, and the listener that does. */
type SharedListener = readonly [callbacks: Set<() => void>, listener: () => void];

const listeners: WeakMap<AbortSignal, SharedListener> = new WeakMap();

/**
 * Calls back once the signal aborts. Not for a signal that has aborted already.
 *
 * @param callback - one that is not waiting for this signal already.
 * @returns stops listening; calling it again does nothing.
 */
export function onAbort(signal: AbortSignal | undefined, callback: () => void): () => void {
  if (signal === undefined) return () => undefined;
  const [callbacks, listener] = listeners.get(signal) ?? listen(signal);
  callbacks.add(callback);
  return () => {
    if (!callbacks.delete(callback) || callbacks.size > 0) return;
    signal.removeEventListener("abort", listener);
    listeners.delete(signal);
  };
}

function listen(signal: AbortSignal): SharedListener {
  const callbacks = new Set<() => void>();
  const listener = (): void => {
    for (const callback of callbacks) callback();
  };
  signal.addEventListener("abort", listener, { once: true });
  const shared: SharedListener = [callbacks, listener];
  listeners.set(signal, shared);
  return shared;
}
