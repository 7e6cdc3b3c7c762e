import { SshError } from "../errors.ts";
import type { SshTarget } from "../target.ts";

const HOP = /^(?:ssh:\/\/)?(?:(?<user>[^@]+)@)?(?<host>\[[^\]]+\]|[^:@/]+)(?::(?<port>\d+))?\/?$/;

/**
 * The jump host next to the target, itself reached through the ones before it; of `[user@]host[:port]`, several
 * separated by commas, nearest to us first. @throws SshError when the text is not that.
 */
export function parseProxyJump(text: string): SshTarget {
  const hops = text.split(",").map((hop) => hop.trim());
  const last = hops.pop() ?? "";
  const { user, host, port } = HOP.exec(last)?.groups ?? {};
  if (host === undefined) {
    throw new SshError("ssh/config", `${JSON.stringify(last)} is not a jump host`, {
      hint: "write it as [user@]host[:port]; several are separated by commas",
    });
  }
  return {
    host: host.replace(/^\[(.*)\]$/, "$1"),
    user,
    port: port === undefined ? undefined : Number(port),
    proxyJump: hops.length === 0 ? undefined : hops.join(","),
  };
}
