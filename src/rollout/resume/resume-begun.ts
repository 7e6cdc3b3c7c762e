import type { AgentStatus, DeploymentRecord, HostAccess } from "#activation";
import { FINAL_STATES, followAgent } from "#activation";

/** What a run has begun on a host. */
export interface BegunActivation {
  /** What was to be done there. */
  readonly record: DeploymentRecord;
  /** Where its agent is; undefined when that is gone, and the record alone says that it committed. */
  readonly status: AgentStatus | undefined;
  /** The generation of secrets that goes with it; undefined when they stay as they are. */
  readonly secrets: number | "none" | undefined;
  /** The generation of secrets before; undefined when there was none, or when they stay as they are. */
  readonly secretsBefore: number | undefined;
}

/** Asks a host what a run has begun there; undefined when it began nothing, or a reboot took it away. */
export async function readBegun(
  access: HostAccess,
  { run, signal }: { readonly run: string; readonly signal: AbortSignal },
): Promise<BegunActivation | undefined> {
  const { stdout } = await access.runner.run(["sh", "-s", "--", access.root, run], { stdin: BEGUN_SCRIPT, signal });
  const field = (name: string): string | undefined => new RegExp(`^${name}=(.+)$`, "m").exec(stdout)?.[1];
  const text = field("record");
  if (text === undefined) return undefined;
  const status = await followAgent(access, { run, until: ANY_STATE, timeoutMs: 20_000, signal });
  // Another run cleared it away in the same moment: whether it has left a record is to be seen.
  if (status === undefined && field("kept") === undefined) return readBegun(access, { run, signal });
  return {
    record: JSON.parse(text) as DeploymentRecord,
    status,
    secrets: generationOf(field("secrets")),
    secretsBefore: numberOf(field("secrets-before")),
  };
}

function generationOf(text: string | undefined): number | "none" | undefined {
  return text === "none" ? "none" : numberOf(text);
}

function numberOf(text: string | undefined): number | undefined {
  return text === undefined || text === "none" ? undefined : Number(text);
}

const ANY_STATE = ["testing", "waiting", "committing", "rolling-back", ...FINAL_STATES] as const;

/**
 * Asks a host what a run has begun there. A run whose agent has no state was never started; what another run cleared away
 * has left its record, if it committed.
 */
export const BEGUN_SCRIPT = `
dir=$1/run/skep/runs/$2 kept=$1/var/lib/skep/deployments/$2.json
record=
if [ -L "$dir/state" ]; then record=$dir/record; elif [ -f "$kept" ]; then record=$kept; echo kept=yes; fi
[ -n "$record" ] || exit 0
printf 'record='; cat "$record"
echo "secrets=$(readlink "$dir/secrets")"
echo "secrets-before=$(readlink "$dir/secrets-before")"
`;
