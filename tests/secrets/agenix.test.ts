import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Identity } from "#secrets";
import { openBytes, parseAgenixRules, parseIdentities } from "#secrets";

const FOLDER = join(import.meta.dirname, "agenix");

function read(name: string): Buffer {
  return readFileSync(join(FOLDER, name));
}

function identitiesOf(name: string): Promise<readonly Identity[]> {
  return parseIdentities(read(name).toString(), { file: name });
}

describe("the example of agenix", () => {
  it("has rules that are read without Nix", async () => {
    const path = join(FOLDER, "secrets.nix");
    const evaluate = () => Promise.reject(new Error("Nix was asked"));
    const { secrets } = await parseAgenixRules({ path, text: read("secrets.nix").toString(), evaluate });
    const readers = secrets.map(({ name, readers }) => [name, readers.map(({ recipient }) => recipient.id).length]);
    expect(readers).toEqual([
      ["secret1", 2],
      ["secret1-copy", 2],
      ["secret2", 1],
      ["passwordfile-user1", 2],
    ]);
  });

  it("has an armored secret that its user's key opens, and its system's does not", async () => {
    using opened = await openBytes(read("armored-secret.age"), await identitiesOf("user1"));
    expect(opened.reveal().toString()).toBe("Hello World!\n");
    await expect(openBytes(read("armored-secret.age"), await identitiesOf("system1"))).rejects.toMatchObject({
      code: "secrets/cannot-open",
    });
  });

  it("has a post-quantum secret that classic keys do not open", async () => {
    const identities = [...(await identitiesOf("user1")), ...(await identitiesOf("system1"))];
    await expect(openBytes(read("secret-pq.age"), identities)).rejects.toMatchObject({ code: "secrets/cannot-open" });
  });
});
