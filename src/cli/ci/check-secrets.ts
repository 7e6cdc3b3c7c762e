import { SecretsError } from "#secrets";
import { loadSelection } from "../options/hive-options.ts";
import { checkFiles, describeFinding, describeWell } from "../secrets/check.ts";
import { count } from "../secrets/count.ts";
import { forPeople } from "../terminal/for-people.ts";
import type { Terminal } from "../terminal/terminal.ts";
import type { CiArguments } from "./ci-command.ts";

/**
 * Checks rules, files and folder of the secrets, where there are any. What is only to be known goes where the progress goes.
 * @throws SecretsError `secrets/check` with all that is wrong, so that it is wherever a pipeline tells its errors.
 */
export async function checkSecrets(args: CiArguments, terminal: Terminal): Promise<void> {
  const checked = await checkFiles(args, terminal).catch(unlessNone(args, terminal));
  if (checked === undefined) return;
  const people = forPeople(terminal.stderr, terminal);
  const warnings = checked.findings.filter(({ level }) => level === "warning");
  for (const warning of warnings) people.write(`${describeFinding(warning)}\n`);
  const problems = checked.findings.flatMap(({ level, name, what }) => (level === "error" ? `${name}: ${what}` : []));
  if (problems.length === 0) terminal.stderr.write(`${describeWell(checked.repository)}\n`);
  else throw new SecretsError("secrets/check", describeProblems(problems), { hint: HINT });
}

const HINT = "skep secrets check finds the same on any machine that has the repository";

function describeProblems(problems: readonly string[]): string {
  const [only = ""] = problems;
  const told = problems.length === 1 ? ` ${only}` : problems.map((problem) => `\n  ${problem}`).join("");
  return `the check found ${count(problems.length, "problem")}:${told}`;
}

/** Rules are missed by hosts that have secrets, and by nobody else. */
function unlessNone(args: CiArguments, terminal: Terminal): (error: unknown) => Promise<undefined> {
  return async (error) => {
    const hasNone = error instanceof SecretsError && error.code === "secrets/rules-not-found";
    if (!hasNone || (await loadSelection(args, terminal)).hosts.some((host) => host.secrets.length > 0)) throw error;
  };
}
