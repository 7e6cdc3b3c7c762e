import type { Hive } from "#hive";
import { baseline, command, parseHive, system } from "#hive";
import type { SandboxTarget } from "#sandbox";

/** What an operator's process and a test both make the same hive from. */
export interface RebootWords {
  readonly directory: string;
  readonly target: SandboxTarget;
  readonly release: string;
  /** Its activation ends with exit code 100, when all is done. */
  readonly needsReboot?: boolean | undefined;
  /** It is well until it is rebooted into. */
  readonly illOnceBooted?: boolean | undefined;
  /** It has a secret that only the operator opens, and is not well without. */
  readonly secret?: boolean | undefined;
  /** A check that never passes, and is excused where it did not before. */
  readonly illAnyway?: boolean | undefined;
  readonly soak?: string | undefined;
  /** Seconds that its activation takes. */
  readonly slow?: number | undefined;
  readonly confirmTimeout?: `${number}s` | undefined;
}

/** One host, which writes down in which boot it was asked whether it is well. */
export function makeRebootHive({ directory, target, release, ...words }: RebootWords): Hive {
  const {
    needsReboot = false,
    illOnceBooted = false,
    secret = false,
    illAnyway = false,
    soak = "0s",
    slow = 0,
    confirmTimeout,
  } = words;
  const etc = { release, ...(illOnceBooted ? { ill: "yes" } : {}) };
  const well = `[ "$(readlink "$SKEP_ROOT/run/booted-system")" != "$(readlink "$SKEP_ROOT/run/current-system")" ] ||
    [ ! -L "$SKEP_ROOT/etc/ill" ]`;
  const often = { period: "100ms", deadline: "1s" };
  const hooks = { before: [["sh", "-c", `echo activating; sleep ${slow}; exit ${needsReboot ? 100 : 0}`]] as const };
  const host = {
    target,
    system: system({ etc, hooks }),
    activation: confirmTimeout === undefined ? {} : { confirmTimeout },
    secrets: secret ? { "db/password": { open: "operator" as const, owner: "root" } } : {},
    checks: [
      command(["sh", "-c", well], often),
      ...(secret
        ? [
            command(["sh", "-c", '[ -s "$SKEP_ROOT/run/skep/secrets/db/password" ]'], {
              ...often,
              name: "it has its secret",
            }),
          ]
        : []),
      ...(illAnyway ? [command(["sh", "-c", "exit 1"], { ...often, name: "it was never well" }), baseline()] : []),
    ],
  };
  return parseHive({ name: "rebooted", hosts: { "web-1": host }, rollout: { soak } }, { directory });
}
