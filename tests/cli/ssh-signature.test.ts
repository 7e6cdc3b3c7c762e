import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { signPlan, verifyPlan } from "../../src/cli/plan/ssh-signature.ts";
import { sshKeygen } from "../secrets/tools.ts";

const TEXT = "a plan\n";

describe("verifyPlan()", () => {
  let folder = "";
  let key = "";
  let signature = "";
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "skep-signature-"));
    key = sshKeygen(join(folder, "ann"), { type: "ed25519" });
    signature = await signPlan(TEXT, { key: join(folder, "ann") });
  });
  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  /** Who signed, by a file of allowed signers with these lines, in which KEY is the one that did. */
  const verify = (lines: readonly string[], signers?: readonly string[]): Promise<string> => {
    const allowedSigners = join(folder, "allowed");
    writeFileSync(allowedSigners, lines.map((line) => `${line.replace("KEY", key)}\n`).join(""));
    return verifyPlan(TEXT, { signature, allowedSigners, signers });
  };

  it.each([
    { lines: ["ann@example.org KEY"], signers: undefined, signer: "ann@example.org" },
    { lines: ["ann@example.org,ann@laptop KEY"], signers: ["ann@laptop"], signer: "ann@laptop" },
    { lines: ["*@example.org KEY"], signers: ["ben@example.org"], signer: "ben@example.org" },
    { lines: ["!eve@example.org,*@example.org KEY"], signers: undefined, signer: "*@example.org" },
    {
      lines: ['git@example.org namespaces="git" KEY', 'ann@example.org namespaces="skep-plan" KEY'],
      ...{ signers: ["ann@example.org"], signer: "ann@example.org" },
    },
    { lines: ["ann@example.org KEY"], signers: ["ben@example.org", "ann@example.org"], signer: "ann@example.org" },
  ])("takes $lines for what ssh-keygen takes it for, asked for $signers", async ({ lines, signers, signer }) => {
    expect(await verify(lines, signers)).toBe(signer);
  });

  it.each([
    { lines: ["ann@example.org KEY"], signers: ["ben@example.org"] },
    { lines: ["!eve@example.org,*@example.org KEY"], signers: ["eve@example.org"] },
    { lines: ['ann@example.org namespaces="git" KEY'], signers: undefined },
    { lines: ['ann@example.org valid-before="20200101" KEY'], signers: ["ann@example.org"] },
  ])("refuses $lines, asked for $signers", async ({ lines, signers }) => {
    await expect(verify(lines, signers)).rejects.toMatchObject({ code: "rollout/plan-signature" });
  });

  it("refuses a signature that was made for something else", async () => {
    const allowedSigners = join(folder, "allowed");
    writeFileSync(allowedSigners, `ann@example.org ${key}\n`);
    const asked = { signature, allowedSigners, signers: undefined };
    await expect(verifyPlan(`${TEXT}more\n`, asked)).rejects.toMatchObject({ code: "rollout/plan-signature" });
  });
});
