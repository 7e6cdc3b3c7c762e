import { createHmac, randomBytes } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { knownHostKeys } from "#ssh";

let folder = "";
let configFile = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "skep-known-"));
  configFile = join(folder, "config");
  await writeFile(
    configFile,
    `Host web-1\n  HostName web.example.org\n  Port 2222\nHost db-1\n  HostKeyAlias database\nHost *\n` +
      `  UserKnownHostsFile ${folder}/known_hosts ${folder}/more ${folder}/not-there\n  GlobalKnownHostsFile none\n`,
  );
});
afterAll(async () => {
  await rm(folder, { recursive: true });
});

const ED25519 = key("ssh-ed25519", 1);
const OTHER = key("ssh-ed25519", 2);
const RSA = key("ssh-rsa", 3);
const ECDSA = key("ecdsa-sha2-nistp256", 4);

function key(type: string, filling: number): string {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(type.length);
  return `${type} ${Buffer.concat([length, Buffer.from(type), Buffer.alloc(36, filling)]).toString("base64")}`;
}

function hashed(name: string): string {
  const salt = randomBytes(20);
  return `|1|${salt.toString("base64")}|${createHmac("sha1", salt).update(name).digest("base64")}`;
}

async function keysOf(
  host: string,
  lines: readonly string[],
  more: readonly string[] = [],
): Promise<readonly string[]> {
  await writeFile(join(folder, "known_hosts"), lines.map((line) => `${line}\n`).join(""));
  await writeFile(join(folder, "more"), more.map((line) => `${line}\n`).join(""));
  return knownHostKeys({ host }, { configFile });
}

describe("knownHostKeys()", () => {
  it("gives the Ed25519 and RSA keys of a host, in the order of the files, each once", async () => {
    const lines = [`edge-1 ${RSA} a comment`, `edge-1 ${ECDSA}`, `db-2 ${OTHER}`];
    expect(await keysOf("edge-1", lines, [`edge-*,!edge-2 ${ED25519}`, `edge-1 ${RSA}`])).toEqual([RSA, ED25519]);
  });

  it("looks a host up by what ssh_config makes of it", async () => {
    const lines = [`web-1 ${OTHER}`, `[web.example.org]:2222 ${ED25519}`, `database ${RSA}`];
    expect(await keysOf("web-1", lines)).toEqual([ED25519]);
    expect(await keysOf("db-1", lines)).toEqual([RSA]);
  });

  it("finds hashed names", async () => {
    expect(await keysOf("web-1", [`${hashed("[web.example.org]:2222")} ${ED25519}`])).toEqual([ED25519]);
    expect(await keysOf("edge-1", [`${hashed("edge-2")} ${ED25519}`])).toEqual([]);
  });

  it("gives no revoked key, and no certificate authority's", async () => {
    const lines = [`edge-1 ${ED25519}`, `edge-1 ${RSA}`, `@revoked * ${ED25519}`, `@cert-authority edge-1 ${OTHER}`];
    expect(await keysOf("edge-1", lines)).toEqual([RSA]);
    expect(await keysOf("edge-1", [`edge-1 ${ED25519}`, `@revoked db-1 ${ED25519}`])).toEqual([ED25519]);
  });

  it("takes a key known for port 22 for no other port", async () => {
    expect(await keysOf("web-1", [`web.example.org ${ED25519}`])).toEqual([]);
  });

  it("reads the files it is given instead", async () => {
    await writeFile(join(folder, "given"), `[web.example.org]:2222 ${OTHER}\n`);
    const options = { configFile, knownHostsFiles: [join(folder, "given")] };
    expect(await knownHostKeys({ host: "web-1" }, options)).toEqual([OTHER]);
    expect(await knownHostKeys({ host: "web-1", port: 22 }, options)).toEqual([]);
  });

  it("knows nothing where there is no file, and says when one cannot be read", async () => {
    expect(await knownHostKeys({ host: "x" }, { configFile, knownHostsFiles: [join(folder, "gone")] })).toEqual([]);
    await expect(knownHostKeys({ host: "x" }, { configFile, knownHostsFiles: [folder] })).rejects.toMatchObject({
      code: "ssh/known-hosts",
    });
  });
});
