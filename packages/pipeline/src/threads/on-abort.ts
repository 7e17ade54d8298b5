/**
 * Listeners on a caller's signal. However many calls share a signal, it has one listener of ours: Node.js takes eleven for a leak and warns.
 */

interface SharedListener {
  readonly callbacks: Set<() => void>;
  readonly tell: () => void;
}

const listeners: WeakMap<AbortSignal, SharedListener> = new WeakMap();

/**
 * Calls back once the signal aborts. Not for a signal that has aborted already.
 *
 * @returns stops listening; calling it again does nothing.
 */
export function onAbort(signal: AbortSignal | undefined, callback: () => void): () => void {
  if (signal === undefined) return () => undefined;
  const { callbacks, tell } = listeners.get(signal) ?? listen(signal);
  const own = (): void => callback();
  callbacks.add(own);
  return () => {
    if (!callbacks.delete(own) || callbacks.size > 0) return;
    signal.removeEventListener("abort", tell);
    listeners.delete(signal);
  };
}

function listen(signal: AbortSignal): SharedListener {
  const callbacks = new Set<() => void>();
  const shared: SharedListener = {
    callbacks,
    tell: () => {
      for (const callback of callbacks) callback();
    },
  };
  signal.addEventListener("abort", shared.tell, { once: true });
  listeners.set(signal, shared);
  return shared;
}
