import { basename } from "node:path";
import { z } from "zod";
import { describeFound } from "./describe-found.ts";
import { HiveError } from "./errors.ts";
import { freezeDeep } from "./freeze-deep.ts";
import type { Hive, Host, HostName, Limits } from "./hive.ts";
import type { HostDefaultsRead } from "./host/host-schema.ts";
import { defaultsSchema, hostSchema, limitsSchema } from "./host/host-schema.ts";
import { makeHost } from "./host/make-host.ts";
import { Problems } from "./problems.ts";
import { makeRollout } from "./rollout/make-rollout.ts";
import { rolloutSchema } from "./rollout/rollout-schema.ts";
import { exactly, isName, line, NAME_LETTERS } from "./words.ts";

export interface ParseHiveOptions {
  /** The hive file's folder, absolute. Relative paths in the hive start here. */
  readonly directory: string;
  /** What the hive is called when it does not say so itself. Default: the folder's name. */
  readonly name?: string | undefined;
  /** The file that is spoken of when something is wrong. Default: "the hive". */
  readonly file?: string | undefined;
}

/**
 * What a hive file exports → the hive: defaults filled in, durations in milliseconds, targets taken apart, local paths
 * absolute, frozen to the bottom.
 * @throws HiveError `hive/invalid` with every problem on a line of its own: where, what was expected, what was found.
 */
export function parseHive(input: unknown, options: ParseHiveOptions): Hive {
  const { directory, file = "the hive" } = options;
  const problems = new Problems();
  const shell = readShell(input, problems);
  const name = shell && problems.read(hiveName, shell.name, ["name"]);
  const limits = shell && problems.read(limitsSchema.optional(), shell.limits, ["limits"]);
  const defaults = shell && problems.read(defaultsSchema.optional(), shell.defaults, ["defaults"]);
  const hosts = shell && readHosts(shell.hosts, { defaults: defaults ?? {}, directory, problems });
  const rollout = shell && problems.read(rolloutSchema.optional(), shell.rollout, ["rollout"]);
  // Of a part of the hosts, selections would seem to name what is not there.
  const areWhole =
    hosts?.length === countOfKeys(shell?.hosts) && (defaults !== undefined || shell?.defaults === undefined);
  const policy = makeRollout(rollout ?? {}, { hosts: areWhole ? hosts : undefined, problems });
  const { lines } = problems;
  if (hosts === undefined || lines.length > 0) {
    const count = lines.length === 1 ? "1 problem" : `${lines.length} problems`;
    throw new HiveError(
      "hive/invalid",
      `${file} is not valid, ${count}:\n${lines.map((text) => `  ${text}`).join("\n")}`,
    );
  }
  return freezeDeep({
    name: name ?? options.name ?? (basename(directory) || "hive"),
    directory,
    hosts,
    rollout: policy,
    limits: limitsOf(limits),
  });
}

const hiveName = line("a name of one line, at most 100 characters", { maxLength: 100 }).optional();
const anything = z.unknown().optional();
const shellSchema = exactly(
  { name: anything, hosts: anything, defaults: anything, rollout: anything, limits: anything },
  "an object made by defineHive({ hosts: { … } })",
);
const hostsSchema = z.record(z.string(), z.unknown(), { error: "the hosts by name, as an object" });

/** The hive's own keys, each to be read by itself so that what is wrong in one hides nothing in another. */
function readShell(input: unknown, problems: Problems): z.output<typeof shellSchema> | undefined {
  const shell = problems.read(shellSchema, input, []);
  if (shell !== undefined) return shell;
  return typeof input === "object" && input !== null && !Array.isArray(input) ? input : undefined;
}

interface HostsContext {
  readonly defaults: HostDefaultsRead;
  readonly directory: string;
  readonly problems: Problems;
}

function readHosts(input: unknown, context: HostsContext): readonly Host[] | undefined {
  const { problems } = context;
  const entries = problems.read(hostsSchema, input, ["hosts"]);
  if (entries === undefined) return undefined;
  const hosts: Host[] = [];
  for (const [name, value] of Object.entries(entries)) {
    const path = ["hosts", name];
    const host = problems.read(hostSchema, value, path);
    if (!isHostName(name)) problems.add(path, `a host's name of ${NAME_LETTERS}`, describeFound(name));
    else if (host !== undefined) hosts.push(makeHost(name, host, context));
  }
  if (Object.keys(entries).length === 0) problems.add(["hosts"], "at least one host", "an empty object");
  refuseSharedTargets(hosts, problems);
  return hosts;
}

function isHostName(name: string): name is HostName {
  return isName(name);
}

/** Two systems cannot run on one machine: the second would replace the first. */
function refuseSharedTargets(hosts: readonly Host[], problems: Problems): void {
  const seen = new Map<string, HostName>();
  for (const { name, target } of hosts) {
    const place = JSON.stringify([target.host.toLowerCase(), target.port, target.proxyJump, target.root]);
    const other = seen.get(place);
    if (other === undefined) seen.set(place, name);
    else problems.add(["hosts", name, "target"], `another machine than that of ${other}`, describeFound(target.host));
  }
}

function countOfKeys(value: unknown): number {
  return typeof value === "object" && value !== null ? Object.keys(value).length : 0;
}

function limitsOf(limits: z.output<typeof limitsSchema> = {}): Limits {
  const { parallel = 10, evaluate = 1, evaluateMemoryMiB, build = 2, copy = 10, activate = 10 } = limits;
  return { parallel, evaluate, evaluateMemoryMiB, build, copy, activate };
}
