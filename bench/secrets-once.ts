/**
 * Works on all secrets of a repository once, and prints a {@link SecretsReport}. Arguments: what to do, the folder of the
 * secrets, the rules as JSON, the private key's file.
 */
import { readFile } from "node:fs/promises";
import process from "node:process";
import { checkRepository, parseIdentities, parseRules, planRekey, readRepository, rekey } from "#secrets";

export interface SecretsReport {
  /** From reading the rules to the last file. */
  readonly seconds: number;
  readonly peakBytes: number;
}

/** `check` needs no key, `open` is a check that opens everything. */
export type SecretsAction = "rekey" | "check" | "open";

const [action = "", directory = "", rulesFile = "", identityFile = ""] = process.argv.slice(1);
const startedAt = performance.now();
const definition = JSON.parse(await readFile(rulesFile, "utf8")) as unknown;
const repository = await readRepository(await parseRules(definition, { directory, file: rulesFile }));
const identities =
  action === "check"
    ? undefined
    : await parseIdentities(await readFile(identityFile, "latin1"), { file: identityFile });
if (action === "rekey") await rekey(repository, planRekey(repository, { all: true }), { identities: identities ?? [] });
else await check();
const report: SecretsReport = {
  seconds: (performance.now() - startedAt) / 1_000,
  peakBytes: process.resourceUsage().maxRSS * 1024,
};
process.stdout.write(JSON.stringify(report));

async function check(): Promise<void> {
  const findings = await checkRepository(repository, { identities });
  if (findings.length > 0) throw new Error(`the check found ${findings.length} problems: ${findings[0]?.what ?? ""}`);
}
