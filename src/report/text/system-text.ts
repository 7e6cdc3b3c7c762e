import type { HostReport } from "#rollout";

/** How much is said of the names of systems, from most to least. */
export const SYSTEM_DETAILS = ["full", "short", "new", "digests"] as const;

/**
 * - `full`: both names
 * - `short`: both, without what every NixOS system of that host is called
 * - `new`: the new one, short
 * - `digests`: none
 */
export type SystemDetail = (typeof SYSTEM_DETAILS)[number];

type Change = Pick<HostReport, "host" | "from" | "to" | "outcome">;

/** Outcomes of a host that does not run what it was to run. */
const KEPT_ITS_OWN: readonly HostReport["outcome"][] = ["skipped", "failed", "rolled-back"];

const STORE_PATH = /([0-9a-z]{32})-([^/]+)$/;
const DIGEST_LENGTH = 7;

/**
 * From which system to which, for people: `0c4x2ab nixos-system-web-1-24.11 -> 9d8s7fa nixos-system-web-1-25.05`. A name
 * that did not change is said once, and so is a system. Only `-> …` where it is not known what the host ran before. What a
 * host was to run and does not is in parentheses: `0c4x2ab nixos-system-web-1-24.11 (not 9d8s7fa)`.
 */
export function describeChange(
  { host, from, to, outcome }: Change,
  { detail, touchesHost }: { readonly detail: SystemDetail; readonly touchesHost: boolean },
): string {
  const before = from === undefined ? undefined : partsOf(from, { host, detail });
  const after = to === undefined ? undefined : partsOf(to, { host, detail });
  if (KEPT_ITS_OWN.includes(outcome) && after !== undefined && from !== to) {
    return before === undefined ? `(not ${joinParts(after)})` : `${joinParts(before)} (not ${after.digest})`;
  }
  if (before === undefined && touchesHost && after !== undefined) return `-> ${joinParts(after)}`;
  if (before === undefined || after === undefined || from === to) return joinParts(after ?? before);
  const nameBefore = detail === "new" || before.name === after.name ? "" : before.name;
  return `${joinParts({ ...before, name: nameBefore })} -> ${joinParts(after)}`;
}

interface SystemParts {
  readonly digest: string;
  readonly name: string;
}

function partsOf(
  path: string,
  { host, detail }: { readonly host: string; readonly detail: SystemDetail },
): SystemParts {
  const [, digest, name] = STORE_PATH.exec(path) ?? [];
  if (digest === undefined || name === undefined) return { digest: path.slice(path.lastIndexOf("/") + 1), name: "" };
  return { digest: digest.slice(0, DIGEST_LENGTH), name: nameIn(detail, { host, name }) };
}

function nameIn(detail: SystemDetail, { host, name }: { readonly host: string; readonly name: string }): string {
  if (detail === "digests") return "";
  const usual = `nixos-system-${host}-`;
  return detail !== "full" && name.startsWith(usual) ? name.slice(usual.length) : name;
}

function joinParts(parts: SystemParts | undefined): string {
  if (parts === undefined) return "";
  return parts.name === "" ? parts.digest : `${parts.digest} ${parts.name}`;
}
