import type { SecretState } from "#secrets";
import { describeChanged, describeKeys, describeReader, isStale, sortDifference } from "#secrets";
import { CliError } from "../errors.ts";
import type { Terminal } from "../terminal/terminal.ts";
import { loadRepository } from "./load-rules.ts";
import type { OnHostsArguments, SecretsArguments } from "./secrets-command.ts";

type StatusArguments = SecretsArguments & { readonly json: boolean };

/** Prints how each file stands to its rule; with `--on`, how the secrets on hosts stand to the repository. */
export async function showStatus(args: StatusArguments & OnHostsArguments, terminal: Terminal): Promise<number> {
  if (args.on !== undefined) {
    const { showStatusOnHosts } = await import("./on-hosts-status.ts");
    return showStatusOnHosts(args, terminal);
  }
  if (args.parallel !== undefined) {
    throw new CliError("cli/usage", "--parallel is about hosts, and without --on none is asked", {
      hint: 'add --on "*" for all of them, or see skep secrets status --help',
    });
  }
  const { secrets, unruled } = await loadRepository(args, terminal);
  const rows = [
    ...secrets.map((secret) => ({ name: secret.rule.name, ...judge(secret) })),
    ...unruled.map((name) => ({ name, state: "unruled", notes: ["no rule says who may read it"] })),
  ];
  if (args.json) {
    terminal.stdout.write(`${JSON.stringify(rows, null, 2)}\n`);
    return 0;
  }
  const width = Math.max(0, ...rows.map(({ name }) => name.length));
  for (const { name, state, notes } of rows) {
    terminal.stdout.write(
      `${[name.padEnd(width), state.padEnd(STATE_WIDTH), notes.join("; ")].join("  ").trimEnd()}\n`,
    );
  }
  return 0;
}

/** Prints the secrets and who may read them, as the rules say. */
export async function listSecrets(args: StatusArguments, terminal: Terminal): Promise<number> {
  const { secrets } = await loadRepository(args, terminal);
  if (args.json) {
    const described = secrets.map(({ rule, file }) => ({
      name: rule.name,
      file: rule.file,
      present: file !== undefined,
      readers: rule.readers.map(({ role, name, retired, recipient }) => ({ role, name, retired, key: recipient.id })),
    }));
    terminal.stdout.write(`${JSON.stringify(described, null, 2)}\n`);
    return 0;
  }
  const width = Math.max(0, ...secrets.map(({ rule }) => rule.name.length));
  for (const { rule } of secrets) {
    terminal.stdout.write(`${rule.name.padEnd(width)}  ${rule.readers.map(describeReader).join(", ")}\n`);
  }
  return 0;
}

const STATE_WIDTH = "missing".length;

function judge({ file }: SecretState): { readonly state: string; readonly notes: readonly string[] } {
  if (file === undefined) return { state: "missing", notes: ["it has a rule and no file"] };
  if (file.problem !== undefined) return { state: "broken", notes: [file.problem.message] };
  const { changed, missing, extra: others } = sortDifference(file);
  const extra = describeKeys(others);
  const exposed = describeKeys(file.known.exposed ?? {});
  const notes = [
    ...(changed.length === 0 ? [] : [`${describeChanged(changed)}; skep secrets check says what to do`]),
    ...missing.map((reader) => `${describeReader(reader)} cannot read it`),
    ...(extra === "" ? [] : [`${extra} can read it`]),
    ...(exposed === "" ? [] : [`${exposed} could read what it says`]),
  ];
  return { state: isStale(file) ? "stale" : exposed === "" ? "ok" : "exposed", notes };
}
