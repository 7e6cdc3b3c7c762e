/**
 * known_hosts(5), "SSH_KNOWN_HOSTS FILE FORMAT" of sshd(8):
 *
 *     line    = [marker] hosts keytype base64 [comment]
 *     marker  = "@cert-authority" / "@revoked"
 *     hosts   = hashed / pattern *("," pattern)
 *     hashed  = "|1|" base64(salt) "|" base64(HMAC-SHA1(salt, name))
 *     pattern = ["!"] name, with * and ?
 *     name    = host, or "[" host "]:" port when the port is not 22
 *
 * Lines that are not of this form are skipped, as OpenSSH does.
 */
import { createHmac, timingSafeEqual } from "node:crypto";
import { matchesPatternList } from "../config/host-pattern.ts";
import type { PublicKey } from "./public-key.ts";
import { parsePublicKey } from "./public-key.ts";

export interface KnownHost {
  readonly marker: "cert-authority" | "revoked" | undefined;
  /** Whether the line is about this name, `host` or `[host]:port`. */
  matches(name: string): boolean;
  readonly key: PublicKey;
  /** `file:line`. */
  readonly location: string;
}

/** What the known hosts say about a key that a host showed. */
export type HostKeyVerdict =
  | { readonly kind: "known" }
  | { readonly kind: "unknown"; readonly authorities: readonly KnownHost[] }
  | { readonly kind: "changed"; readonly known: readonly KnownHost[] }
  | { readonly kind: "revoked"; readonly by: KnownHost };

export function parseKnownHosts(text: string, file: string): KnownHost[] {
  return text.split("\n").flatMap((line, index) => parseLine(line, `${file}:${index + 1}`) ?? []);
}

/** The name a host goes by in known_hosts. */
export function knownHostName(host: string, port: number): string {
  return port === 22 ? host.toLowerCase() : `[${host.toLowerCase()}]:${port}`;
}

/** The lines that give a plain key for the name. */
export function keysKnownFor(hosts: readonly KnownHost[], name: string): KnownHost[] {
  return hosts.filter((host) => host.marker === undefined && host.matches(name));
}

/**
 * Judges the key a host showed. A host known by a key of another type only has *changed*: had it the known key, it
 * would have shown that, because known types are asked for first.
 * @param plainName the host without its port, under which a matching key is accepted too, as OpenSSH does.
 */
export function judgeHostKey(
  hosts: readonly KnownHost[],
  { name, plainName, blob }: { readonly name: string; readonly plainName: string; readonly blob: Buffer },
): HostKeyVerdict {
  const isShown = (host: KnownHost): boolean => host.key.blob.equals(blob);
  const revoked = hosts.find(
    (host) => host.marker === "revoked" && isShown(host) && (host.matches(name) || host.matches(plainName)),
  );
  if (revoked !== undefined) return { kind: "revoked", by: revoked };
  const known = keysKnownFor(hosts, name);
  if (known.some(isShown)) return { kind: "known" };
  if (known.length > 0) return { kind: "changed", known };
  if (keysKnownFor(hosts, plainName).some(isShown)) return { kind: "known" };
  return {
    kind: "unknown",
    authorities: hosts.filter((host) => host.marker === "cert-authority" && host.matches(name)),
  };
}

function parseLine(line: string, location: string): KnownHost | undefined {
  const text = line.trim();
  if (text === "" || text.startsWith("#")) return undefined;
  const words = text.split(/[ \t]+/);
  const marker = words[0]?.startsWith("@") === true ? words.shift() : undefined;
  if (marker !== undefined && marker !== "@cert-authority" && marker !== "@revoked") return undefined;
  const names = words.shift();
  const key = parsePublicKey(words.join(" "));
  const matches = names === undefined ? undefined : nameMatcher(names);
  if (matches === undefined || key === undefined) return undefined;
  return {
    marker: marker === undefined ? undefined : marker === "@revoked" ? "revoked" : "cert-authority",
    matches,
    key,
    location,
  };
}

function nameMatcher(names: string): ((name: string) => boolean) | undefined {
  if (!names.startsWith("|")) {
    const patterns = names.toLowerCase().split(",");
    // Most lines, and there may be thousands.
    if (!/[*?!]/.test(names)) return (name) => patterns.includes(name.toLowerCase());
    return (name) => matchesPatternList(patterns, name);
  }
  const [, version, salt, hash, more] = names.split("|");
  if (version !== "1" || salt === undefined || hash === undefined || more !== undefined) return undefined;
  const wanted = Buffer.from(hash, "base64");
  if (wanted.length !== 20) return undefined;
  return (name) => {
    const actual = createHmac("sha1", Buffer.from(salt, "base64")).update(name.toLowerCase()).digest();
    return timingSafeEqual(actual, wanted);
  };
}
