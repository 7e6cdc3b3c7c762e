import type { CommandResult } from "#core";
import { lastLines, succeeded } from "#core";
import type { PackedFile, StorePath } from "#store";
import { loadableScript, packFiles, SCRIPT_LOADER } from "#store";
import { ActivationError } from "../errors.ts";
import type { HostAccess } from "../host-access.ts";
import { PRELUDE } from "../host-access.ts";
import { INSTALL_SCRIPT } from "./install-script.ts";
import type { SecretSet } from "./secret-set.ts";

export interface InstallSecretsOptions {
  /** The system they are for; undefined where the host has none. */
  readonly toplevel: StorePath | undefined;
  /** `try`: open everything, tell what would change, leave nothing. */
  readonly mode: "install" | "try";
  readonly signal?: AbortSignal | undefined;
  /** Default: two minutes. */
  readonly timeoutMs?: number | undefined;
}

/** Secrets that a host has opened. */
export interface InstalledSecrets {
  /** The generation that is ready to be used; undefined after a try. */
  readonly generation: number | undefined;
  /** Names of those that are not as in the generation in use. */
  readonly changed: readonly string[];
  /** Whether something on the host opens them when it boots. */
  readonly openedAtBoot: boolean;
  /** Units that secrets are to restart or reload, and that neither the system nor the host has. */
  readonly missingUnits: readonly { readonly secret: string; readonly unit: string }[];
}

/** Why a set of secrets cannot be installed on a host. */
export interface SecretProblem {
  /** The secret it is about; undefined when it is about all of them. */
  readonly name: string | undefined;
  readonly what: string;
  readonly hint: string;
}

type SendOptions = { readonly set: SecretSet } & InstallSecretsOptions;

/**
 * Sends a set of secrets in one channel, and has the host open all of it beside what is in use. Nothing that the host's
 * programs see is changed.
 * @throws ActivationError `activation/secrets-open`, `-no-age`, `-owner`, `-path`, `-memory` with every problem, when the
 *   host is as it was; `activation/secrets`.
 */
export async function installSecrets(access: HostAccess, options: SendOptions): Promise<InstalledSecrets> {
  const { problems, ...installed } = await sendSecrets(access, options);
  if (problems.length > 0) throw describeProblems(problems, options.set.secrets.length);
  return installed;
}

/**
 * Has a host open a set of secrets, and says why it cannot. Leaves nothing there, and stands in the way of no deployment.
 * @throws ActivationError `activation/secrets` when the host could not try.
 */
export async function trySecrets(
  access: HostAccess,
  options: Omit<SendOptions, "mode">,
): Promise<readonly SecretProblem[]> {
  const { problems } = await sendSecrets(access, { ...options, mode: "try" });
  return problems.map(({ code, subject, detail }) => {
    const name = subject === "-" ? undefined : subject;
    if (!isExplained(code)) return { name, what: detail, hint: EXPLANATIONS.receive.hint };
    const what = code === "cannot-open" ? `it cannot be opened with the host's own key: ${detail}` : detail;
    return { name, what, hint: EXPLANATIONS[code].hint };
  });
}

/** What the host says of a set that it was to open. */
export interface SentSecrets extends InstalledSecrets {
  readonly problems: readonly SentProblem[];
}

async function sendSecrets(access: HostAccess, { set, ...options }: SendOptions): Promise<SentSecrets> {
  const { toplevel = "", mode, signal, timeoutMs = 120_000 } = options;
  const stdin = payloadOf(set);
  try {
    const result = await access.runner.run(
      ["sh", "-c", SCRIPT_LOADER, "skep-secrets", access.root, mode, set.id, toplevel],
      {
        stdin,
        signal,
        timeoutMs,
      },
    );
    return parseInstalled(result);
  } finally {
    stdin.fill(0);
  }
}

const SCRIPT = Buffer.from(loadableScript(`${PRELUDE}${INSTALL_SCRIPT}`));

function payloadOf({ manifest, secrets }: SecretSet): Buffer {
  const files = secrets.map(({ use, content }, number) =>
    content.open === "host"
      ? { name: `${number}.age`, bytes: content.ciphertext }
      : { name: `files/${use.name}`, mode: parseInt(use.mode, 8), bytes: content.plaintext.reveal() },
  );
  const folders = foldersOf(secrets.map(({ use }) => `files/${use.name}`));
  const archive = packFiles([{ name: "manifest", bytes: Buffer.from(manifest) }, ...folders, ...files]);
  const payload = Buffer.concat([SCRIPT, archive]);
  archive.fill(0);
  return payload;
}

/** Every folder above some paths, each after the one it lies in. */
function foldersOf(paths: readonly string[]): readonly PackedFile[] {
  const folders = new Set<string>();
  for (const path of paths) {
    for (let end = path.indexOf("/"); end !== -1; end = path.indexOf("/", end + 1)) folders.add(path.slice(0, end));
  }
  return [...folders].map((name) => ({ name, bytes: undefined }));
}

