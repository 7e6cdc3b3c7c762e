import type { InferredOptionTypes } from "yargs";
import { parseDuration, SkepError } from "#core";
import type { Amount, Hive, RolloutPolicy, WavePolicy, WaveRead } from "#hive";
import {
  amountExpected,
  makeWaves,
  MAX_DURATION_MS,
  ON_FAILURE,
  parseAmount,
  REST,
  selectHosts,
  takesRest,
} from "#hive";
import { CliError } from "../errors.ts";
import type { Terminal } from "../terminal/terminal.ts";

/** What of the hive's `rollout` the command line may say otherwise for one run. */
export const rolloutOptions = {
  wave: {
    type: "string",
    array: true,
    requiresArg: true,
    description: "A wave: a selection, a number of hosts, a share such as 10%, or rest; once for each, in their order",
  },
  "max-unavailable": {
    type: "string",
    requiresArg: true,
    description: "Hosts that may be unavailable at one time: a number, or a share such as 25%",
  },
  "max-failures": {
    type: "string",
    requiresArg: true,
    description: "Hosts that may end badly before the run stops: a number, or a share such as 5%",
  },
  soak: { type: "string", requiresArg: true, description: "How long checks go on after they passed, such as 5m" },
  pause: { type: "string", requiresArg: true, description: "To wait between waves, such as 10m" },
  "on-failure": {
    choices: ON_FAILURE,
    requiresArg: true,
    description: "What too many failures bring besides the end of the run",
  },
  confirm: {
    type: "boolean",
    default: false,
    description: "Ask at the terminal before every wave but the first",
  },
  reboot: {
    choices: ["never", "if-needed", "always"] as const,
    description: "Whether hosts are rebooted into their new systems; else they are not",
  },
} as const;

export type RolloutArguments = InferredOptionTypes<typeof rolloutOptions>;

/**
 * The hive's policy with what the command line says otherwise for this run:
 * - `--wave` takes the place of all waves; like the hive's last one, they soak and pause
 * - `--soak` and `--pause` hold for every wave
 * - `--max-failures` is the run's budget, and that of the waves that had the run's
 * - `--max-unavailable` is the bound over all hosts; those of selections and waves stay
 * - `--confirm` puts a person before every wave but the first
 *
 * @throws CliError `cli/usage` when an option cannot be used, or `--confirm` has nobody to ask.
 */
export function policyOf(
  hive: Pick<Hive, "hosts" | "rollout">,
  args: Omit<RolloutArguments, "reboot">,
  terminal: Pick<Terminal, "stdin" | "stderr">,
): RolloutPolicy {
  const { rollout } = hive;
  const maxFailures = readAmount("max-failures", args["max-failures"], 0) ?? rollout.maxFailures;
  const soakMs = readDuration("soak", args.soak);
  const pauseMs = readDuration("pause", args.pause);
  const waves = (args.wave === undefined ? rollout.waves : readWaves(args.wave, hive)).map((wave) => ({
    ...wave,
    soakMs: soakMs ?? wave.soakMs,
    pauseMs: pauseMs ?? wave.pauseMs,
    maxFailures: isSame(wave.maxFailures, rollout.maxFailures) ? maxFailures : wave.maxFailures,
  }));
  return {
    ...rollout,
    waves: args.confirm ? confirmed(waves, terminal) : waves,
    maxUnavailable: readAmount("max-unavailable", args["max-unavailable"], 1) ?? rollout.maxUnavailable,
    maxFailures,
    onFailure: args["on-failure"] ?? rollout.onFailure,
  };
}

function readWaves(words: readonly string[], hive: Pick<Hive, "hosts" | "rollout">): readonly WavePolicy[] {
  const waves = words.map((word) => readWave(word, hive));
  const early = waves.slice(0, -1).findIndex(takesRest);
  if (early !== -1) throw wrong("--wave rest takes all that is left, so it can only be the last");
  const { soakMs = 0, pauseMs = 0 } = hive.rollout.waves.at(-1) ?? {};
  return makeWaves(waves, { soakMs, pauseMs, maxFailures: hive.rollout.maxFailures });
}

function readWave(word: string, { hosts }: Pick<Hive, "hosts">): WaveRead {
  const text = word.trim();
  if (text === REST) return {};
  if (/^\d+$|%$/.test(text)) return { size: readAmount("wave", text, 1) };
  try {
    selectHosts({ hosts }, text);
    return { hosts: text };
  } catch (error) {
    if (!(error instanceof SkepError)) throw error;
    throw new CliError("cli/usage", `--wave ${text} selects no hosts: ${error.message}`, { hint: error.hint });
  }
}

function readAmount(option: string, text: string | undefined, least: 0 | 1): Amount | undefined {
  if (text === undefined) return undefined;
  const amount = parseAmount(/^\d+$/.test(text) ? Number(text) : text, { least });
  if (amount !== undefined) return amount;
  throw wrong(`--${option} takes ${amountExpected(least)}, not "${text}"`);
}

/** @throws CliError `cli/usage`. */
export function readDuration(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const ms = parseDuration(text);
  if (ms !== undefined && ms <= MAX_DURATION_MS) return Math.round(ms);
  throw wrong(`--${option} takes a duration up to 24h, such as 90s or 5m, not "${text}"`);
}

function isSame(one: Amount, other: Amount): boolean {
  return "hosts" in one
    ? "hosts" in other && one.hosts === other.hosts
    : "percent" in other && one.percent === other.percent;
}

function confirmed(
  waves: readonly WavePolicy[],
  { stdin, stderr }: Pick<Terminal, "stdin" | "stderr">,
): readonly WavePolicy[] {
  if (stdin?.isTTY !== true || stderr.isTTY !== true) {
    throw new CliError("cli/usage", "--confirm asks at a terminal, and there is none", {
      hint: "without one, a gate in the hive's rollout.waves can ask something else",
    });
  }
  return waves.map((wave, index) => {
    if (index === 0) return wave;
    if (wave.gate === undefined || wave.gate.kind === "confirm") return { ...wave, gate: { kind: "confirm" } };
    throw new CliError("cli/usage", `--confirm cannot stand before wave ${wave.name}: it has a gate in the hive`, {
      hint: "leave --confirm out, or say the waves with --wave",
    });
  });
}

function wrong(message: string): CliError {
  return new CliError("cli/usage", message);
}
