import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { startSandbox } from "#sandbox";
import { logIn } from "./log-in.ts";

const KEY = "etc/ssh/ssh_host_ed25519_key";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "skep-sandbox-test-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe("the SSH host key of a sandbox host", () => {
  it("lies where sshd has it", async () => {
    await using sandbox = await startSandbox({ hosts: ["web-1", "db-1"] });
    const keys = new Set<string>();
    for (const { name, root, target } of sandbox.hosts) {
      keys.add(target.hostKey);
      expect((await stat(join(root, KEY))).mode & 0o777).toBe(0o600);
      expect(await readFile(join(root, `${KEY}.pub`), "utf8")).toBe(`${target.hostKey} root@${name}\n`);
      const { status, stdout } = spawnSync("ssh-keygen", ["-y", "-f", join(root, KEY)], { encoding: "utf8" });
      // Where OpenSSH is installed.
      if (status !== null) expect(stdout.trim().split(" ").slice(0, 2).join(" ")).toBe(target.hostKey);
    }
    expect(keys.size).toBe(2);
  });

  it("and its port stay when a folder is booted again", async () => {
    const hosts = ["web-1", "db-1"];
    const first = await startSandbox({ hosts, folder });
    const targets = first.hosts.map(({ target }) => target);
    await first[Symbol.asyncDispose]();
    await rm(join(folder, "hosts/web-1", `${KEY}.pub`));
    await using again = await startSandbox({ hosts: ["db-1", "web-1", "db-2"], folder });
    expect(["web-1", "db-1"].map((name) => again.host(name).target)).toEqual(targets);
    expect(await readFile(join(folder, "hosts/web-1", `${KEY}.pub`), "utf8")).toContain(targets[0]?.hostKey);
    await using connection = await logIn(again.host("web-1"));
    expect((await connection.run(["true"])).exit).toEqual({ exitCode: 0 });
  });

  it("stays where its port is taken by now", async () => {
    const first = await startSandbox({ hosts: ["web-1"], folder });
    const { target } = first.host("web-1");
    await first[Symbol.asyncDispose]();
    const server = createServer().listen(target.port, "127.0.0.1");
    await once(server, "listening");
    await using again = await startSandbox({ hosts: ["web-1"], folder });
    server.close();
    expect(again.host("web-1").target).toEqual({ ...target, port: again.host("web-1").port });
    expect(again.host("web-1").port).not.toBe(target.port);
  });

  it("is not made anew in the place of one that cannot be read", async () => {
    await (await startSandbox({ hosts: ["web-1"], folder }))[Symbol.asyncDispose]();
    await writeFile(join(folder, "hosts/web-1", KEY), "no key");
    await expect(startSandbox({ hosts: ["web-1"], folder })).rejects.toMatchObject({
      code: "sandbox/start",
      hint: "remove it, and the host gets a new one",
    });
    expect(await readFile(join(folder, "hosts/web-1", KEY), "utf8")).toBe("no key");
  });
});
