import { readdir } from "node:fs/promises";
import { dirname, relative } from "node:path";
import type { Hive } from "#hive";
import { listRuns, runsFolder } from "#rollout";
import { SecretsError } from "#secrets";
import { findHive } from "../hive/find-hive.ts";
import { loadHive } from "../hive/load-hive.ts";
import { readDefinition } from "../hive/read-definition.ts";
import { findRules } from "../secrets/find-rules.ts";
import type { Terminal } from "../terminal/terminal.ts";
import type { Candidate, NameKind, Wanted } from "./wanted.ts";

/** Who presses Tab waits for it: a hive that takes longer has nothing to offer. */
const TIMEOUT_MS = 2_000;

/**
 * The names that the hive, its secrets or its runs offer. The hive file is run and its systems are not evaluated; no host
 * and no Nix is asked.
 */
export async function readNames(
  kind: NameKind,
  { typed, given }: Pick<Wanted, "typed" | "given">,
  { cwd, env }: Pick<Terminal, "cwd" | "env">,
): Promise<readonly Candidate[]> {
  const place = { file: given.get("hive"), cwd, env };
  switch (kind) {
    case "host":
      return hostsOf(await loadHive({ ...place, timeoutMs: TIMEOUT_MS }));
    case "selection":
      return completeSelection(typed, await loadHive({ ...place, timeoutMs: TIMEOUT_MS }));
    case "run":
      return readRuns(dirname(await findHive(place)));
    case "secret":
      return readSecrets(await findRules({ file: given.get("secrets"), hive: given.get("hive"), cwd, env }), cwd);
    case "file":
    case "folder":
      return [];
  }
}

/** `@web & !d` → `@web & !db-1`: what may take the place of the last term. */
function completeSelection(typed: string, hive: Hive): readonly Candidate[] {
  const before = /^.*[,&!()]\s*/s.exec(typed)?.[0] ?? "";
  const tags = new Map<string, number>();
  for (const tag of hive.hosts.flatMap((host) => host.tags)) tags.set(tag, (tags.get(tag) ?? 0) + 1);
  const terms = [
    ...hostsOf(hive),
    ...[...tags].map(([tag, count]) => ({ word: `@${tag}`, description: count === 1 ? "1 host" : `${count} hosts` })),
  ];
  return terms.map(({ word, description }) => ({ word: before + word, description }));
}

function hostsOf({ hosts }: Hive): readonly Candidate[] {
  return hosts.map(({ name, tags }) => ({ word: name, description: tags.map((tag) => `@${tag}`).join(" ") }));
}

async function readRuns(directory: string): Promise<readonly Candidate[]> {
  const runs = await listRuns(runsFolder({ directory }));
  return runs.map(({ header: { run, goal, operator }, state }) => {
    return { word: run, description: `${goal} by ${operator}, ${state}` };
  });
}

/** By the rules' names; rules of agenix are not evaluated, and there the files' names must do. */
async function readSecrets(path: string, cwd: string): Promise<readonly Candidate[]> {
  const files = async (): Promise<readonly Candidate[]> => {
    const folder = dirname(path);
    const names = await readdir(folder, { recursive: true });
    return names.filter((name) => name.endsWith(".age")).map((name) => ({ word: relative(cwd, `${folder}/${name}`) }));
  };
  if (path.endsWith(".nix")) return files();
  const { value } = await readDefinition(path, {
    cwd,
    ending: "defineSecrets({ … })",
    timeoutMs: TIMEOUT_MS,
    fail: (_failure, message) => new SecretsError("secrets/rules", message),
  });
  const rules = typeof value === "object" && value !== null && "rules" in value ? value.rules : undefined;
  return typeof rules === "object" && rules !== null ? Object.keys(rules).map((word) => ({ word })) : files();
}
