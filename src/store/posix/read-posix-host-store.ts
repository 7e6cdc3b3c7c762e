import type { CommandRunner } from "#core";
import type { StoredPath } from "../diff-closures.ts";
import { StoreError } from "../errors.ts";
import type { HostStoreReading, ReadHostStoreOptions } from "../read-host-store.ts";
import { baseOf, pathOfBase } from "./info-file.ts";
import { READ_SCRIPT } from "./read-script.ts";
import { runHostScript } from "./script-channel.ts";

/**
 * Asks the store of a host without Nix, in one round trip. Changes nothing.
 * @throws StoreError; what the runner throws; the signal's reason.
 */
export async function readPosixHostStore({
  runner,
  root = "",
  toplevel,
  wanted,
  signal,
}: ReadHostStoreOptions & {
  readonly runner: CommandRunner;
  /** The folder on the host under which `nix/store` lies; default: none, the real `/nix/store`. */
  readonly root?: string | undefined;
}): Promise<HostStoreReading> {
  const attempt = "reading the host's store";
  const lines = await runHostScript(runner, {
    ...{ script: READ_SCRIPT, attempt, signal },
    args: [root, toplevel === undefined ? "" : baseOf(toplevel)],
    stdin: [...wanted.map(baseOf), ".\n"].join("\n"),
  });
  if (lines.at(-1) !== "complete") throw new StoreError("store/host-script", `${attempt} failed: it was cut short`);
  const valid = new Set<string>();
  const closure: StoredPath[] = [];
  for (const line of lines) {
    const [what, base = "", size = ""] = line.split(" ");
    if (what === "valid") valid.add(base);
    else if (what === "path") closure.push({ path: pathOfBase(base), narSize: Number(size) });
    else if (what === "unknown") closure.push({ path: pathOfBase(base), narSize: 0 });
  }
  return {
    closure: closure.length === 0 ? undefined : closure,
    missing: wanted.filter((path) => !valid.has(baseOf(path))),
  };
}
