import { appendFile, open } from "node:fs/promises";
import { dirname } from "node:path";
import { errnoOf, makeFolder, messageOf } from "#core";
import type { SshSettings } from "../config/settings.ts";
import type { SshFiles } from "../config/ssh-files.ts";
import { openSshFiles } from "../config/ssh-files.ts";
import { SshError } from "../errors.ts";
import type { HostKeyPolicy } from "../target.ts";
import { fingerprintOf } from "./fingerprint.ts";
import type { KnownHost } from "./known-hosts.ts";
import { judgeHostKey, keysKnownFor, knownHostName } from "./known-hosts.ts";
import { keyTypeOf, parsePublicKey } from "./public-key.ts";

/** Decides whether the other side is the host it should be. */
export interface HostKeyCheck {
  /** Key types to ask the host for first: those known for it. */
  readonly knownTypes: readonly string[];
  /** Judges the key (wire form) the host showed. @throws SshError unless it is the right one. */
  verify(blob: Buffer): Promise<void>;
}

export interface HostKeyCheckOptions {
  readonly policy: HostKeyPolicy;
  /** Pinned keys; then no file is consulted. */
  readonly pinned?: readonly string[] | undefined;
  readonly onNotice?: ((text: string) => void) | undefined;
  /** What was read before. Default: nothing. */
  readonly files?: SshFiles | undefined;
}

/** @throws SshError when a known_hosts file cannot be read or a pinned key is not one. */
export async function prepareHostKeyCheck(settings: SshSettings, options: HostKeyCheckOptions): Promise<HostKeyCheck> {
  if (options.pinned !== undefined) return checkPinned(options.pinned);
  const { hosts, name, plainName } = await readKnownHosts(settings, options.files);
  return {
    knownTypes: keysKnownFor(hosts, name).map((host) => host.key.type),
    async verify(blob) {
      const shown = describeKey(blob);
      const verdict = judgeHostKey(hosts, { name, plainName, blob });
      switch (verdict.kind) {
        case "known":
          return;
        case "revoked":
          throw new SshError("ssh/host-key-revoked", `the host showed ${shown}, revoked at ${verdict.by.location}`, {
            hint: "do not trust this host with anything until its key has been replaced",
          });
        case "changed":
          throw changed(shown, verdict.known);
        case "unknown": {
          if (options.policy === "strict") throw unknown({ name, shown, authorities: verdict.authorities });
          const file = await learn(settings.userKnownHostsFiles[0], { name, blob });
          options.onNotice?.(`learned the host key of ${name}: ${shown}, in ${file}`);
        }
      }
    },
  };
}

/** The lines of every known_hosts file, and what the host goes by in them. */
export interface KnownHosts {
  readonly hosts: readonly KnownHost[];
  readonly name: string;
  /** The host without its port. */
  readonly plainName: string;
}

/** @throws SshError when a file cannot be read. One that is not there is no mistake. */
export async function readKnownHosts(settings: SshSettings, files = openSshFiles()): Promise<KnownHosts> {
  const name = settings.hostKeyAlias?.toLowerCase() ?? knownHostName(settings.hostname, settings.port);
  const plainName = settings.hostKeyAlias === undefined ? settings.hostname : name;
  const paths = [...settings.userKnownHostsFiles, ...settings.globalKnownHostsFiles];
  const read = await Promise.all(paths.map((path) => readFileOfHosts(path, files)));
  return { hosts: read.flat(), name, plainName };
}

function checkPinned(pinned: readonly string[]): HostKeyCheck {
  const keys = pinned.map((text) => {
    const key = parsePublicKey(text);
    if (key !== undefined) return key;
    throw new SshError(
      "ssh/known-hosts",
      `reading the pinned host key ${JSON.stringify(text)}: it is not a public key`,
      {
        hint: "give it as in a .pub file: `ssh-ed25519 AAAA…`",
      },
    );
  });
  return {
    knownTypes: keys.map((key) => key.type),
    verify(blob) {
      if (keys.some((key) => key.blob.equals(blob))) return Promise.resolve();
      const expected = keys.map((key) => describeKey(key.blob)).join(" or ");
      return Promise.reject(
        new SshError("ssh/host-key-changed", `the host showed ${describeKey(blob)}; pinned for it is ${expected}`, {
          hint: "if the host was reinstalled, pin its new key; otherwise somebody else may be answering for it",
        }),
      );
    },
  };
}

function changed(shown: string, known: readonly KnownHost[]): SshError {
  const expected = known.map((host) => `${describeKey(host.key.blob)} (${host.location})`).join(" or ");
  return new SshError("ssh/host-key-changed", `the host showed ${shown}; known for it is ${expected}`, {
    hint: "if the host was reinstalled, remove the known line and add its new key; otherwise somebody else may be answering for it",
  });
}

function unknown({
  name,
  shown,
  authorities,
}: {
  readonly name: string;
  readonly shown: string;
  readonly authorities: readonly KnownHost[];
}): SshError {
  const certified = authorities[0];
  return new SshError("ssh/host-key-unknown", `no key is known for ${name}; the host showed ${shown}`, {
    hint:
      certified === undefined
        ? "compare the fingerprint with the host's own, then run `ssh` to it once, pin it in the hive (hostKey), or allow new hosts with --accept-new"
        : `${certified.location} trusts certificates for it, which skep does not read: add the host's own key, or pin it in the hive (hostKey)`,
  });
}

function describeKey(blob: Buffer): string {
  return `${keyTypeOf(blob) ?? "an unreadable key"} ${fingerprintOf(blob)}`;
}

async function readFileOfHosts(file: string, files: SshFiles): Promise<readonly KnownHost[]> {
  try {
    return await files.readKnownHosts(file);
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return [];
    throw new SshError("ssh/known-hosts", `reading ${file}: ${messageOf(error)}`, { cause: error });
  }
}

/** Adds one line in one append, which other processes adding lines of their own cannot tear. @returns the file. */
async function learn(
  file: string | undefined,
  { name, blob }: { readonly name: string; readonly blob: Buffer },
): Promise<string> {
  if (file === undefined) {
    throw new SshError("ssh/known-hosts", `there is no known_hosts file to add ${name} to`, {
      hint: "name one with UserKnownHostsFile, or pin the host's key in the hive (hostKey)",
    });
  }
  try {
    await makeFolder(dirname(file), { mode: 0o700 });
    const separator = (await endsInsideLine(file)) ? "\n" : "";
    const line = `${name} ${keyTypeOf(blob) ?? ""} ${blob.toString("base64")}\n`;
    await appendFile(file, separator + line, { mode: 0o600 });
    return file;
  } catch (error) {
    throw new SshError("ssh/known-hosts", `adding ${name} to ${file}: ${messageOf(error)}`, { cause: error });
  }
}

async function endsInsideLine(file: string): Promise<boolean> {
  let handle;
  try {
    handle = await open(file, "r");
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return false;
    throw error;
  }
  try {
    const { size } = await handle.stat();
    if (size === 0) return false;
    const { buffer } = await handle.read(Buffer.alloc(1), 0, 1, size - 1);
    return buffer[0] !== 0x0a;
  } finally {
    await handle.close();
  }
}
