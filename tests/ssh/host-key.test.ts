import { execFileSync } from "node:child_process";
import { appendFile, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { connect } from "#ssh";
import { generateKey, sshdMissing, startSshd } from "./sshd.ts";
import type { KeyPair, Sshd } from "./sshd.ts";

let sshd: Sshd;
let other: KeyPair;
let files = 0;

beforeAll(async () => {
  if (sshdMissing !== undefined) return;
  sshd = await startSshd({ hostKeys: ["ed25519", "rsa", "ecdsa"] });
  other = await generateKey(sshd.directory, { name: "other" });
});

afterAll(async () => {
  if (sshdMissing === undefined) await sshd[Symbol.asyncDispose]();
});

/** A known_hosts file of its own for one test; `HOST` in it stands for the server's name. */
async function knownHosts(text: string): Promise<string> {
  const file = join(sshd.directory, `known_hosts_${(files += 1)}`);
  await writeFile(file, text.replaceAll("HOST", `[127.0.0.1]:${sshd.port}`));
  return file;
}

async function meet(file: string, options: Parameters<typeof connect>[1] = {}): Promise<void> {
  await using _connection = await connect(
    { host: "sshd" },
    { configFile: sshd.configFile, knownHostsFiles: [file], ...options },
  );
}

function hostKey(type: string): KeyPair {
  return sshd.hostKeys.find((key) => key.type === type)!;
}

describe.skipIf(sshdMissing !== undefined)("connect() and the host's key", () => {
  it.each(["ed25519", "rsa", "ecdsa"])("asks a host known by its %s key for that one", async (type) => {
    await meet(await knownHosts(`HOST ${hostKey(type).publicKey}\n`));
  });

  it("knows a name that ssh-keygen hashed", async () => {
    const file = await knownHosts(`HOST ${hostKey("rsa").publicKey}\n`);
    execFileSync("ssh-keygen", ["-H", "-f", file], { stdio: "ignore" });
    expect(await readFile(file, "utf8")).toMatch(/^\|1\|/);
    await meet(file);
  });

  it("looks in every file", async () => {
    const second = await knownHosts(`HOST ${hostKey("ed25519").publicKey}\n`);
    await meet(await knownHosts(""), { knownHostsFiles: [join(sshd.directory, "not-there"), second] });
  });

  it("refuses a host it does not know, showing the fingerprint and the way to accept it", async () => {
    const { fingerprint } = hostKey("ed25519");
    await expect(meet(await knownHosts(""))).rejects.toMatchObject({
      code: "ssh/host-key-unknown",
      message: expect.stringContaining(fingerprint) as string,
      hint: expect.stringContaining("accept-new") as string,
    });
  });

  it("refuses a changed key, showing both fingerprints and where the known one stands", async () => {
    const file = await knownHosts(`# moved in May\nHOST ${other.publicKey}\n`);
    const shown = hostKey("ed25519").fingerprint;
    const refusal = expect.objectContaining({ code: "ssh/host-key-changed" }) as Error;
    for (const hostKeyPolicy of ["strict", "accept-new"] as const) {
      const error = await meet(file, { hostKeyPolicy }).catch((thrown: unknown) => thrown);
      expect(error).toEqual(refusal);
      for (const part of [shown, other.fingerprint, `${file}:2`]) expect(String(error)).toContain(part);
    }
  });

  it("refuses a revoked key that is also known", async () => {
    const { publicKey } = hostKey("ed25519");
    const file = await knownHosts(`HOST ${publicKey}\n@revoked * ${publicKey}\n`);
    await expect(meet(file)).rejects.toMatchObject({
      code: "ssh/host-key-revoked",
      message: expect.stringContaining(`${file}:2`) as string,
    });
  });

  it("learns a new host when told to, leaving the file's mode and other lines as they were", async () => {
    const file = await knownHosts("# no newline at the end");
    const notices: string[] = [];
    await meet(file, { hostKeyPolicy: "accept-new", onNotice: (text) => notices.push(text) });
    expect((await stat(file)).mode & 0o777).toBe(0o644);
    expect(await readFile(file, "utf8")).toBe(
      `# no newline at the end\n[127.0.0.1]:${sshd.port} ${hostKey("ed25519").publicKey}\n`,
    );
    expect(notices).toEqual([expect.stringContaining(hostKey("ed25519").fingerprint)]);
    expect(notices[0]).toMatch(new RegExp(`, in ${file}$`));
    await meet(file);
  });

  it("makes a known_hosts file that only its owner reads", async () => {
    const file = join(sshd.directory, "new", "known_hosts");
    await meet(file, { hostKeyPolicy: "accept-new" });
    expect((await stat(file)).mode & 0o777).toBe(0o600);
  });

  it("accepts a pinned key and no other, and consults no file then", async () => {
    const target = { host: "sshd", hostKeys: [`${hostKey("rsa").publicKey} a comment`] };
    const options = { configFile: sshd.configFile, knownHostsFiles: [await knownHosts(`HOST ${other.publicKey}`)] };
    await using _connection = await connect(target, options);
    await expect(connect({ ...target, hostKeys: [other.publicKey] }, options)).rejects.toMatchObject({
      code: "ssh/host-key-changed",
      message: expect.stringContaining(other.fingerprint) as string,
    });
    await expect(connect({ ...target, hostKeys: ["not a key"] }, options)).rejects.toMatchObject({
      code: "ssh/known-hosts",
    });
  });

  it("looks a host up by its HostKeyAlias", async () => {
    const configFile = join(sshd.directory, "aliased_config");
    await writeFile(configFile, `HostKeyAlias web-1\n${await readFile(sshd.configFile, "utf8")}`);
    await meet(await knownHosts(`web-1 ${hostKey("ed25519").publicKey}\n`), { configFile });
    await expect(meet(await knownHosts(`HOST ${hostKey("ed25519").publicKey}\n`), { configFile })).rejects.toThrow(
      "no key is known for web-1",
    );
  });

  it("says when a known_hosts file cannot be read", async () => {
    await expect(meet(sshd.directory)).rejects.toMatchObject({ code: "ssh/known-hosts" });
  });

  it("lets several hosts be learned at once", async () => {
    const file = await knownHosts("");
    await appendFile(file, "");
    await using second = await startSshd();
    await Promise.all([
      meet(file, { hostKeyPolicy: "accept-new" }),
      meet(file, { hostKeyPolicy: "accept-new", configFile: second.configFile }),
    ]);
    expect((await readFile(file, "utf8")).trim().split("\n")).toHaveLength(2);
  });
});
