import type { StorePath } from "#store";
import { GENERATION_FUNCTIONS, parseStorePath } from "#store";
import type { DeploymentRecord } from "./deployment-record.ts";
import { LIST_RECORDS, parseRecord } from "./deployment-record.ts";
import type { HostAccess } from "./host-access.ts";
import { readByScript } from "./host-access.ts";
import { RECORDS_KEPT } from "./host-layout.ts";
import { parseSeconds } from "./host-time.ts";
import type { HostFacts } from "./probe-host.ts";
import { parseFacts, PROBE_SCRIPT } from "./probe-host.ts";
import type { RebootNeed } from "./reboot-need.ts";
import { NEED_SCRIPT, parseNeed } from "./reboot-need.ts";
import { secretsLayout } from "./secrets/secrets-layout.ts";

/** How a host stands: all that it can say of itself without being changed. */
export interface HostState {
  readonly facts: HostFacts;
  /** Why it needs a reboot to run all of what it would boot; undefined where it would boot no system of ours. */
  readonly rebootNeed: RebootNeed | undefined;
  /** The deployments it keeps a record of, the newest first by the host's clock. */
  readonly deployments: readonly DeploymentRecord[];
  /** The generations of its profile, the newest first. */
  readonly generations: readonly ProfileGeneration[];
}

/** A generation of a host's profile. */
export interface ProfileGeneration {
  readonly number: number;
  readonly system: StorePath;
  /** When it was made, by the host's clock; milliseconds since 1970. */
  readonly madeAt: number | undefined;
  /** Whether its system is still in the host's store. */
  readonly isThere: boolean;
  /** The id of the set of secrets that its system had last; undefined when it had none. */
  readonly secretSet: string | undefined;
}

/**
 * Reads how a host stands, in one round trip.
 * @throws ActivationError `activation/probe`, `activation/not-root`.
 */
export async function readHostState(
  access: HostAccess,
  { signal, timeoutMs = 60_000 }: { readonly signal?: AbortSignal | undefined; readonly timeoutMs?: number } = {},
): Promise<HostState> {
  const text = await readByScript(access, { what: "the state of the host", script: STATE_SCRIPT, signal, timeoutMs });
  return parseHostState(text, access);
}

/** Parses what the state script prints: that of the probe and the reboot's need, and lines of its own. */
export function parseHostState(text: string, { root }: Pick<HostAccess, "root">): HostState {
  const deployments: DeploymentRecord[] = [];
  const generations: ProfileGeneration[] = [];
  for (const line of text.split("\n")) {
    const equals = line.indexOf("=");
    const value = line.slice(equals + 1);
    switch (line.slice(0, equals)) {
      case "record": {
        const record = parseRecord(value);
        if (record !== undefined) deployments.push(record);
        break;
      }
      case "generation":
        generations.push(...parseGeneration(value));
        break;
      default:
    }
  }
  return {
    facts: parseFacts(text, { root }),
    rebootNeed: /^need=complete$/m.test(text) ? parseNeed(text) : undefined,
    // A host that has more of them made them up.
    deployments: deployments.slice(0, RECORDS_KEPT),
    generations: generations.sort((one, other) => other.number - one.number),
  };
}

/** `<number>␉<store path>␉<seconds since 1970>␉<yes or nothing>␉<set>`; nothing where it leads out of the store. */
function parseGeneration(value: string): readonly ProfileGeneration[] {
  const [number = "", system = "", madeAt = "", isThere, secretSet = ""] = value.split("\t");
  try {
    return [
      {
        number: Number(number),
        system: parseStorePath(system),
        madeAt: parseSeconds(madeAt),
        isThere: isThere === "yes",
        secretSet: secretSet === "" ? undefined : secretSet,
      },
    ];
  } catch {
    return [];
  }
}

const STATE_SCRIPT = `${PROBE_SCRIPT}${GENERATION_FUNCTIONS}
# In the order that the host wrote them: each names an instant of its own operator's clock.
records=$(${LIST_RECORDS} | head -n ${RECORDS_KEPT})
[ -z "$records" ] || (
set -f
IFS='
'
set -- $records
sed 's/^/record=/' "$@" 2>/dev/null
)
# The last may have been cut short, and its line not ended.
echo
for number in $(generations_of "$profile"); do
  link=$profile-$number-link
  made=$(stat -c %Y "$link" 2>/dev/null)
  to=$(system_of "$link")
  there=
  [ ! -e "$root$to" ] || there=yes
  set=$(readlink "$root${secretsLayout.kept}/systems/\${to##*/}")
  printf 'generation=%s\\t%s\\t%s\\t%s\\t%s\\n' "$number" "$to" "$made" "$there" "\${set##*/}"
done
if [ -n "$boots" ] && [ -e "$root$boots" ]; then (
set -- "$boots"
${NEED_SCRIPT}
) fi
exit 0
`;
