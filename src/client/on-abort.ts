/** Who waits under which signal: one listener on each, because Node warns of a leak when there are more than ten. */
const waiting = new WeakMap<AbortSignal, Set<() => void>>();

/** Calls `listener` once when the signal aborts. The result withdraws it. */
export function onAbort(signal: AbortSignal, listener: () => void): () => void {
  const listeners = waiting.get(signal) ?? listen(signal);
  listeners.add(listener);
  return () => {
    listeners.delete(listener);
  };
}

function listen(signal: AbortSignal): Set<() => void> {
  const listeners = new Set<() => void>();
  waiting.set(signal, listeners);
  const tellAll = (): void => {
    for (const listener of listeners) listener();
    listeners.clear();
  };
  signal.addEventListener("abort", tellAll, { once: true });
  return listeners;
}
