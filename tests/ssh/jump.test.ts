import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { connect } from "#ssh";
import { parseProxyJump } from "../../src/ssh/login/jump.ts";
import { sshdMissing, startSshd } from "./sshd.ts";
import type { Sshd } from "./sshd.ts";

describe("parseProxyJump()", () => {
  it.each([
    ["edge", { host: "edge" }],
    ["admin@edge:2222", { host: "edge", user: "admin", port: 2222 }],
    ["ssh://admin@edge:2222", { host: "edge", user: "admin", port: 2222 }],
    ["[fe80::1]:2222", { host: "fe80::1", port: 2222 }],
    ["far, near@inner:1, nearest", { host: "nearest", proxyJump: "far,near@inner:1" }],
  ])("reads %j", (text, expected) => {
    expect(parseProxyJump(text)).toEqual({ user: undefined, port: undefined, proxyJump: undefined, ...expected });
  });

  it.each(["", "edge,", "@edge", "edge:port", "a b:c:d"])("refuses %j", (text) => {
    expect(() => parseProxyJump(text)).toThrow(expect.objectContaining({ code: "ssh/config" }));
  });
});

describe.skipIf(sshdMissing !== undefined)("connect() through other hosts", () => {
  let inner: Sshd;
  let edge: Sshd;
  let middle: Sshd;
  let configFile: string;

  /** One client configuration that knows three servers, each with its own key and known_hosts file. */
  async function clientConfig(
    name: string,
    jumps: Partial<Record<"inner" | "middle" | "edge", string>>,
  ): Promise<string> {
    const blocks = Object.entries({ inner, middle, edge }).map(
      ([alias, sshd]) => `Host ${alias}
  HostName 127.0.0.1
  Port ${sshd.port}
  User ${sshd.user}
  IdentityFile ${sshd.identityFile}
  UserKnownHostsFile ${sshd.knownHostsFile}
  ${jumps[alias as "inner"] ?? ""}
`,
    );
    const file = join(inner.directory, name);
    await writeFile(file, `${blocks.join("")}Host *\n  IdentityAgent none\n  GlobalKnownHostsFile none\n`);
    return file;
  }

  beforeAll(async () => {
    [inner, middle, edge] = await Promise.all([startSshd(), startSshd(), startSshd()]);
    configFile = await clientConfig("jumps", { inner: "ProxyJump middle", middle: "ProxyJump edge" });
  });

  afterAll(async () => {
    await Promise.all([inner, middle, edge].map((sshd) => sshd[Symbol.asyncDispose]()));
  });

  /** Who a server says logged in from where: the port of the connection shows that it came through another. */
  async function clientOf(target: Parameters<typeof connect>[0], file = configFile): Promise<string> {
    await using connection = await connect(target, { configFile: file });
    return (await connection.run(["sh", "-c", "echo $SSH_CONNECTION"])).stdout.trim();
  }

  it("jumps where the configuration says, over as many hosts as it says", async () => {
    const before = [middle, edge].map((sshd) => sshd.log().split("Accepted publickey").length);
    expect(await clientOf({ host: "inner" })).toMatch(new RegExp(` ${inner.port}$`));
    const after = [middle, edge].map((sshd) => sshd.log().split("Accepted publickey").length);
    expect(after).toEqual(before.map((count) => count + 1));
  });

  it("jumps where the target says, whatever the configuration does", async () => {
    const direct = await clientConfig("direct", {});
    const before = [middle, edge].map((sshd) => sshd.log().split("Accepted publickey").length);
    await clientOf({ host: "inner", proxyJump: `${edge.user}@edge:${edge.port},middle` }, direct);
    await clientOf({ host: "inner", proxyJump: "none" });
    const after = [middle, edge].map((sshd) => sshd.log().split("Accepted publickey").length);
    expect(after).toEqual(before.map((count) => count + 1));
  });

  it("carries a long input through a jump host", async () => {
    await using connection = await connect({ host: "inner" }, { configFile });
    const { stdout } = await connection.run(["wc", "-c"], { stdin: Buffer.alloc(20_000_000) });
    expect(stdout.trim()).toBe("20000000");
  });

  it("checks the jump host's key as strictly, and names the host", async () => {
    const file = join(inner.directory, "strangers");
    const text = await readFile(await clientConfig("jump-edge", { inner: "ProxyJump edge" }), "utf8");
    await writeFile(file, text.replace(edge.knownHostsFile, middle.knownHostsFile));
    await expect(connect({ host: "inner" }, { configFile: file })).rejects.toMatchObject({
      code: "ssh/host-key-unknown",
      message: expect.stringMatching(/^jump host edge: no key is known/) as string,
    });
  });

  it("says when a jump host forbids it or cannot go on", async () => {
    await using closed = await startSshd({ config: ["AllowTcpForwarding no"] });
    const target = { host: "127.0.0.1", port: closed.port, proxyJump: "sshd" };
    await expect(connect(target, { configFile: closed.configFile })).rejects.toMatchObject({
      code: "ssh/forward-refused",
      message: expect.stringMatching(/^jump host sshd:/) as string,
    });
    await expect(connect({ ...target, port: 1, proxyJump: "edge" }, { configFile })).rejects.toMatchObject({
      code: "ssh/forward-refused",
    });
  });

  it("refuses a jump host that leads to itself", async () => {
    const file = await clientConfig("loop", { inner: "ProxyJump edge", edge: "ProxyJump edge" });
    await expect(connect({ host: "inner" }, { configFile: file })).rejects.toMatchObject({ code: "ssh/config" });
  });

  it("is lost when the jump host goes down", async () => {
    await using doomed = await startSshd();
    const target = { host: "inner", proxyJump: `ssh://127.0.0.1:${doomed.port}` };
    const file = join(doomed.directory, "both");
    await writeFile(file, await readFile(await clientConfig("plain", {}), "utf8"));
    const known = `${await readFile(doomed.knownHostsFile, "utf8")}${await readFile(inner.knownHostsFile, "utf8")}`;
    await writeFile(join(doomed.directory, "all_known"), known);
    await writeFile(file, `IdentityFile ${doomed.identityFile}\n${await readFile(file, "utf8")}`);
    await using connection = await connect(target, {
      configFile: file,
      knownHostsFiles: [join(doomed.directory, "all_known")],
    });
    const running = connection.run(["cat", "/dev/zero"]).catch((error: unknown) => error);
    const waiting = connection.run(["sleep", "60"]).catch((error: unknown) => error);
    await doomed.kill();
    expect(await connection.lost).toMatchObject({ code: "ssh/connection-lost" });
    await running;
    expect(await waiting).toMatchObject({ code: "ssh/connection-lost" });
  });

  it("speaks through a ProxyCommand", async () => {
    const command = `ProxyCommand ssh -F ${edge.configFile} -W %h:%p sshd`;
    const file = await clientConfig("proxied", { inner: command });
    await using connection = await connect({ host: "inner" }, { configFile: file });
    const { stdout } = await connection.run(["wc", "-c"], { stdin: Buffer.alloc(5_000_000) });
    expect(stdout.trim()).toBe("5000000");
  });

  it("says why a ProxyCommand failed", async () => {
    const file = await clientConfig("broken-proxy", { inner: "ProxyCommand sh -c 'echo no way >&2; exit 3'" });
    await expect(connect({ host: "inner" }, { configFile: file })).rejects.toMatchObject({
      code: "ssh/proxy-command",
      message: expect.stringMatching(/ended: exit code 3: no way/) as string,
    });
  });
});