/** @throws ActivationError `activation/secrets` when the host could not even say what is wrong. */
export function parseInstalled(result: CommandResult): SentSecrets {
  const lines = result.stdout.split("\n").map((line) => line.split("\t"));
  const problems = lines.flatMap(([what, code = "", subject = "", detail = ""]) =>
    what === "problem" ? [{ code, subject, detail }] : [],
  );
  if (problems.length === 0 && !succeeded(result)) {
    throw new ActivationError("activation/secrets", `cannot install the secrets on the host: ${lastLines(result)}`, {
      hint: "skep needs sh, tar, stat and cmp on the host, and room in /run",
    });
  }
  const generation = lines.find(([what]) => what === "generation")?.[1];
  return {
    problems,
    generation: generation === undefined ? undefined : Number(generation),
    changed: lines.flatMap(([what, name = ""]) => (what === "changed" ? [name] : [])),
    openedAtBoot: !lines.some(([what]) => what === "unopened"),
    missingUnits: lines.flatMap(([what, secret = "", unit = ""]) => (what === "no-unit" ? [{ secret, unit }] : [])),
  };
}

/** Why something of a set cannot be had, in the host's words. */
export interface SentProblem {
  readonly code: string;
  readonly subject: string;
  readonly detail: string;
}

/** One error for all of them. The gravest gives the code: without age, no word is lost on the rest. */
export function describeProblems(problems: readonly SentProblem[], all: number): ActivationError {
  for (const code of Object.keys(EXPLANATIONS) as (keyof typeof EXPLANATIONS)[]) {
    const found = problems.filter((problem) => problem.code === code);
    if (found.length === 0) continue;
    const { code: errorCode, what, hint } = EXPLANATIONS[code];
    const describe = ({ subject, detail }: SentProblem): string => (subject === "-" ? detail : `${subject}: ${detail}`);
    const details = found.map(describe);
    const others = problems.filter((problem) => !found.includes(problem)).map(describe);
    const message = `${what(found.length, all)}: ${[...details, ...others].join("; ")}`;
    return new ActivationError(errorCode, message, { hint });
  }
  return new ActivationError("activation/secrets", problems.map(({ detail }) => detail).join("; "));
}

function isExplained(code: string): code is keyof typeof EXPLANATIONS {
  return Object.hasOwn(EXPLANATIONS, code);
}

const EXPLANATIONS = {
  "no-tmpfs": {
    code: "activation/secrets-memory",
    what: () => "cannot keep secrets in the host's memory only",
    hint: "plaintext is written to a tmpfs and nowhere else; below a root, make run/skep/secrets.d one",
  },
  "no-age": {
    code: "activation/secrets-no-age",
    what: () => "the host cannot open its secrets",
    hint: 'install age there (apt install age, or environment.systemPackages), or let skep open them: open: "operator"',
  },
  "no-identity": {
    code: "activation/secrets-open",
    what: () => "the host cannot open its secrets",
    hint: "they are opened with the host's ed25519 or rsa SSH host key; name other private keys with identityPaths",
  },
  "cannot-open": {
    code: "activation/secrets-open",
    what: (bad, all) => `the host cannot open ${bad} of its ${all} secrets with its own key`,
    hint: "its key is another than the rules say, or the file is damaged: skep secrets check --identity tells which",
  },
  owner: {
    code: "activation/secrets-owner",
    what: () => "cannot give a secret its owner",
    hint: "create the account first, or in the same system: users.users on NixOS, a sysusers.d file elsewhere",
  },
  path: {
    code: "activation/secrets-path",
    what: () => "cannot link to a secret",
    hint: "move what is there out of the way; skep replaces only links of its own",
  },
  keep: {
    code: "activation/secrets",
    what: () => "cannot keep the encrypted secrets on the host's disk",
    hint: "the host is as it was; make room there and deploy again",
  },
  operator: {
    code: "activation/secrets-open",
    what: (bad, all) => `${bad} of the ${all} secrets of that system can only be opened by the operator, and are gone`,
    hint: "deploy the system from the hive's revision of that time instead, which brings its secrets",
  },
  "not-kept": {
    code: "activation/secrets",
    what: () => "the host does not have the secrets of that system any more",
    hint: "deploy the system from the hive's revision of that time instead, which brings its secrets",
  },
  receive: {
    code: "activation/secrets",
    what: () => "cannot receive the secrets on the host",
    hint: "is there room in /run, and tar on the PATH?",
  },
} as const satisfies Readonly<
  Record<
    string,
    {
      readonly code: ConstructorParameters<typeof ActivationError>[0];
      readonly what: (bad: number, all: number) => string;
      readonly hint: string;
    }
  >
>;
