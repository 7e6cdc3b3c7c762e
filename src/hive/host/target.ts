import { isIPv6 } from "node:net";
import type { TargetInput } from "../input.ts";

const USER = /^[^\s\p{C}@:/-][^\s\p{C}@:/]*(?:@[^\s\p{C}@:/]+)*$/u;
const HOST = /^[\p{L}\p{N}_](?:[\p{L}\p{N}._-]*[\p{L}\p{N}_.])?$/u;

/**
 * A target as people write it:
 *
 *     target = [ "ssh://" ] [ user "@" ] host [ ":" port ]
 *     host   = DNS name | IPv4 | alias of ~/.ssh/config | "[" IPv6 "]"
 *     target = [ user "@" ] IPv6                                         (without brackets: no port)
 *
 * @returns undefined when the text is none of these.
 */
export function parseTarget(text: string): TargetInput | undefined {
  const isUrl = text.startsWith("ssh://");
  const whole = isUrl ? text.slice("ssh://".length).replace(/\/$/, "") : text;
  const lastAt = whole.lastIndexOf("@");
  const user = lastAt === -1 ? undefined : whole.slice(0, lastAt);
  if (user !== undefined && !isUser(user)) return undefined;
  const place = parsePlace(whole.slice(lastAt + 1));
  return place === undefined ? undefined : { ...place, user };
}

/** Whether `text` can be a login name. A password after a colon cannot be part of it. */
export function isUser(text: string): boolean {
  return USER.test(text);
}

/** Whether `text` is a DNS name, an address without brackets, or an alias. */
export function isHost(text: string): boolean {
  return HOST.test(text) || isIPv6(text);
}

/** Whether `text` is what `ssh -J` takes: targets with commas between, or `none`. */
export function isProxyJump(text: string): boolean {
  return text.split(",").every((hop) => parseTarget(hop) !== undefined);
}

function parsePlace(text: string): { readonly host: string; readonly port: number | undefined } | undefined {
  if (isIPv6(text)) return { host: text, port: undefined };
  const match = /^(?:\[(?<address>[^\]]*)\]|(?<name>[^:[\]]*))(?::(?<port>\d{1,5}))?$/.exec(text);
  if (match === null) return undefined;
  const { address, name = "", port: digits } = match.groups ?? {};
  if (address === undefined ? !HOST.test(name) : !isIPv6(address)) return undefined;
  const port = digits === undefined ? undefined : Number(digits);
  if (port !== undefined && (port < 1 || port > 65_535)) return undefined;
  return { host: address ?? name, port };
}
