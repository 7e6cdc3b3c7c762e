/** Aborts with whichever of two signals does first. Dispose it when nothing listens any more. */
export function joinSignals(
  first: AbortSignal,
  second: AbortSignal | undefined,
): Disposable & { readonly signal: AbortSignal } {
  const controller = new AbortController();
  const follow = (): void => {
    controller.abort(first.aborted ? first.reason : second?.reason);
  };
  for (const signal of [first, second]) {
    if (signal?.aborted === true) follow();
    else signal?.addEventListener("abort", follow, { once: true });
  }
  return {
    signal: controller.signal,
    [Symbol.dispose]() {
      for (const signal of [first, second]) signal?.removeEventListener("abort", follow);
    },
  };
}
