import { execFileSync } from "node:child_process";
import { readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { connect } from "#ssh";
import { generateKey, sshdMissing, startAgent, startSshd } from "./sshd.ts";
import type { KeyPair, Sshd } from "./sshd.ts";

let sshd: Sshd;
let keys: Record<"ed25519" | "rsa" | "ecdsa" | "encrypted" | "stranger", KeyPair>;

beforeAll(async () => {
  if (sshdMissing !== undefined) return;
  sshd = await startSshd({ config: ["MaxAuthTries 4"] });
  const make = (name: string, type: "ed25519" | "rsa" | "ecdsa", passphrase?: string): Promise<KeyPair> =>
    generateKey(sshd.directory, { name, type, ...(passphrase === undefined ? {} : { passphrase }) });
  keys = {
    ed25519: await make("ed25519", "ed25519"),
    rsa: await make("rsa", "rsa"),
    ecdsa: await make("ecdsa", "ecdsa"),
    encrypted: await make("encrypted", "ed25519", "correct horse"),
    stranger: await make("stranger", "ed25519"),
  };
  const { stranger: _stranger, ...authorized } = keys;
  const lines = Object.values(authorized).map((key) => `${key.publicKey}\n`);
  await writeFile(join(sshd.directory, "authorized_keys"), lines.join(""), { flag: "a" });
});

afterAll(async () => {
  if (sshdMissing === undefined) await sshd[Symbol.asyncDispose]();
});

/** Logs in with a client configuration that says this about keys. */
async function logIn(said: string, target: { readonly user?: string } = {}): Promise<void> {
  const configFile = join(sshd.directory, `config_${Math.random()}`);
  const rest = (await readFile(sshd.configFile, "utf8")).replace(/^ +Identit.*\n/gm, "");
  await writeFile(configFile, `${said}\n${rest}`);
  await using _connection = await connect({ host: "sshd", ...target }, { configFile });
}

describe.skipIf(sshdMissing !== undefined)("connect() and keys", () => {
  it.each(["ed25519", "rsa", "ecdsa"] as const)("logs in with an %s key file", async (type) => {
    await logIn(`IdentityFile ${keys[type].privateKeyFile}\nIdentityAgent none`);
  });

  it.each(["ed25519", "rsa", "ecdsa"] as const)("logs in with an %s key of the agent", async (type) => {
    await using agent = await startAgent(sshd.directory, [keys[type]]);
    await logIn(`IdentityAgent ${agent.socketPath}\nIdentityFile none`);
  });

  it("lets the target's key files stand instead of the configuration's", async () => {
    const target = { host: "sshd", identityFiles: [keys.stranger.privateKeyFile] };
    await expect(connect(target, { configFile: sshd.configFile })).rejects.toMatchObject({ code: "ssh/auth-refused" });
  });

  it("says which keys were refused, where from and for whom", async () => {
    await using agent = await startAgent(sshd.directory, [keys.stranger]);
    const second = await generateKey(sshd.directory, { name: "second_stranger" });
    const login = logIn(`IdentityAgent ${agent.socketPath}\nIdentityFile ${second.privateKeyFile}`);
    const error = (await login.catch((thrown: unknown) => thrown)) as Error & { hint: string };
    expect(error).toMatchObject({ code: "ssh/auth-refused" });
    expect(error.message).toContain(`${sshd.user}@127.0.0.1:${sshd.port}`);
    expect(error.message).toContain(`${keys.stranger.fingerprint} (agent`);
    expect(error.message).toContain(`${second.fingerprint} (${second.privateKeyFile})`);
    expect(error.message.indexOf("(agent")).toBeLessThan(error.message.indexOf(second.fingerprint));
    expect(error.hint).toContain("authorized_keys");
  });

  it("does not ask for a passphrase, and says what to do instead", async () => {
    await expect(logIn(`IdentityFile ${keys.encrypted.privateKeyFile}\nIdentityAgent none`)).rejects.toMatchObject({
      code: "ssh/auth-refused",
      message: expect.stringContaining("no key to offer") as string,
      hint: expect.stringMatching(/ssh-add.*encrypted \(encrypted\)/) as string,
    });
  });

  it("finds the agent's key by an encrypted file's public half, or by a .pub alone", async () => {
    const locked = await generateKey(sshd.directory, { name: "locked" });
    await writeFile(join(sshd.directory, "authorized_keys"), `${locked.publicKey}\n`, { flag: "a" });
    await using agent = await startAgent(sshd.directory, [keys.stranger, locked]);
    const said = `IdentitiesOnly yes\nIdentityAgent ${agent.socketPath}\nIdentityFile`;
    const file = locked.privateKeyFile;
    execFileSync("ssh-keygen", ["-p", "-P", "", "-N", "correct horse", "-f", file], { stdio: "ignore" });
    await rename(`${file}.pub`, `${file}.away`);
    await logIn(`${said} ${file}`);
    await rm(file);
    await rename(`${file}.away`, `${file}.pub`);
    await logIn(`${said} ${file}`);
    await logIn(`${said} ${file}.pub`);
  });

  it("offers only the named keys of an agent when told so, and explains a host that lost patience otherwise", async () => {
    const crowd = await Promise.all(
      ["a", "b", "c", "d", "e"].map((name) => generateKey(sshd.directory, { name: `crowd_${name}` })),
    );
    await using agent = await startAgent(sshd.directory, [...crowd, keys.ed25519]);
    const said = `IdentityAgent ${agent.socketPath}\nIdentityFile ${keys.rsa.privateKeyFile}`;
    await expect(logIn(said)).rejects.toMatchObject({
      code: "ssh/auth-refused",
      message: expect.stringContaining("Too many authentication failures") as string,
      hint: expect.stringContaining("IdentitiesOnly") as string,
    });
    await logIn(`IdentitiesOnly yes\n${said}`);
    await logIn(`IdentityAgent ${agent.socketPath}\nIdentityFile ${keys.ed25519.privateKeyFile}.pub`);
  });

  it("goes on with files when there is no agent at the socket, and names it when all is refused", async () => {
    const gone = join(sshd.directory, "no-agent");
    await logIn(`IdentityAgent ${gone}\nIdentityFile ${keys.ed25519.privateKeyFile}`);
    await expect(logIn(`IdentityAgent ${gone}\nIdentityFile ${keys.stranger.privateKeyFile}`)).rejects.toMatchObject({
      hint: expect.stringContaining(gone) as string,
    });
  });

  it("says when a host takes no keys at all", async () => {
    await using server = await startSshd({ config: ["PubkeyAuthentication no", "PasswordAuthentication yes"] });
    await expect(connect({ host: "sshd" }, { configFile: server.configFile })).rejects.toMatchObject({
      code: "ssh/auth-refused",
      hint: expect.stringContaining("only password") as string,
    });
  });

  it("offers a second key to a host that wants two", async () => {
    const second = await generateKey(sshd.directory, { name: "second" });
    await using server = await startSshd({
      config: ["AuthenticationMethods publickey,publickey"],
      authorizedKeys: [second.publicKey],
    });
    const identityFiles = [server.identityFile, second.privateKeyFile];
    await using _connection = await connect({ host: "sshd", identityFiles }, { configFile: server.configFile });
  });

  it("says when a host wants more than a key", async () => {
    await using server = await startSshd({
      config: ["PasswordAuthentication yes", "AuthenticationMethods publickey,password"],
    });
    await expect(connect({ host: "sshd" }, { configFile: server.configFile })).rejects.toMatchObject({
      code: "ssh/auth-refused",
      message: expect.stringContaining("wants more than a key") as string,
    });
  });
});
