import type { StorePath } from "#store";
import { ActivationError } from "../errors.ts";
import type { HostAccess } from "../host-access.ts";
import { runScript } from "../host-access.ts";
import { describeProblems, parseInstalled } from "./install-secrets.ts";
import { OPEN_FUNCTIONS } from "./open-functions.ts";
import { secretsLayout } from "./secrets-layout.ts";

/**
 * Has a host open again, beside what is in use, a set that it keeps for a system it had: from its memory where that is
 * still there, else from the ciphertexts on its disk. Nothing that the host's programs see is changed.
 * @returns the generation that is ready to be used.
 * @throws ActivationError `activation/secrets-open` when only the operator could open some, `activation/secrets`.
 */
export async function restoreSecrets(
  access: HostAccess,
  { set, toplevel, signal }: { readonly set: string; readonly toplevel: StorePath; readonly signal: AbortSignal },
): Promise<number> {
  const args = [set, toplevel];
  const result = await runScript(access, { script: RESTORE_SCRIPT, args, signal, timeoutMs: 120_000 });
  const { problems, generation } = parseInstalled(result);
  if (problems.length > 0) {
    throw describeProblems(problems, Number(/^secrets\t(\d+)$/m.exec(result.stdout)?.[1] ?? problems.length));
  }
  if (generation !== undefined) return generation;
  throw new ActivationError("activation/secrets", "cannot restore the secrets on the host: its answer was cut short", {
    hint: "a shell start-up file on the host may print or exit; it must do neither for non-interactive logins",
  });
}

/** Arguments: the id of the set, the toplevel it goes with. Answers like the install script, and `secrets`, their number. */
const RESTORE_SCRIPT = `${OPEN_FUNCTIONS}
id=$1 toplevel=$2
stop() { printf 'problem\\t%s\\t-\\t%s\\n' "$1" "$2"; leave 65; }
stage=$run_secrets/.install.$$
leave() { rm -rf "$stage"; exit "$1"; }
trap 'leave 1' HUP INT TERM
for manifest in "$run_secrets"/*.manifest; do
  grep -q -x -F "set$tab$id" "$manifest" 2>/dev/null || continue
  if grep -q "^waiting$tab" "$manifest"; then continue; fi
  generation=\${manifest##*/}
  printf 'generation\\t%s\\n' "\${generation%.manifest}"
  exit 0
done
kept=$kept_secrets/sets/$id
[ -f "$kept/manifest" ] || stop not-kept "${secretsLayout.kept} has no set $id"
mount_secrets || stop no-tmpfs "$run_secrets cannot be made a tmpfs"
umask 077
mkdir "$stage" && cp "$kept"/* "$stage/" || stop receive "no room in $run_secrets"
printf 'secrets\\t%s\\n' "$(secrets_of "$stage/manifest" 1 | wc -l | tr -d ' ')"
find_age "$toplevel"
open_secrets "$stage" || stop receive "no room in $run_secrets"
sed "s/^waiting$tab\\(.*\\)/problem\${tab}operator$tab\\1\${tab}it was in memory only/" "$stage/waiting" >>"$stage/problems"
if [ -s "$stage/problems" ]; then cat "$stage/problems"; leave 65; fi
own_secrets "$stage/files" "$stage/manifest"
keep_generation "$stage" "$toplevel" || stop receive "no room in $run_secrets"
rm -rf "$stage"
printf 'generation\\t%s\\n' "$generation"
`;
