import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { homedir, tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readSettingsFromFiles } from "../../src/ssh/config/config-file.ts";
import { readSettingsFromOpenSsh } from "../../src/ssh/config/openssh-config.ts";
import { resolveSettings } from "../../src/ssh/config/settings.ts";
import { sshdMissing } from "./sshd.ts";

let folder = "";
let configFile = "";

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "skep-settings-"));
  configFile = join(folder, "config");
  await mkdir(join(folder, "conf.d"));
  await writeFile(join(folder, "conf.d", "10-edge.conf"), "Host edge\n  Port 2210\n");
  await writeFile(join(folder, "conf.d", "20-edge.conf"), "Host edge\n  Port 2220\n  User surfer\n");
  await writeFile(join(folder, "conf.d", ".hidden.conf"), "User nobody\n");
  await writeFile(join(folder, "only-db"), "User postgres\nIdentityFile ~/keys/%r@%h\n");
  await writeFile(
    configFile,
    `
Include ${join(folder, "conf.d", "*.conf")} ${join(folder, "not-there")}
Host web-* !web-9
  HostName %h.example.org
  User "deploy"
  Port=2201
  IdentityFile ~/.ssh/web
  IdentityFile "~/keys/%n-%p"
  IdentitiesOnly yes
  IdentityAgent none
  UserKnownHostsFile ~/known_a ${folder}/known_b
  HostKeyAlias web
  ProxyJump admin@edge:2222,inner
  ConnectTimeout 7
Host db-1
  Include ${join(folder, "only-db")}
  HostName 10.0.0.7
Match originalhost db-1 user postgres
  Port 5432
Match host 10.0.0.7 !user postgres
  Port 1
Match originalhost db-1 !user postgres
  ProxyJump wrong
Match originalhost edge !user postgres
  HostName edge.example.org
Host old
  ProxyCommand nc -X 5 %h %p --as %r
Host *
  User everybody
  GlobalKnownHostsFile none
`,
  );
});

afterAll(async () => {
  await rm(folder, { recursive: true });
});

describe("resolveSettings()", () => {
  it("takes everything from ssh_config, expanded", async () => {
    expect(await resolveSettings({ host: "web-1" }, { configFile })).toEqual({
      hostname: "web-1.example.org",
      port: 2201,
      user: "deploy",
      identityFiles: [join(homedir(), ".ssh/web"), join(homedir(), "keys/web-1-2201")],
      identitiesOnly: true,
      identityAgent: undefined,
      proxyJump: "admin@edge:2222,inner",
      proxyCommand: undefined,
      userKnownHostsFiles: [join(homedir(), "known_a"), join(folder, "known_b")],
      globalKnownHostsFiles: [],
      hostKeyAlias: "web",
      connectTimeoutMs: 7_000,
    });
  });

  it("lets what the target says win", async () => {
    const target = { host: "web-1", user: "root", port: 22, identityFiles: ["/k"], proxyJump: "none" };
    const settings = await resolveSettings(target, { configFile, knownHostsFiles: ["/known"] });
    expect(settings).toMatchObject({
      user: "root",
      port: 22,
      identityFiles: ["/k"],
      proxyJump: undefined,
      userKnownHostsFiles: ["/known"],
    });
  });

  it("expands a ProxyCommand, unless the target says how to get there", async () => {
    const settings = await resolveSettings({ host: "old" }, { configFile });
    expect(settings.proxyCommand).toBe("nc -X 5 old 22 --as everybody");
    const direct = await resolveSettings({ host: "old", proxyJump: "none" }, { configFile });
    expect(direct).toMatchObject({ proxyCommand: undefined, proxyJump: undefined });
  });

  it.each(["", "-oProxyCommand=reboot", "web 1", "web\n1", "web;reboot", "$(reboot)"])(
    "refuses %j as a host",
    async (host) => {
      await expect(resolveSettings({ host }, { configFile })).rejects.toMatchObject({ code: "ssh/config" });
    },
  );

  it("says what is wrong with a configuration", async () => {
    const broken = join(folder, "broken");
    await writeFile(broken, "Host *\n  Port ninety\n");
    await expect(resolveSettings({ host: "web-1" }, { configFile: broken })).rejects.toMatchObject({
      code: "ssh/config",
      message: expect.stringContaining("ninety") as string,
    });
    await expect(resolveSettings({ host: "web-1" }, { configFile: join(folder, "gone") })).rejects.toMatchObject({
      code: "ssh/config",
      message: expect.stringContaining("gone") as string,
    });
  });
});

describe.skipIf(sshdMissing !== undefined)("readSettingsFromFiles()", () => {
  const keywords = ["hostname", "user", "port", "identitiesonly", "identityagent", "proxyjump", "proxycommand"];

  it.each([{ host: "web-1" }, { host: "web-9" }, { host: "edge" }, { host: "db-1" }, { host: "old" }, { host: "x.y" }])(
    "reads for $host what OpenSSH reads",
    async (target) => {
      const theirs = (await readSettingsFromOpenSsh(target, { configFile }))!;
      const ours = await readSettingsFromFiles(target, { configFile });
      const defaults: Record<string, string> = { hostname: target.host, port: "22", identitiesonly: "no" };
      for (const keyword of keywords) {
        const value = ours.first(keyword)?.replace("%h", target.host) ?? defaults[keyword];
        expect({ [keyword]: value }).toEqual({ [keyword]: theirs.first(keyword)?.replace("%h", target.host) });
      }
      expect(ours.all("userknownhostsfile").map((file) => file.replace("~", homedir()))).toEqual(
        theirs.all("userknownhostsfile"),
      );
      const named = theirs.all("identityfile").filter((file) => !/id_(\w+_sk|xmss|dsa)$/.test(file));
      expect(ours.all("identityfile")).toEqual(named);
    },
  );

  it("stands in where OpenSSH's client is not installed", async () => {
    const path = process.env.PATH;
    const withClient = await resolveSettings({ host: "web-1" }, { configFile });
    process.env.PATH = folder;
    try {
      expect(await readSettingsFromOpenSsh({ host: "web-1" }, { configFile })).toBeUndefined();
      expect(await resolveSettings({ host: "web-1" }, { configFile })).toEqual(withClient);
    } finally {
      process.env.PATH = path;
    }
  });

  it("refuses files that include each other without end", async () => {
    const loop = join(folder, "loop");
    await writeFile(loop, `Include ${loop}\n`);
    await expect(readSettingsFromFiles({ host: userInfo().username }, { configFile: loop })).rejects.toMatchObject({
      code: "ssh/config",
    });
  });
});
