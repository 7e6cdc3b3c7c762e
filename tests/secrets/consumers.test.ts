import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Consumers, Identity } from "#secrets";
import { openBytes, parseIdentities, parseRules, sealBytes, SecretsError } from "#secrets";
import { sshKeygen } from "./tools.ts";

describe("random rules and consumers", () => {
  const HOSTS = ["web-1", "web-2", "db-1", "edge-1"] as const;
  const keys: Record<string, string> = {};
  const identities = new Map<string, readonly Identity[]>();
  let folder = "";
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "skep-consumers-"));
    for (const name of ["alice", ...HOSTS]) {
      const file = join(folder, name);
      keys[name] = sshKeygen(file, { type: "ed25519" });
      const askPassphrase = () => Promise.reject(new Error("nothing is to be asked"));
      identities.set(name, await parseIdentities(readFileSync(file, "latin1"), { file, askPassphrase }));
    }
  });
  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  const hostOrGroup = fc.constantFrom(...HOSTS, "@web", "@all");
  const rule = fc.option(fc.uniqueArray(hostOrGroup, { maxLength: 3 }), { nil: undefined });
  const groups = fc.record({
    web: fc.uniqueArray(fc.constantFrom(...HOSTS), { maxLength: 3 }),
    all: fc.uniqueArray(fc.constantFrom(...HOSTS), { maxLength: 4 }),
  });
  const secret = fc.constantFrom("token", "pin", "db/password");
  const consumers = fc.uniqueArray(
    fc.record({ secret, host: fc.constantFrom(...HOSTS), open: fc.constantFrom("host", "operator") }),
    { maxLength: 8, selector: ({ secret, host }) => `${secret} ${host}` },
  );
  const rulesOf = fc.record({ token: rule, pin: rule, "db/password": rule });

  async function opens(ciphertext: Buffer, who: string): Promise<boolean> {
    try {
      using plaintext = await openBytes(ciphertext, identities.get(who) ?? []);
      return plaintext.reveal().length > 0;
    } catch (error) {
      if (error instanceof SecretsError && error.code === "secrets/cannot-open") return false;
      throw error;
    }
  }

  it("let every host that opens a secret read it, and none that is neither named nor opens it", async () => {
    const seen = { read: 0, refused: 0 };
    await fc.assert(
      fc.asyncProperty(rulesOf, groups, consumers, async (rules, groups, consumers: Consumers) => {
        const named = (name: keyof typeof rules): readonly string[] =>
          (rules[name] ?? []).flatMap((text) => (text.startsWith("@") ? groups[text.slice(1) as "web"] : [text]));
        const openers = (name: string): readonly string[] =>
          consumers.filter(({ secret, open }) => secret === name && open === "host").map(({ host }) => host);
        const definition = {
          admins: { alice: keys.alice },
          hosts: Object.fromEntries(HOSTS.map((name) => [name, keys[name]])),
          groups,
          rules: Object.fromEntries(Object.entries(rules).map(([name, hosts]) => [name, { hosts }])),
        };
        const names = Object.keys(rules) as (keyof typeof rules)[];
        const unserved = names.some(
          (name) => rules[name] !== undefined && openers(name).some((host) => !named(name).includes(host)),
        );
        const parsing = parseRules(definition, { directory: "/fleet/secrets", file: "secrets.ts", consumers });
        if (unserved) {
          await expect(parsing).rejects.toMatchObject({ code: "secrets/rules" });
          seen.refused += 1;
          return;
        }
        const { secrets } = await parsing;
        for (const { name, readers } of secrets) {
          const may = rules[name as keyof typeof rules] === undefined ? openers(name) : named(name as "token");
          const ciphertext = await sealBytes(
            Buffer.from("swordfish"),
            readers.map(({ recipient }) => recipient),
          );
          for (const host of HOSTS) {
            const read = await opens(Buffer.from(ciphertext), host);
            expect({ name, host, read }).toEqual({ name, host, read: may.includes(host) });
            if (openers(name).includes(host)) expect(read).toBe(true);
          }
          expect(await opens(Buffer.from(ciphertext), "alice")).toBe(true);
          seen.read += 1;
        }
      }),
      { numRuns: 40 },
    );
    expect(seen.read).toBeGreaterThan(10);
    expect(seen.refused).toBeGreaterThan(3);
  });
});
