/**
 * The lease: the right of one run to change one host.
 *
 * It is the file /run/skep/lease, below the host's root, which only ever appears and changes whole:
 *
 *     run=<run id>
 *     owner=<user@machine>
 *     reason=<what the run is doing>
 *     taken=<seconds since 1970, for people>
 *     expires=<seconds of uptime>
 *
 * Expiry is counted in uptime: a clock that jumps changes nothing, and a reboot clears /run and the lease with it.
 */
import { formatDuration, lastLines, localTime, quoteWord, succeeded } from "#core";
import { ActivationError } from "./errors.ts";
import type { HostAccess } from "./host-access.ts";
import { readByScript, runScript } from "./host-access.ts";
import { hostLayout } from "./host-layout.ts";
import { parseSeconds } from "./host-time.ts";

/** Who a lease is for. */
export interface LeaseRequest {
  readonly run: string;
  /** `user@machine` of the operator. */
  readonly owner: string;
  /** What the run is doing: `switch of 3 hosts`. */
  readonly reason: string;
}

/** A lease as it was found on a host. Of times that are none there is 0. */
export interface LeaseHolder extends LeaseRequest {
  /** Milliseconds since 1970 by the host's clock. */
  readonly takenAt: number;
  /** Milliseconds until it expires; negative when it has. */
  readonly expiresInMs: number;
}

export interface AcquireLeaseOptions extends LeaseRequest {
  readonly ttlMs: number;
  /** Take it over even if it has not expired. */
  readonly steal?: boolean | undefined;
  /** Waits a while for the holder, and says whether to ask again. Default: nobody waits. */
  readonly wait?: ((holder: LeaseHolder) => Promise<boolean>) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Takes the lease of a host, or extends it when this run has it already. An expired lease is taken over.
 * @returns the holder it was taken from, if any: its agent may still be at work.
 * @throws ActivationError `activation/lease-held` naming who holds it.
 */
export async function acquireLease(
  access: HostAccess,
  { run, owner, reason, ttlMs, steal = false, wait = () => Promise.resolve(false), signal }: AcquireLeaseOptions,
): Promise<{ readonly takenFrom: LeaseHolder | undefined }> {
  const args = [run, oneLine(owner), oneLine(reason), seconds(ttlMs), steal ? "steal" : "ask"];
  for (;;) {
    const result = await runScript(access, { script: ACQUIRE_SCRIPT, args, signal, timeoutMs: 30_000 });
    const holder = parseHolder(result.stdout);
    if (succeeded(result)) return { takenFrom: holder };
    if (holder === undefined) {
      throw new ActivationError("activation/prepare", `cannot write the lease on the host: ${lastLines(result)}`, {
        hint: "is /run on the host writable, and not full?",
      });
    }
    if (await wait(holder)) continue;
    throw new ActivationError("activation/lease-held", describeHolder(holder), {
      hint: `wait for that run with --lease-timeout; where it was broken off, skep resume ${quoteWord(holder.run)} goes on with it; or take the host over with --steal-lease: an activation under way there goes back first`,
    });
  }
}

/** `held by ada@desk (run …, skep deploy switch, since …), for 1 min 40 s more at most`. */
export function describeHolder({ owner, run, reason, takenAt, expiresInMs }: LeaseHolder): string {
  const since = localTime(takenAt);
  const over = expiresInMs <= 0 ? "expired" : `for ${formatDuration(expiresInMs)} more at most`;
  return `held by ${owner} (run ${run}, ${reason}, since ${since}), ${over}`;
}

/** Moves the expiry of this run's lease to later. @throws ActivationError `activation/lease-lost` when it is no longer ours. */
export async function renewLease(
  access: HostAccess,
  { run, ttlMs, signal }: { readonly run: string; readonly ttlMs: number; readonly signal?: AbortSignal | undefined },
): Promise<void> {
  const result = await runScript(access, {
    script: RENEW_SCRIPT,
    args: [run, seconds(ttlMs)],
    signal,
    timeoutMs: 30_000,
  });
  if (!succeeded(result)) throw leaseLost(parseHolder(result.stdout));
}

/** Who holds the lease of a host; undefined when nobody does. One that has expired is still told. */
export async function readLease(
  access: HostAccess,
  { signal }: { readonly signal?: AbortSignal | undefined } = {},
): Promise<LeaseHolder | undefined> {
  const what = "the lease of the host";
  return parseHolder(await readByScript(access, { what, script: LOOK_SCRIPT, signal, timeoutMs: 30_000 }));
}

/**
 * Gives the lease back if it is this run's; does nothing otherwise. While the run's agent is at work the lease is the
 * agent's: it gives it back when the matter is decided.
 * @param options.isSettled the agent was seen to be at its end, or dead: what it left says nothing any more.
 */
export async function releaseLease(
  access: HostAccess,
  {
    run,
    isSettled = false,
    signal,
  }: {
    readonly run: string;
    readonly isSettled?: boolean | undefined;
    readonly signal?: AbortSignal | undefined;
  },
): Promise<void> {
  const args = [run, isSettled ? "settled" : "ask"];
  await runScript(access, { script: RELEASE_SCRIPT, args, signal, timeoutMs: 30_000 });
}

export function leaseLost(holder: LeaseHolder | undefined): ActivationError {
  const by = holder === undefined ? "its lease is gone" : `it is held by ${holder.owner} (run ${holder.run}) now`;
  return new ActivationError("activation/lease-lost", `the host was taken over: ${by}`, {
    hint: "see what the other run did, then deploy again",
  });
}

/** Reads the holder out of a script's output: the lease's lines, each with `holder.` before it. */
export function parseHolder(text: string): LeaseHolder | undefined {
  const field = (name: string): string => new RegExp(`^holder\\.${name}=(.*)$`, "m").exec(text)?.[1] ?? "";
  if (field("run") === "") return undefined;
  return {
    run: field("run"),
    owner: field("owner"),
    reason: field("reason"),
    takenAt: parseSeconds(field("taken")) ?? 0,
    expiresInMs: parseSeconds(field("left")) ?? 0,
  };
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, " ").trim();
}

