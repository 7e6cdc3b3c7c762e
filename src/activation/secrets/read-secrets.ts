import { lastLines, succeeded } from "#core";
import type { StorePath } from "#store";
import { GENERATION_FUNCTIONS, parseStorePath } from "#store";
import { ActivationError } from "../errors.ts";
import type { HostAccess } from "../host-access.ts";
import { runScript } from "../host-access.ts";
import { secretsLayout } from "./secrets-layout.ts";

/** What a host has of secrets on its disk: ciphertext, and who can open it. */
export interface KeptSecrets {
  /** Whether something opens them when the host boots. */
  readonly openedAtBoot: boolean;
  /** The public halves of its identity files, as far as they lie beside them: `ssh-ed25519 AAAA…`. */
  readonly hostKeys: readonly string[];
  /** The generations whose system has secrets of its own, the oldest first. */
  readonly generations: readonly KeptGeneration[];
}

/** A generation of the host's profile, and the secrets that are opened when its system boots. */
export interface KeptGeneration {
  readonly number: number;
  readonly system: StorePath;
  /** The id of its set. */
  readonly set: string;
  readonly secrets: readonly KeptSecret[];
}

export interface KeptSecret {
  readonly name: string;
  readonly open: "host" | "operator";
  /** What its file's header says of each who can read it: `ssh-ed25519 dwlI0A`, `X25519`. None where there is no file. */
  readonly readers: readonly string[];
}

export interface ReadSecretsOptions {
  /** The private key files that the host opens its secrets with. */
  readonly identityPaths: readonly string[];
  readonly signal?: AbortSignal | undefined;
  /** Default: 30 seconds. */
  readonly timeoutMs?: number | undefined;
}

/**
 * Reads what a host keeps of secrets, in one round trip. Opens nothing and changes nothing.
 * @throws ActivationError `activation/secrets`.
 */
export async function readSecrets(
  access: HostAccess,
  { identityPaths, signal, timeoutMs = 30_000 }: ReadSecretsOptions,
): Promise<KeptSecrets> {
  const result = await runScript(access, { script: READ_SCRIPT, args: identityPaths, signal, timeoutMs });
  if (!succeeded(result)) {
    throw new ActivationError("activation/secrets", `cannot read the secrets of the host: ${lastLines(result)}`, {
      hint: "skep needs sh, sed and grep on the host",
    });
  }
  return parseKept(result.stdout);
}

/**
 * Prints lines of fields with tabs between: `key` and a public key; `opener`; `generation`, its number, system and set;
 * then of each of these sets its manifest, `stanza`, file and reader, and `header-end` and file; at last `complete`.
 *
 * What follows a header is random bytes: in it may be lines that look like stanzas.
 */
const READ_SCRIPT = `${GENERATION_FUNCTIONS}
tab=$(printf '\\t')
kept=$root${secretsLayout.kept}
for path in "$@"; do
  [ -f "$root$path" ] && read -r key 2>/dev/null <"$root$path.pub" && printf 'key\\t%s\\n' "$key"
done
profile=$(default_profile)
units=$root/etc/systemd/system
wanted=$units/sysinit.target.wants/skep-secrets.service
if [ -e "$root/etc/NIXOS" ]; then
  wanted=$root$(system_of "$profile")/etc/systemd/system/skep-secrets.service
  units=\${wanted%/*}
fi
if [ -e "$units/skep-secrets.service" ] && { [ -e "$wanted" ] || [ -L "$wanted" ]; } && [ -f "$kept/keeper" ]; then
  echo opener
fi
sets=
for number in $(generations_of "$profile"); do
  system=$(system_of "$profile-$number-link")
  [ -n "$system" ] || continue
  set=$(readlink "$kept/systems/\${system##*/}") || continue
  set=\${set##*/}
  printf 'generation\\t%s\\t%s\\t%s\\n' "$number" "$system" "$set"
  case " $sets " in *" $set "*) ;; *) sets="$sets $set" ;; esac
done
LC_ALL=C
export LC_ALL
for set in $sets; do
  cd "$kept/sets/$set" 2>/dev/null || continue
  cat manifest
  grep -a -e '^-> ' -e '^---' -- *.age /dev/null 2>/dev/null | sed -n \\
    -e "s/^\\([0-9]*\\)\\.age:-> \\([^ ]*\\) *\\([^ ]*\\).*/stanza$tab\\1$tab\\2 \\3/p" \\
    -e "s/^\\([0-9]*\\)\\.age:---.*/header-end$tab\\1/p"
done
echo complete
`;

interface SecretBeingRead extends KeptSecret {
  readonly readers: string[];
  isRead: boolean;
}

function parseKept(text: string): KeptSecrets {
  const hostKeys: string[] = [];
  const generations: Omit<KeptGeneration, "secrets">[] = [];
  const sets = new Map<string, Map<string, SecretBeingRead>>();
  let openedAtBoot = false;
  let isComplete = false;
  let secrets = new Map<string, SecretBeingRead>();
  for (const line of text.split("\n")) {
    const [what, first = "", second = "", third = ""] = line.split("\t");
    const secret = secrets.get(first);
    switch (what) {
      case "key":
        hostKeys.push(first.split(" ", 2).join(" "));
        break;
      case "opener":
        openedAtBoot = true;
        break;
      case "generation":
        generations.push({ number: Number(first), system: parseStorePath(second), set: third });
        break;
      case "set":
        sets.set(first, (secrets = new Map<string, SecretBeingRead>()));
        break;
      case "secret":
        secrets.set(first, {
          name: third,
          open: second === "operator" ? "operator" : "host",
          readers: [],
          isRead: false,
        });
        break;
      case "stanza":
        if (secret?.isRead === false) secret.readers.push(nameReader(second));
        break;
      case "header-end":
        if (secret !== undefined) secret.isRead = true;
        break;
      case "complete":
        isComplete = true;
        break;
      default:
        break;
    }
  }
  if (!isComplete) {
    throw new ActivationError("activation/secrets", "cannot read the secrets of the host: its answer was cut short", {
      hint: "a shell start-up file on the host may print or exit; it must do neither for non-interactive logins",
    });
  }
  generations.sort((one, other) => one.number - other.number);
  return {
    openedAtBoot,
    hostKeys,
    generations: generations.map((generation) => ({
      ...generation,
      secrets: [...(sets.get(generation.set)?.values() ?? [])].map(({ name, open, readers }) => ({
        name,
        open,
        readers,
      })),
    })),
  };
}

/** Only SSH keys are named: of other stanzas the second word is a share of the key, another in each file. */
function nameReader(stanza: string): string {
  const [kind = ""] = stanza.split(" ", 1);
  return kind.startsWith("ssh-") ? stanza : kind;
}
