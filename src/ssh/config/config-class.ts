import { userInfo } from "node:os";
import { dirname, isAbsolute, join, resolve } from "node:path";
import { errnoOf } from "#core";
import type { SshTarget } from "../target.ts";
import { filesMatching, SYSTEM_CONFIG } from "./config-file.ts";
import { matchesPattern } from "./host-pattern.ts";

/** Of one file of ssh_config(5), what can make its answers for one host others than for another. */
export interface ConfigText {
  /** The patterns of its `Host` lines, each word for itself. */
  readonly patterns: readonly string[];
  /** The values of its `HostName` and `ProxyJump` lines, in lower case: a host that is named there is like no other. */
  readonly names: readonly string[];
  readonly includes: readonly string[];
  /** Whether something in it can tell hosts apart by more than patterns, such as `Match exec` or `%h`. */
  readonly isIntricate: boolean;
}

/** Hosts of one class get the same answers from ssh_config, but for their own names. */
export interface ConfigClass {
  readonly name: string;
  /** The files it was made from, as they were. */
  readonly texts: readonly ConfigText[];
}

const LINE = /^\s*([a-z]+)(?:\s*=\s*|\s+)(.*)$/i;
/** Keywords whose tokens stand for what differs between hosts. */
const READ = new Set([
  ...["hostname", "user", "port", "identityfile", "identityagent", "identitiesonly", "hostkeyalias", "connecttimeout"],
  ...["proxyjump", "proxycommand", "userknownhostsfile", "globalknownhostsfile", "include"],
]);
const MAX_FILES = 64;

/** Reads every line for itself, whatever block it is in: what is taken for a pattern and is none only makes more classes. */
export function parseConfigText(text: string): ConfigText {
  const patterns: string[] = [];
  const names: string[] = [];
  const includes: string[] = [];
  let isIntricate = false;
  for (const line of text.split("\n")) {
    if (/^\s*(#|$)/.test(line)) continue;
    const [, word = "", value = ""] = LINE.exec(line) ?? [];
    const keyword = word.toLowerCase();
    const words = value.split(/[\s",]+/).filter((part) => part !== "");
    if (keyword === "") isIntricate = true;
    else if (keyword === "host") patterns.push(...words.map((pattern) => pattern.replace(/^!/, "")));
    else if (keyword === "match") isIntricate ||= !/^all\s*$/i.test(value);
    else if (keyword === "canonicalizehostname") isIntricate ||= !/^no\s*$/i.test(value);
    else if (READ.has(keyword)) isIntricate ||= value.includes("%");
    if (keyword === "hostname" || keyword === "proxyjump") names.push(value.toLowerCase());
    if (keyword !== "include") continue;
    includes.push(...words);
    isIntricate ||= words.some((path) => /[[\]{}$\\']|^~(?!\/)/.test(path));
  }
  return { patterns, names, includes, isIntricate };
}

/**
 * The class of a target, by the files that OpenSSH's client reads.
 * @param read reads one file; rejects with `ENOENT` when there is none.
 * @returns undefined when the files can tell hosts apart in ways that only `ssh` knows, or cannot be read.
 */
export async function classOf(
  target: SshTarget,
  {
    configFile,
    read,
  }: { readonly configFile: string | undefined; readonly read: (file: string) => Promise<ConfigText> },
): Promise<ConfigClass | undefined> {
  const texts = await readAll(configFile, read);
  if (texts === undefined || texts.some(({ isIntricate }) => isIntricate)) return undefined;
  const { host } = target;
  // ssh changes such a name, or does not.
  if (host !== host.toLowerCase()) return undefined;
  if (texts.some(({ names }) => names.some((name) => name.includes(host)))) return undefined;
  const matches = texts.flatMap(({ patterns }) =>
    patterns.map((pattern) => (matchesPattern(pattern, host) ? "1" : "0")),
  );
  const said = [target.user !== undefined, target.port !== undefined];
  return { name: [configFile ?? "", ...said, matches.join("")].join("\n"), texts };
}

/** Every file there is, and those they include, also where they do so for other hosts only. */
async function readAll(
  configFile: string | undefined,
  read: (file: string) => Promise<ConfigText>,
): Promise<readonly ConfigText[] | undefined> {
  // Not $HOME: that is not where ssh looks.
  const home = userInfo().homedir;
  const userFolder = join(home, ".ssh");
  const systemFolder = dirname(SYSTEM_CONFIG);
  const queue =
    configFile === undefined
      ? [
          { file: join(userFolder, "config"), from: userFolder },
          { file: SYSTEM_CONFIG, from: systemFolder },
        ]
      : [{ file: resolve(configFile), from: userFolder }];
  const texts: ConfigText[] = [];
  for (const { file, from } of queue) {
    if (queue.length > MAX_FILES) return undefined;
    let text: ConfigText;
    try {
      text = await read(file);
    } catch (error) {
      if (errnoOf(error) === "ENOENT") continue;
      return undefined;
    }
    texts.push(text);
    for (const path of text.includes) {
      const full = path.replace(/^~(?=\/)/, home);
      const found = await filesMatching(isAbsolute(full) ? full : join(from, full));
      queue.push(...found.map((included) => ({ file: included, from })));
    }
  }
  return texts;
}
