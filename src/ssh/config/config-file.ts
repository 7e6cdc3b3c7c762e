import { readdir, readFile } from "node:fs/promises";
import { homedir, userInfo } from "node:os";
import { dirname, isAbsolute, join, resolve } from "node:path";
import type { Directive, Line, Match, Section } from "ssh-config";
import SSHConfig from "ssh-config";
import { errnoOf, messageOf } from "#core";
import { SshError } from "../errors.ts";
import type { SshTarget } from "../target.ts";
import { matchesGlob, matchesPatternList } from "./host-pattern.ts";
import type { RawSettings } from "./raw-settings.ts";
import { LIST_KEYWORDS, rawSettings } from "./raw-settings.ts";
import type { SettingsOptions } from "./settings.ts";

export const SYSTEM_CONFIG = "/etc/ssh/ssh_config";
const MAX_INCLUDE_DEPTH = 16;
/** Keywords whose values add up; of all others the first one said counts. */
const CUMULATIVE: ReadonlySet<string> = new Set(["identityfile"]);
const DEFAULTS: Readonly<Record<string, readonly string[]>> = {
  identityfile: ["~/.ssh/id_rsa", "~/.ssh/id_ecdsa", "~/.ssh/id_ed25519"],
  userknownhostsfile: ["~/.ssh/known_hosts", "~/.ssh/known_hosts2"],
  globalknownhostsfile: ["/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2"],
};

interface Reading {
  readonly target: SshTarget;
  readonly values: Map<string, string[]>;
}

interface Place {
  readonly file: string;
  /** Where relative includes are looked for. */
  readonly includesFrom: string;
  readonly depth: number;
}

/**
 * The settings for one host as the files say, where OpenSSH's client is not there to be asked. `Include` is followed;
 * of `Match`, the criteria all, host, originalhost, user and localuser are understood, and a block with any other is
 * left out.
 */
export async function readSettingsFromFiles(target: SshTarget, { configFile }: SettingsOptions): Promise<RawSettings> {
  const reading: Reading = { target, values: new Map() };
  if (target.user !== undefined) reading.values.set("user", [target.user]);
  const userFolder = join(homedir(), ".ssh");
  if (configFile === undefined) {
    const userConfig = join(userFolder, "config");
    await readOptional(reading, { file: userConfig, includesFrom: userFolder, depth: 0 });
    await readOptional(reading, { file: SYSTEM_CONFIG, includesFrom: dirname(SYSTEM_CONFIG), depth: 0 });
  } else {
    await readConfig(reading, { file: resolve(configFile), includesFrom: userFolder, depth: 0 });
  }
  for (const [keyword, values] of Object.entries(DEFAULTS)) {
    if (!reading.values.has(keyword)) reading.values.set(keyword, [...values]);
  }
  return rawSettings(reading.values);
}

async function readOptional(reading: Reading, place: Place): Promise<void> {
  try {
    await readConfig(reading, place);
  } catch (error) {
    if (!(error instanceof SshError) || errnoOf(error.cause) !== "ENOENT") throw error;
  }
}

async function readConfig(reading: Reading, place: Place): Promise<void> {
  let lines: Line[];
  try {
    lines = SSHConfig.parse(await readFile(place.file, "utf8"));
  } catch (error) {
    throw new SshError("ssh/config", `reading ${place.file}: ${messageOf(error)}`, { cause: error });
  }
  await readLines(reading, lines, place);
}

async function readLines(reading: Reading, lines: readonly Line[], place: Place): Promise<void> {
  for (const line of lines) {
    if (!isDirective(line)) continue;
    if (isSection(line)) {
      if (sectionApplies(reading, line)) await readLines(reading, line.config, place);
    } else if (line.param.toLowerCase() === "include") {
      await include(reading, { paths: wordsOf(line.value), place });
    } else {
      take(reading, line);
    }
  }
}

function take({ values }: Reading, line: Directive): void {
  const keyword = line.param.toLowerCase();
  const words = wordsOf(line.value);
  const said = LIST_KEYWORDS.has(keyword) ? words : [words.join(" ")];
  const before = values.get(keyword);
  if (before === undefined) values.set(keyword, said);
  else if (CUMULATIVE.has(keyword)) before.push(...said);
}

function sectionApplies({ target, values }: Reading, section: Section): boolean {
  if (section.param.toLowerCase() === "host") return matchesPatternList(wordsOf(section.value), target.host);
  const facts: Readonly<Record<string, string>> = {
    host: values.get("hostname")?.[0] ?? target.host,
    originalhost: target.host,
    user: values.get("user")?.[0] ?? userInfo().username,
    localuser: userInfo().username,
  };
  return Object.entries((section as Match).criteria).every(([criterion, wanted]) => {
    const name = criterion.toLowerCase();
    if (name === "all") return true;
    const fact = facts[name.replace(/^!/, "")];
    if (fact === undefined) return false;
    return matchesPatternList(wordsOf(wanted).join(",").split(","), fact) !== name.startsWith("!");
  });
}

async function include(
  reading: Reading,
  { paths, place }: { readonly paths: readonly string[]; readonly place: Place },
): Promise<void> {
  if (place.depth >= MAX_INCLUDE_DEPTH) {
    throw new SshError("ssh/config", `reading ${place.file}: it includes more than ${MAX_INCLUDE_DEPTH} files deep`);
  }
  for (const path of paths) {
    const home = path.replace(/^~(?=\/)/, homedir());
    const pattern = isAbsolute(home) ? home : join(place.includesFrom, home);
    for (const file of await filesMatching(pattern)) {
      await readOptional(reading, { ...place, file, depth: place.depth + 1 });
    }
  }
}

/** Files matching a glob(7) of `*` and `?`, in order. */
export async function filesMatching(pattern: string): Promise<string[]> {
  let found = ["/"];
  for (const segment of pattern.split("/").filter((part) => part !== "")) {
    const next: string[] = [];
    for (const folder of found) {
      if (!/[*?]/.test(segment)) next.push(join(folder, segment));
      else
        next.push(
          ...(await namesIn(folder)).filter((name) => isVisible(name, segment)).map((name) => join(folder, name)),
        );
    }
    found = next;
  }
  return found;
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).sort();
  } catch {
    // A pattern that leads nowhere matches nothing.
    return [];
  }
}

function isVisible(name: string, segment: string): boolean {
  return matchesGlob(segment, name) && (!name.startsWith(".") || segment.startsWith("."));
}

function isDirective(line: Line): line is Directive {
  return line.type === SSHConfig.DIRECTIVE;
}

function isSection(line: Directive): line is Section {
  return "config" in line;
}

function wordsOf(value: Directive["value"]): string[] {
  return typeof value === "string" ? [value] : value.map((word) => word.val);
}
