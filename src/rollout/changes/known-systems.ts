import type { Manifest } from "#native";
import type { Nix } from "#nix";
import type { Closure, StoredPath, StorePath } from "#store";
import { readLocalSystem, withoutAttributes } from "../plan/local-system.ts";
import { localClosures } from "./local-closures.ts";
import type { RememberedSystems } from "./remembered-systems.ts";

/** What a system consists of. */
export interface KnownSystem {
  readonly paths: readonly StoredPath[];
  /** How each path below `/etc` is made; undefined where that cannot be told. */
  readonly etc: ReadonlyMap<string, string> | undefined;
  /** Of one that was made without Nix. */
  readonly units: readonly string[];
}

export interface KnownSystemsOptions {
  /** The systems that hosts of the run are to get. */
  readonly wanted: Iterable<Closure>;
  readonly manifestOf: (toplevel: StorePath) => Manifest | undefined;
  readonly remembered: RememberedSystems | undefined;
  readonly nix: () => Promise<Nix>;
  readonly signal: AbortSignal;
}

/** Finds out what a system consists of; undefined where this machine does not know. Never rejects. */
export type KnownSystems = (toplevel: StorePath) => Promise<KnownSystem | undefined>;

const MOST_KEPT = 16;

/**
 * Asks no host: what this run brings is known, what the operator brought before was written down, or is in the operator's
 * own store. Each system is looked for once, as long as it is among the last that were.
 */
export function knownSystems({ wanted, manifestOf, remembered, nix, signal }: KnownSystemsOptions): KnownSystems {
  const brought = new Map<StorePath, Closure>();
  for (const closure of wanted) brought.set(closure.toplevel, closure);
  const readLocal = localClosures({ nix, signal });
  const kept = new Map<StorePath, Promise<KnownSystem | undefined>>();

  const find = async (toplevel: StorePath): Promise<KnownSystem | undefined> => {
    const ours = brought.get(toplevel);
    const manifest = manifestOf(toplevel);
    if (ours !== undefined && manifest !== undefined) return systemOf(ours, manifest);
    const known = ours === undefined ? await remembered?.read(toplevel) : undefined;
    if (known !== undefined) return known;
    const closure = ours ?? (await readLocal(toplevel));
    if (closure === undefined) return undefined;
    const { etc } = await readLocalSystem(toplevel);
    const paths = closure.paths.map(({ path, narSize }) => ({ path, narSize }));
    return { paths, etc: etc.size === 0 ? undefined : withoutAttributes(etc), units: [] };
  };

  return (toplevel) => {
    const known = kept.get(toplevel);
    if (known !== undefined) return known;
    const found = find(toplevel).catch(() => undefined);
    kept.set(toplevel, found);
    const [oldest] = kept.keys();
    if (kept.size > MOST_KEPT && oldest !== undefined) kept.delete(oldest);
    return found;
  };
}

/** A system that was made here, without Nix. */
export function systemOf({ paths }: Closure, { etc, units }: Manifest): KnownSystem {
  return { paths, etc, units: units.map(({ name }) => name) };
}
