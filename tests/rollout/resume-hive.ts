import type { Hive } from "#hive";
import { command, parseHive, system } from "#hive";
import type { SandboxTarget } from "#sandbox";

/** What the operator's process and the test both make the same hive from. */
export interface HiveWords {
  readonly directory: string;
  readonly targets: Readonly<Record<string, SandboxTarget>>;
  readonly release: string;
  /** Seconds that its activation takes. */
  readonly slow?: number | undefined;
  /** The waves: selections. */
  readonly waves?: readonly string[] | undefined;
  /** A host that is not well with this release. */
  readonly broken?: string | undefined;
  readonly confirmTimeout?: string | undefined;
  readonly onFailure?: "stop" | "revert-run" | undefined;
}

/** Hosts that write down each of their activations, and are well when a file of the system's is there. */
export function makeHive({ directory, targets, release, slow = 0, ...words }: HiveWords): Hive {
  const { waves, broken, confirmTimeout, onFailure = "stop" } = words;
  const note = `echo ${release} >>"$SKEP_ROOT/var/log/activations"; echo activating; sleep ${slow}`;
  const hosts = Object.entries(targets).map(([name, target]) => {
    const etc = name === broken ? { release, broken: "yes" } : { release };
    const check = '[ -L "$SKEP_ROOT/etc/release" ] && [ ! -L "$SKEP_ROOT/etc/broken" ]';
    return [
      name,
      {
        target,
        system: system({ etc, hooks: { before: [["sh", "-c", note]] } }),
        checks: [command(["sh", "-c", check], { period: "100ms", deadline: "1s" })],
        ...(confirmTimeout === undefined ? {} : { activation: { confirmTimeout } }),
      },
    ];
  });
  const rollout = waves === undefined ? {} : { rollout: { waves, onFailure } };
  return parseHive({ name: "broken-off", hosts: Object.fromEntries(hosts) as object, ...rollout }, { directory });
}
