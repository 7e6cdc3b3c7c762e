import { basename } from "node:path";
import { z } from "zod";
import { messageOf } from "#core";
import { describeFound } from "./describe-found.ts";
import { HiveError } from "./errors.ts";
import { freezeDeep } from "./freeze-deep.ts";
import type { Hive, Host, HostName, Limits, Wave } from "./hive.ts";
import { defaultsSchema, hostSchema, limitsSchema } from "./host-schema.ts";
import type { HostDefaultsRead } from "./host-schema.ts";
import { makeHost } from "./make-host.ts";
import { planWaves } from "./plan-waves.ts";
import { Problems } from "./problems.ts";
import { selectHosts } from "./select-hosts.ts";
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
  const waves = hosts && wavesOf(hosts, rollout?.waves ?? [], problems);
  const { lines } = problems;
  if (hosts === undefined || waves === undefined || lines.length > 0) {
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
    waves,
    limits: limitsOf(limits),
  });
}

const hiveName = line("a name of one line, at most 100 characters", { maxLength: 100 }).optional();
const anything = z.unknown().optional();
const shellSchema = exactly(
  { name: anything, hosts: anything, defaults: anything, rollout: anything, limits: anything },
  "an object made by defineHive({ hosts: { … } })",
);
const rolloutSchema = exactly(
  { waves: z.array(line('a selection such as "@canary"'), { error: "a list of selections" }).optional() },
  "an object with waves",
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

function wavesOf(
  hosts: readonly Host[],
  selections: readonly string[],
  problems: Problems,
): readonly Wave[] | undefined {
  const readable = selections.filter((selection, index) => {
    try {
      return selectHosts({ hosts }, selection).length > 0;
    } catch (error) {
      problems.add(["rollout", "waves", index], "a selection of hosts of this hive", messageOf(error));
      return false;
    }
  });
  return problems.lines.length === 0 ? planWaves({ hosts }, readable) : undefined;
}

function limitsOf(limits: z.output<typeof limitsSchema> = {}): Limits {
  const { parallel = 10, evaluate = 1, evaluateMemoryMiB, build = 2, copy = 10, activate = 10 } = limits;
  return { parallel, evaluate, evaluateMemoryMiB, build, copy, activate };
}
