import { access } from "node:fs/promises";
import type { Nix } from "#nix";
import { readClosure, readClosures } from "#nix";
import type { Closure, StorePath } from "#store";

/** Reads closures that the operator's own store has. */
export type LocalClosures = (toplevel: StorePath) => Promise<Closure | undefined>;

interface Question {
  readonly toplevel: StorePath;
  readonly answer: (closure: Closure | undefined) => void;
}

/**
 * Those who ask while Nix is answering others are asked about together, so that a large fleet costs a few processes.
 * Undefined where this machine has no such path, or no Nix.
 */
export function localClosures({
  nix,
  signal,
}: {
  readonly nix: () => Promise<Nix>;
  readonly signal: AbortSignal;
}): LocalClosures {
  let waiting: Question[] = [];
  let isAsking = false;
  const ask = async (): Promise<void> => {
    isAsking = true;
    while (waiting.length > 0) {
      const asked = waiting;
      waiting = [];
      const found = await readMany(
        asked.map(({ toplevel }) => toplevel),
        { nix, signal },
      );
      for (const { toplevel, answer } of asked) answer(found.get(toplevel));
    }
    isAsking = false;
  };
  return async (toplevel) => {
    if (signal.aborted || !(await isHere(toplevel))) return undefined;
    return new Promise((answer) => {
      waiting.push({ toplevel, answer });
      if (!isAsking) void ask();
    });
  };
}

async function readMany(
  toplevels: readonly StorePath[],
  { nix, signal }: { readonly nix: () => Promise<Nix>; readonly signal: AbortSignal },
): Promise<ReadonlyMap<StorePath, Closure>> {
  try {
    return await readClosures(await nix(), toplevels, { signal, timeoutMs: TIMEOUT_MS });
  } catch {
    if (toplevels.length === 1) return new Map();
  }
  // One that is there and not valid fails the question for all.
  const found = new Map<StorePath, Closure>();
  for (const toplevel of new Set(toplevels)) {
    if (signal.aborted) break;
    const closure = await nix()
      .then((store) => readClosure(store, toplevel, { signal, timeoutMs: TIMEOUT_MS }))
      .catch(() => undefined);
    if (closure !== undefined) found.set(toplevel, closure);
  }
  return found;
}

const TIMEOUT_MS = 60_000;

async function isHere(path: StorePath): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch {
    return false;
  }
}