function seconds(ms: number): string {
  return String(Math.ceil(ms / 1000));
}

/** How scripts end that need a lease which is another's. */
export const LEASE_LOST = 75;

/** A shell function that prints what {@link parseHolder} reads, of a lease that is there. It starts no process but one. */
export const SAY_HOLDER = `
lease=$root${hostLayout.lease}
say_holder() {
  while IFS='=' read -r what value; do
    printf 'holder.%s=%s\\n' "$what" "$value"
    [ "$what" != expires ] || echo "holder.left=$((value - $(uptime)))"
  done <"$lease"
}
`;

/**
 * Shell functions about the lease that the agent uses too. Whoever changes it does so in its turn: a folder that only one
 * can make. A turn takes milliseconds; one that is held for three seconds belongs to nobody who lives.
 */
export const LEASE_FUNCTIONS = `${SAY_HOLDER}
take_turn() {
  tries=0
  until mkdir "$lease.turn" 2>/dev/null; do
    tries=$((tries + 1))
    [ "$tries" -lt 60 ] && [ -d "\${lease%/*}" ] || return 1
    if [ "$tries" -eq 30 ]; then rmdir "$lease.turn" 2>/dev/null; fi
    sleep 0.1
  done
}
end_turn() { rmdir "$lease.turn"; }
lease_field() { sed -n "s/^$2=//p" "$1" 2>/dev/null | head -n 1; }
lease_is_ours() { [ "$(lease_field "$lease" run)" = "$1" ]; }
seconds_left() { echo "$(($(lease_field "$lease" expires) - $(uptime)))"; }
# renew_lease RUN SECONDS: a later expiry, written whole; never an earlier one
renew_lease() {
  take_turn || return 1
  renewed=1
  if lease_is_ours "$1"; then
    if [ "$(seconds_left)" -ge "$2" ]; then
      renewed=0
    elif sed '/^expires=/d' "$lease" >"$lease.new" && echo "expires=$(($(uptime) + $2))" >>"$lease.new"; then
      mv -f "$lease.new" "$lease" && renewed=0
    fi
  fi
  end_turn
  return "$renewed"
}
release_lease() {
  take_turn || return 0
  if lease_is_ours "$1"; then rm -f "$lease"; fi
  end_turn
}
`;

const LOOK_SCRIPT = `${SAY_HOLDER}
[ ! -e "$lease" ] || say_holder
exit 0
`;

export const ACQUIRE_SCRIPT = `${LEASE_FUNCTIONS}
run=$1 owner=$2 reason=$3 ttl=$4 mode=$5
umask 022
mkdir -p "\${lease%/*}" || exit 1
if renew_lease "$run" "$ttl"; then exit 0; fi
take_turn || exit 1
trap 'rm -f "$lease.new"; end_turn' EXIT
if [ -e "$lease" ]; then
  say_holder
  holder=$(lease_field "$lease" run)
  # A run and its way back are of one operator at a time.
  if [ "\${holder%-revert}" != "\${run%-revert}" ] && [ "$mode" != steal ] && [ "$(seconds_left)" -gt 0 ]; then exit ${LEASE_LOST}; fi
fi
printf 'run=%s\\nowner=%s\\nreason=%s\\ntaken=%s\\nexpires=%s\\n' \\
  "$run" "$owner" "$reason" "$(date +%s)" "$(($(uptime) + ttl))" >"$lease.new" && mv -f "$lease.new" "$lease" || exit 1
exit 0
`;

export const RENEW_SCRIPT = `${LEASE_FUNCTIONS}
renew_lease "$1" "$2" && exit 0
[ -e "$lease" ] && say_holder
exit ${LEASE_LOST}
`;

export const RELEASE_SCRIPT = `${LEASE_FUNCTIONS}
if [ "$2" != settled ]; then
  case $(readlink "$root${hostLayout.runs}/$1/state") in testing | waiting | committing | rolling-back) exit 0 ;; esac
fi
release_lease "$1"
exit 0
`;
