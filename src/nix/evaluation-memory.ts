import { readFile } from "node:fs/promises";
import { succeeded } from "#core";
import type { Nix } from "./nix.ts";
import { runNix } from "./run-nix.ts";

/** What evaluating some hosts of a source has taught about the memory the others will take. */
export interface EvaluationMemory {
  /** The most an evaluator held after its first host: Nix, the flake, nixpkgs and one system. */
  readonly firstHostMiB: number;
  /** The most that any further host added; undefined until a process evaluated two. */
  readonly nextHostMiB: number | undefined;
}

/** What an evaluator held when it was done with its `position`-th host (from 0), and with the one before. */
export interface MemorySample {
  readonly position: number;
  readonly residentMiB: number;
  readonly previousMiB: number;
}

/** Estimates only grow: what one host took, another may take. */
export function learnMemory(known: EvaluationMemory | undefined, sample: MemorySample): EvaluationMemory {
  const { position, residentMiB, previousMiB } = sample;
  if (position === 0) {
    return { firstHostMiB: Math.max(known?.firstHostMiB ?? 0, residentMiB), nextHostMiB: known?.nextHostMiB };
  }
  const added = Math.max(1, residentMiB - previousMiB);
  return { firstHostMiB: known?.firstHostMiB ?? previousMiB, nextHostMiB: Math.max(known?.nextHostMiB ?? 0, added) };
}

/**
 * How many hosts the next evaluator is given: an equal share of those that wait, and no more than its memory is likely
 * to hold. At least one; before anything is known the share, since {@link hasRoom} ends an evaluator that grew too big.
 */
export function nextChunkSize(input: {
  /** Hosts that wait, at least 1. */
  readonly waiting: number;
  /** Evaluators that run at one time. */
  readonly evaluators: number;
  /** For one evaluator. */
  readonly budgetMiB: number;
  readonly memory: EvaluationMemory | undefined;
  /** The most that was not too much: half of what died for lack of memory. */
  readonly atMost: number;
}): number {
  const { waiting, evaluators, budgetMiB, memory, atMost } = input;
  const share = Math.ceil(waiting / evaluators);
  return Math.max(1, Math.min(share, atMost, memory === undefined ? share : hostsThatFit(memory, budgetMiB)));
}

/** Whether an evaluator that holds `residentMiB` may take one host more. */
export function hasRoom(residentMiB: number, budgetMiB: number, memory: EvaluationMemory): boolean {
  return residentMiB + (memory.nextHostMiB ?? memory.firstHostMiB) <= budgetMiB;
}

/** Half of what is free on this machine, or in this process's control group. */
export function defaultMemoryMiB(): number {
  return Math.floor(process.availableMemory() / 2 ** 21);
}

/** The memory a process holds now; undefined when that cannot be seen (it is gone). */
export async function readResidentMiB(nix: Nix, pid: number): Promise<number | undefined> {
  if (process.platform === "linux") {
    const status = await readFile(`/proc/${pid}/status`, "utf8").catch(() => "");
    return kibToMiB(/^VmRSS:\s*(\d+) kB$/m.exec(status)?.[1]);
  }
  const result = await runNix(nix, ["ps", "-o", "rss=", "-p", String(pid)], { timeoutMs: 5_000 }).catch(
    () => undefined,
  );
  return result !== undefined && succeeded(result) ? kibToMiB(result.stdout.trim()) : undefined;
}

function hostsThatFit({ firstHostMiB, nextHostMiB = firstHostMiB }: EvaluationMemory, budgetMiB: number): number {
  return 1 + Math.floor((budgetMiB - firstHostMiB) / Math.max(1, nextHostMiB));
}

function kibToMiB(kib: string | undefined): number | undefined {
  return kib === undefined || !/^\d+$/.test(kib) ? undefined : Math.ceil(Number(kib) / 1024);
}
