import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { errnoOf, messageOf } from "#core";
import { PlanError } from "#rollout";

/** What an SSH signature of a plan is for: one made for anything else does not pass. */
const NAMESPACE = "skep-plan";

/**
 * Signs a text with an SSH key, by `ssh-keygen -Y sign`, which asks for the passphrase itself.
 * @param options.key a private key file, or a public one whose private half the agent has.
 * @throws PlanError `rollout/plan-signature`.
 */
export async function signPlan(text: string, { key }: { readonly key: string }): Promise<string> {
  const { exitCode, stdout, stderr } = await sshKeygen(["-Y", "sign", "-f", key, "-n", NAMESPACE], text);
  if (exitCode === 0 && stdout.startsWith("-----BEGIN SSH SIGNATURE-----")) return stdout;
  throw new PlanError("rollout/plan-signature", `cannot sign the plan with ${key}: ${lastLine(stderr)}`, {
    hint: "name an SSH private key, or a public key whose private half ssh-agent has",
  });
}

/**
 * Verifies a signature by `ssh-keygen -Y verify`: made of this text, by a key that the allowed signers file has.
 * @param options.signers who may sign; default: anybody in that file.
 * @returns who signed.
 * @throws PlanError `rollout/plan-signature`.
 */
export async function verifyPlan(
  text: string,
  {
    signature,
    allowedSigners,
    signers,
  }: {
    readonly signature: string | undefined;
    readonly allowedSigners: string;
    readonly signers: readonly string[] | undefined;
  },
): Promise<string> {
  if (signature === undefined) {
    throw new PlanError("rollout/plan-signature", "the plan is not signed, and only signed ones are allowed here", {
      hint: "make it with skep plan --sign KEY",
    });
  }
  const folder = await mkdtemp(join(tmpdir(), "skep-plan-"));
  try {
    const file = join(folder, "signature");
    await writeFile(file, signature);
    const found = await sshKeygen(["-Y", "find-principals", "-s", file, "-f", allowedSigners, "-n", NAMESPACE], "");
    if (found.exitCode !== 0) {
      throw refused(`by no key that ${allowedSigners} has`, lastLine(found.stderr));
    }
    // Those of the first line that has the key; they are patterns, which may stand for a signer, and another line may allow more.
    const principals = found.stdout.split("\n").filter((line) => line !== "");
    let said = "";
    for (const signer of signers ?? principals.filter((one) => !one.startsWith("!"))) {
      const verify = ["-Y", "verify", "-f", allowedSigners, "-I", signer, "-n", NAMESPACE, "-s", file];
      const verified = await sshKeygen(verify, text);
      if (verified.exitCode === 0) return signer;
      said = lastLine(verified.stderr || verified.stdout);
    }
    if (signers?.some((signer) => principals.includes(signer)) === false) {
      throw refused(`by ${principals.join(", ")}, and not by ${signers.join(" or ")}`, said);
    }
    throw refused("for something else, or not by whom it says", said);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function refused(why: string, said = ""): PlanError {
  const detail = said === "" ? "" : ` (${said})`;
  return new PlanError("rollout/plan-signature", `the plan's signature was made ${why}${detail}`, {
    hint: "have it signed by somebody who may, or look at --allowed-signers and --signer",
  });
}

interface Finished {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** @throws PlanError `rollout/plan-signature` when there is no ssh-keygen. */
async function sshKeygen(args: readonly string[], stdin: string): Promise<Finished> {
  const child = spawn("ssh-keygen", args, { stdio: ["pipe", "pipe", "pipe"] });
  const closed = once(child, "close") as Promise<[number | null]>;
  // It may have ended before it read all.
  child.stdin.on("error", () => undefined);
  child.stdin.end(stdin);
  try {
    const [stdout, stderr, [exitCode]] = await Promise.all([
      child.stdout.setEncoding("utf8").toArray(),
      child.stderr.setEncoding("utf8").toArray(),
      closed,
    ]);
    return { exitCode, stdout: stdout.join(""), stderr: stderr.join("") };
  } catch (error) {
    const why = errnoOf(error) === "ENOENT" ? "it is not on PATH" : messageOf(error);
    throw new PlanError("rollout/plan-signature", `cannot run ssh-keygen: ${why}`, {
      hint: "install OpenSSH's client, 8.2 or later",
    });
  }
}

function lastLine(text: string): string {
  return text.trim().split("\n").at(-1) ?? "";
}
