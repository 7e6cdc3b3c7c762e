import { isUtf8 } from "node:buffer";
import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { formatDuration, localTime, parseDuration, reasonOf } from "#core";
import type { FleetPlan } from "#rollout";
import { parsePlan, PlanError } from "#rollout";
import { CliError } from "../errors.ts";
import type { Terminal } from "../terminal/terminal.ts";
import { verifyPlan } from "./ssh-signature.ts";

export interface ReadPlanArguments {
  readonly plan: string;
  readonly "max-age": string;
  readonly "allowed-signers"?: string | undefined;
  readonly signer?: readonly string[] | undefined;
}

/** Clocks of machines differ by so much and no more. */
const SKEW_MS = 300_000;

/**
 * Reads a plan that may be deployed: whole, not too old, and signed by whoever has to.
 * @throws PlanError; CliError `cli/usage`.
 */
export async function readPlan(
  args: ReadPlanArguments,
  { cwd, stderr }: Pick<Terminal, "cwd" | "stderr">,
  { now = Date.now }: { readonly now?: () => number } = {},
): Promise<FleetPlan> {
  const maxAgeMs = parseDuration(args["max-age"]);
  const allowedSigners = args["allowed-signers"];
  if (maxAgeMs === undefined) {
    throw new CliError("cli/usage", `--max-age takes a duration such as 24h, not "${args["max-age"]}"`);
  }
  if (args.signer !== undefined && allowedSigners === undefined) {
    throw new CliError("cli/usage", "--signer needs --allowed-signers, which says whose key is whose");
  }
  const planFile = resolve(cwd, args.plan);
  const { plan, signature, signedText } = parsePlan(await readText(planFile), { file: planFile });
  if (allowedSigners !== undefined) {
    const file = resolve(cwd, allowedSigners);
    await refuseUnreadable(file);
    const signer = await verifyPlan(signedText, { signature, allowedSigners: file, signers: args.signer });
    stderr.write(`skep: notice: the plan is signed by ${signer}\n`);
  } else if (signature !== undefined) {
    stderr.write("skep: notice: the plan is signed, and --allowed-signers does not say by whom it must be\n");
  }
  refuseOld(plan, { maxAgeMs, now: now() });
  return plan;
}

async function readText(file: string): Promise<string> {
  let bytes: Buffer;
  try {
    bytes = await readFile(file);
  } catch (error) {
    throw new PlanError("rollout/plan-file", `cannot read the plan ${file}: ${reasonOf(error)}`, { cause: error });
  }
  // Other bytes than were written can be read as the same text.
  if (isUtf8(bytes)) return bytes.toString("utf8");
  throw new PlanError("rollout/plan-altered", `${file} was altered after skep wrote it: it is not UTF-8`, {
    hint: "make a new one with skep plan, and do not edit or reformat it",
  });
}

/** ssh-keygen takes a file that it cannot read for one without keys. @throws CliError `cli/usage`. */
async function refuseUnreadable(allowedSigners: string): Promise<void> {
  try {
    await readFile(allowedSigners);
  } catch (error) {
    throw new CliError("cli/usage", `cannot read the allowed signers in ${allowedSigners}: ${reasonOf(error)}`, {
      hint: "--allowed-signers names a file with who may sign, as in ssh-keygen(1)",
      cause: error,
    });
  }
}

function refuseOld(
  { madeAt }: FleetPlan,
  { maxAgeMs, now }: { readonly maxAgeMs: number; readonly now: number },
): void {
  const ageMs = now - Date.parse(madeAt);
  if (ageMs <= maxAgeMs && ageMs >= -SKEW_MS) return;
  const isFuture = ageMs < 0;
  const at = localTime(Date.parse(madeAt));
  throw new PlanError(
    "rollout/plan-too-old",
    isFuture
      ? `the plan was made at ${at}, which is yet to come by this machine's clock`
      : `the plan was made ${formatDuration(ageMs)} ago, at ${at}: at most ${formatDuration(maxAgeMs)} are allowed`,
    { hint: isFuture ? "set the clocks" : "make a new plan, or allow more with --max-age" },
  );
}
