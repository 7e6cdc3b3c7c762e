import { readFile } from "node:fs/promises";
import type { BaseAgent, ParsedKey } from "ssh2";
import ssh2 from "ssh2";
import { errnoOf, messageOf } from "#core";
import type { SshSettings } from "../config/settings.ts";
import { fingerprintOf } from "../host-keys/fingerprint.ts";
import { readPublicHalf } from "./private-key-file.ts";
import { singleKeyAgent } from "./single-key-agent.ts";

/** A key to offer a host. */
export interface Identity {
  /** `SHA256:… (agent)`, `SHA256:… (~/.ssh/id_ed25519)`: for messages. */
  readonly label: string;
  readonly proof:
    | { readonly type: "agent"; readonly agent: BaseAgent<ParsedKey> }
    | { readonly type: "publickey"; readonly key: ParsedKey };
}

export interface Identities {
  /** In the order to offer them. */
  readonly offered: readonly Identity[];
  /** Keys that cannot be offered, each with why: `/path (encrypted)`. */
  readonly skipped: readonly string[];
  /** Whether some are skipped only because their passphrase is not known. */
  readonly someEncrypted: boolean;
}

/**
 * Collects the keys to log in with, in OpenSSH's order: the agent's keys that identity files name, the agent's other
 * keys (unless only the named ones are wanted), then the keys of files. Nothing here asks for a passphrase.
 */
export async function collectIdentities(settings: SshSettings): Promise<Identities> {
  const skipped: string[] = [];
  const agentKeys = await keysOfAgent(settings.identityAgent, (why) => skipped.push(why));
  const files = await Promise.all(settings.identityFiles.map(readIdentityFile));
  const named: Identity[] = [];
  const own: Identity[] = [];
  const seen = new Set<string>();
  let someEncrypted = false;
  for (const file of files) {
    if (file.publicHalf === undefined) {
      if (file.problem !== undefined) skipped.push(`${file.path} (${file.problem})`);
      continue;
    }
    const fingerprint = fingerprintOf(file.publicHalf);
    if (seen.has(fingerprint)) continue;
    const inAgent = agentKeys.find((key) => key.fingerprint === fingerprint);
    if (inAgent !== undefined) named.push(inAgent.identity);
    else if (file.key !== undefined) {
      own.push({ label: `${fingerprint} (${file.path})`, proof: { type: "publickey", key: file.key } });
    } else {
      skipped.push(`${file.path} (${file.problem ?? "only its public half is here, and the agent does not hold it"})`);
      someEncrypted ||= file.problem === ENCRYPTED;
      continue;
    }
    seen.add(fingerprint);
  }
  const others = settings.identitiesOnly ? [] : agentKeys.filter((key) => !seen.has(key.fingerprint));
  return { offered: [...named, ...others.map((key) => key.identity), ...own], skipped, someEncrypted };
}

const ENCRYPTED = "encrypted";

interface IdentityFile {
  readonly path: string;
  readonly publicHalf?: Buffer | undefined;
  /** The private key, when it can be used. */
  readonly key?: ParsedKey | undefined;
  readonly problem?: string | undefined;
}

async function readIdentityFile(path: string): Promise<IdentityFile> {
  let content: string;
  try {
    content = await readFile(path, "utf8");
  } catch (error) {
    // ssh_config names files by default that need not be there; a key only the agent has may have left its .pub.
    if (errnoOf(error) === "ENOENT") return { path, publicHalf: await publicHalfBeside(path) };
    return { path, problem: messageOf(error) };
  }
  // Its types do not say so, but the keys of OpenSSH's own format come as an array.
  const parsed = ssh2.utils.parseKey(content) as Error | ParsedKey | readonly ParsedKey[];
  const key = isArray(parsed) ? parsed[0] : parsed;
  if (key === undefined) return { path, problem: "holds no key" };
  if (!(key instanceof Error)) {
    return { path, publicHalf: key.getPublicSSH(), key: key.isPrivateKey() ? key : undefined };
  }
  const problem = /encrypted|passphrase/i.test(key.message) ? ENCRYPTED : key.message;
  return { path, publicHalf: readPublicHalf(content) ?? (await publicHalfBeside(path)), problem };
}

function isArray<T>(value: T | readonly T[]): value is readonly T[] {
  return Array.isArray(value);
}

async function publicHalfBeside(path: string): Promise<Buffer | undefined> {
  try {
    return readPublicHalf(await readFile(`${path}.pub`, "utf8"));
  } catch {
    return undefined;
  }
}

interface AgentKey {
  readonly fingerprint: string;
  readonly identity: Identity;
}

async function keysOfAgent(socketPath: string | undefined, onProblem: (why: string) => void): Promise<AgentKey[]> {
  if (socketPath === undefined) return [];
  const agent = new ssh2.OpenSSHAgent(socketPath);
  const { promise, resolve } = deferred<readonly ParsedKey[]>();
  agent.getIdentities((error, keys) => {
    if (error) onProblem(`the agent at ${socketPath} (${error.message})`);
    resolve((keys ?? []) as readonly ParsedKey[]);
  });
  return (await promise).map((key) => {
    const fingerprint = fingerprintOf(key.getPublicSSH());
    return {
      fingerprint,
      identity: {
        label: `${fingerprint} (agent${key.comment === "" ? "" : `: ${key.comment}`})`,
        proof: { type: "agent", agent: singleKeyAgent(agent, key) },
      },
    };
  });
}

function deferred<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => undefined;
  const promise = new Promise<T>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}
