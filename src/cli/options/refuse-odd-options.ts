import type { Goal } from "#hive";
import { GOALS, persistsAfterReboot } from "#hive";
import type { Step } from "#rollout";
import { stepsFor } from "#rollout";
import { CliError } from "../errors.ts";
import { ownWords } from "../own-words.ts";

type Given = Readonly<Record<string, unknown>>;

/** Options that contradict one another, or say nothing without another. */
interface OddTogether {
  readonly isOdd: (given: Given) => boolean;
  readonly message: string;
  readonly hint: string;
}

const ODD_TOGETHER: readonly OddTogether[] = [
  {
    isOdd: ({ quiet, verbose }) => quiet === true && verbose === true,
    message: "--quiet and --verbose do not go together",
    hint: "give one of them: --quiet shows errors and the result, --verbose also what hosts and builders print",
  },
  {
    isOdd: ({ json, output }) => json === true && (output === "tty" || output === "lines"),
    message: "--json does not go with another --output: it is --output ndjson",
    hint: "leave one of them out",
  },
  {
    isOdd: (given) => given["steal-lease"] === true && given["lease-timeout"] !== undefined,
    message: "--steal-lease and --lease-timeout do not go together: one waits, the other does not",
    hint: "give one of them",
  },
  {
    isOdd: ({ revert, new: startNew }) => revert === true && startNew === false,
    message: "--revert and --no-new do not go together: --revert begins no host anyway",
    hint: "give --revert alone to take the run back, or --no-new alone to finish what is under way",
  },
];

/**
 * Refuses options of any command that do not go together.
 * @throws CliError `cli/usage`.
 */
export function refuseOddTogether(given: Given): void {
  const odd = ODD_TOGETHER.find(({ isOdd }) => isOdd(given));
  if (odd !== undefined) throw new CliError("cli/usage", odd.message, { hint: odd.hint });
}

/** What prints instead, by the option that takes the name of a file. */
const FILE_OPTIONS: Readonly<Record<string, string>> = {
  out: "--json prints the plan to standard output",
  html: "without a file it goes to standard output",
  markdown: "without a file it goes to standard output",
  junit: "name a file; skep report --junit prints it afterwards",
};

/**
 * Refuses a dash where a file is to be named: elsewhere it means standard output, and here it would be a file's name.
 * @throws CliError `cli/usage`.
 */
export function refuseDash(given: Given): void {
  // An option that may go without a value leaves the dash to what follows it.
  const isDash = (name: string): boolean => given[name] === "-" || (given[name] === "" && given.run === "");
  const option = Object.keys(FILE_OPTIONS).find(isDash);
  if (option === undefined) return;
  throw new CliError("cli/usage", `--${option} takes the name of a file, not "-"`, { hint: FILE_OPTIONS[option] });
}

/**
 * Refuses an option with an empty word for its value, as a variable that is not set leaves it. Of the options that may go without a
 * value it is another thing to be given that.
 * @throws CliError `cli/usage`.
 */
export function refuseEmpty(given: Given, argv: readonly string[]): void {
  const own = ownWords(argv);
  const option = own
    .flatMap((word, at) => (word === "" ? (own[at - 1] ?? []) : /^-.*=$/.test(word) ? word.slice(0, -1) : []))
    .find((word) => [given[word.replace(/^-+/, "")]].flat().includes(""));
  if (option === undefined) return;
  throw new CliError("cli/usage", `${option} needs a value, and was given an empty one`, {
    hint: "is a variable not set that was to be it?",
  });
}

/** Where an option of a deployment has something to do, and what is missing elsewhere. */
interface Use {
  readonly isOf: (goal: Goal) => boolean;
  readonly lack: string;
}

const hasStep =
  (...steps: readonly Step[]) =>
  (goal: Goal): boolean =>
    stepsFor(goal).some((step) => steps.includes(step));

const ON_HOSTS: Use = { isOf: hasStep("connect"), lack: "it touches no host" };
const ACTIVATING: Use = { isOf: hasStep("test", "commit"), lack: "it activates nothing" };

/** What an option is about; those that only say where things are go with every goal. */
const USES: Readonly<Record<string, Use>> = {
  wave: ON_HOSTS,
  pause: ON_HOSTS,
  confirm: ON_HOSTS,
  parallel: ON_HOSTS,
  sandbox: ON_HOSTS,
  "max-failures": ON_HOSTS,
  "steal-lease": ON_HOSTS,
  "lease-timeout": ON_HOSTS,
  "max-unavailable": ACTIVATING,
  "limit-activate": ACTIVATING,
  "limit-copy": { isOf: hasStep("copy"), lack: "it copies nothing" },
  "limit-build": { isOf: hasStep("build"), lack: "it builds nothing" },
  "limit-evaluate": { isOf: hasStep("evaluate"), lack: "it evaluates nothing" },
  soak: { isOf: hasStep("check"), lack: "it runs no checks" },
  "on-failure": { isOf: hasStep("test"), lack: "it activates nothing that could be taken back" },
  reboot: { isOf: persistsAfterReboot, lack: "it brings no system that a reboot would start" },
};

/** What an option says when it says nothing. */
const SILENT: Readonly<Record<string, unknown>> = { reboot: "never", "on-failure": "stop" };

/**
 * Refuses options that the steps of a goal have no use for: whoever gives them expects something that does not happen.
 * @throws CliError `cli/usage`.
 */
export function refuseIdleOptions(goal: Goal, given: Given): void {
  const idle = Object.entries(USES).filter(([option, { isOf }]) => isGiven(given[option], option) && !isOf(goal));
  const [first] = idle;
  if (first === undefined) return;
  const lacks = [...new Set(idle.map(([, { lack }]) => lack))].join(", and ");
  const options = idle.map(([option]) => `--${option}`).join(", ");
  const goals = GOALS.filter((other) => idle.every(([, { isOf }]) => isOf(other)));
  throw new CliError("cli/usage", `the goal ${goal} has no use for ${options}: ${lacks}`, {
    hint: `leave ${idle.length === 1 ? "it" : "them"} out${goals.length === 0 ? "" : `, or deploy with the goal ${anyOf(goals)}`}`,
  });
}

function isGiven(value: unknown, option: string): boolean {
  return value !== undefined && value !== false && value !== SILENT[option];
}

/** `a, b or c`. */
function anyOf(words: readonly string[]): string {
  return [words.slice(0, -1).join(", "), ...words.slice(-1)].filter((part) => part !== "").join(" or ");
}
