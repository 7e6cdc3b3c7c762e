import { execFileSync } from "node:child_process";
import { appendFile, chmod, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import fc from "fast-check";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { messageOf } from "#core";
import { readSettingsFromOpenSsh } from "../../src/ssh/config/openssh-config.ts";
import type { RawSettings } from "../../src/ssh/config/raw-settings.ts";
import { openSshFiles } from "../../src/ssh/config/ssh-files.ts";
import { sshdMissing } from "./sshd.ts";

const KEYWORDS = [
  ...["hostname", "user", "port", "identityfile", "identitiesonly", "identityagent", "hostkeyalias", "connecttimeout"],
  ...["proxyjump", "proxycommand", "userknownhostsfile", "globalknownhostsfile"],
];
const HOSTS = ["web-1", "web-2", "WEB-1", "db", "edge"];

let folder = "";
let configFile = "";

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "skep-ssh-files-"));
  configFile = join(folder, "config");
});

afterAll(async () => {
  await rm(folder, { recursive: true });
});

/** What was changed just now is not trusted to stay as it is: here everything was changed long ago. */
const later = { now: () => Date.now() + 60_000 };

/** What was answered, or why there is no answer. */
async function outcomeOf(asking: Promise<RawSettings | undefined>): Promise<unknown> {
  try {
    const settings = await asking;
    return Object.fromEntries(KEYWORDS.map((keyword) => [keyword, settings?.all(keyword)]));
  } catch (error) {
    return messageOf(error);
  }
}

describe.skipIf(sshdMissing !== undefined)("openSshFiles()", () => {
  const path = process.env.PATH;
  const asked = async (): Promise<string[]> => {
    const text = await readFile(join(folder, "asked"), "utf8").catch(() => "");
    return text.split("\n").slice(0, -1);
  };

  beforeEach(async () => {
    await rm(join(folder, "asked"), { force: true });
    await mkdir(join(folder, "bin"), { recursive: true });
    const real = execFileSync("sh", ["-c", "command -v ssh"], { encoding: "utf8" }).trim();
    // Notes who was asked about: the last argument.
    const noting = `#!/bin/sh\nfor last; do :; done\necho "$last" >>"${join(folder, "asked")}"\nexec ${real} "$@"\n`;
    await writeFile(join(folder, "bin", "ssh"), noting);
    await chmod(join(folder, "bin", "ssh"), 0o755);
    process.env.PATH = [join(folder, "bin"), path].join(delimiter);
  });

  afterEach(() => {
    process.env.PATH = path;
  });

  it("asks ssh once for all hosts that the same blocks are about", async () => {
    await writeFile(configFile, "Host web-*\n  User deploy\n  Port 2201\nHost *\n  User everybody\n");
    const files = openSshFiles({ clock: later });
    const settings = await Promise.all(
      ["web-1", "web-2", "db-1", "web-3", "db-2"].map((host) => files.askOpenSsh({ host }, { configFile })),
    );
    const told = settings.map((one) => [one?.first("hostname"), one?.first("user"), one?.first("port")].join(" "));
    expect(told).toEqual([
      "web-1 deploy 2201",
      "web-2 deploy 2201",
      "db-1 everybody 22",
      "web-3 deploy 2201",
      "db-2 everybody 22",
    ]);
    // Which of them is the first to be asked about is all the same.
    expect((await asked()).map((host) => host.replace(/-\d$/, "")).sort()).toEqual(["db", "web"]);
  });

  it("asks anew when a file has changed, also one that is included", async () => {
    const included = join(folder, "included");
    await writeFile(included, "User anna\n");
    await writeFile(configFile, `Include ${folder}/incl*\n`);
    const files = openSshFiles({ clock: later });
    const user = async (): Promise<string | undefined> =>
      (await files.askOpenSsh({ host: "web-1" }, { configFile }))?.first("user");
    expect([await user(), await user()]).toEqual(["anna", "anna"]);
    expect(await asked()).toHaveLength(1);
    await writeFile(included, "User berta\n");
    expect(await user()).toBe("berta");
    await writeFile(join(folder, "incl-before"), "User clara\n");
    expect(await user()).toBe("clara");
    await rm(join(folder, "incl-before"));
    await rm(included);
  });

  it("does not take a file for settled that was changed a moment ago", async () => {
    await writeFile(configFile, "User anna\n");
    const files = openSshFiles({ clock: { now: () => 0 } });
    for (const host of ["web-1", "web-2"]) await files.askOpenSsh({ host }, { configFile });
    expect(await asked()).toEqual(["web-1", "web-2"]);
  });

  it("does not remember that it failed", async () => {
    await writeFile(configFile, "NoSuchKeyword yes\n");
    const files = openSshFiles({ clock: later });
    const ask = () => files.askOpenSsh({ host: "web-1" }, { configFile });
    await expect(ask()).rejects.toThrow("Bad configuration option");
    await expect(ask()).rejects.toThrow("Bad configuration option");
    expect(await asked()).toHaveLength(2);
  });

  it("tells of each host by its own name what went wrong", async () => {
    await writeFile(configFile, "NoSuchKeyword yes\n");
    const files = openSshFiles({ clock: later });
    const asking = ["web-1", "web-2"].map((host) => outcomeOf(files.askOpenSsh({ host }, { configFile })));
    const [first, second] = await Promise.all(asking);
    expect(first).toContain("for web-1: ");
    expect(second).toContain("for web-2: ");
  });

  it("goes on for others when one who waits gives up", async () => {
    await writeFile(configFile, "User anna\n");
    const files = openSshFiles({ clock: later });
    const impatient = new AbortController();
    const one = files.askOpenSsh({ host: "web-1" }, { configFile, signal: impatient.signal });
    const other = files.askOpenSsh({ host: "web-2" }, { configFile });
    impatient.abort(new Error("tired"));
    await expect(one).rejects.toThrow("tired");
    expect((await other)?.first("hostname")).toBe("web-2");
  });

  it.each([
    "HostName web-1",
    "HostName %h.example.org",
    "ProxyJump web-1",
    "Host web-*\nPort 2201",
    "Host * !web-1\nPort 2201",
    `Match exec "test %n = web-1"\nPort 2201`,
    "Match originalhost db\nPort 2201",
    '"Match" originalhost db\nPort 2201',
  ])("tells hosts apart as ssh does: %j", async (text) => {
    await writeFile(configFile, `${text}\n`);
    const files = openSshFiles({ clock: later });
    for (const host of ["web-1", "db", "web-2"]) {
      const own = await outcomeOf(readSettingsFromOpenSsh({ host }, { configFile }));
      expect(await outcomeOf(files.askOpenSsh({ host }, { configFile }))).toEqual(own);
    }
  });

  it("says of every host what ssh itself says of it, whatever the configuration", async () => {
    const patterns = fc.constantFrom(
      "*",
      "web-*",
      "web-1",
      "!web-2 *",
      "db,edge",
      '"web-2"',
      "w?b-1 # db",
      "*-1 !web-1",
    );
    const header = fc.oneof(
      { weight: 5, arbitrary: patterns.map((pattern) => `Host ${pattern}`) },
      fc.constantFrom(
        "Host=web-1",
        "hOST\tdb",
        "Match all",
        "Match host web-*",
        "Match originalhost db",
        "Match user deploy",
      ),
      fc.constant(`Match exec "test %n = web-1"`),
    );
    const directive = fc.oneof(
      fc.constantFrom("HostName %h.example.org", "HostName web-1", "HostName 10.0.0.7", "hostname=db.example.org"),
      fc.constantFrom("User deploy", "User anna", "Port 2201", "Port 2202", "IdentitiesOnly yes", "ConnectTimeout 7"),
      fc.constantFrom("IdentityFile ~/keys/%h", "IdentityFile ~/keys/a", "IdentityAgent none", "HostKeyAlias web"),
      fc.constantFrom("ProxyJump edge", "ProxyJump web-1:22", "ProxyCommand nc %h %p", "ProxyJump none"),
      fc.constantFrom(
        "UserKnownHostsFile ~/a ~/b",
        "UserKnownHostsFile ~/of-%n",
        "# Host web-1",
        "ControlPath ~/%r@%h",
      ),
      fc.constant(`Include ${folder}/more`),
    );
    const block = fc
      .tuple(header, fc.array(directive, { minLength: 1, maxLength: 3 }))
      .map(([first, rest]) => [first, ...rest]);
    const config = fc
      .tuple(fc.array(directive, { maxLength: 2 }), fc.array(block, { maxLength: 4 }))
      .map(([top, blocks]) => [...top, ...blocks.flat()].join("\n"));
    const target = fc.record(
      { host: fc.constantFrom(...HOSTS), user: fc.constant("root"), port: fc.constant(2222) },
      { requiredKeys: ["host"] },
    );
    await fc.assert(
      fc.asyncProperty(config, block, fc.array(target, { minLength: 3, maxLength: 5 }), async (text, more, targets) => {
        await writeFile(configFile, `${text}\n`);
        await writeFile(join(folder, "more"), `${more.filter((line) => !line.startsWith("Include")).join("\n")}\n`);
        const files = openSshFiles({ clock: later });
        const shared: unknown[] = [];
        for (const one of targets) shared.push(await outcomeOf(files.askOpenSsh(one, { configFile })));
        const own = targets.map((one) => outcomeOf(readSettingsFromOpenSsh(one, { configFile })));
        expect(shared).toEqual(await Promise.all(own));
      }),
      { numRuns: 60 },
    );
  });

  it("reads a known_hosts file once, and again when a line was added", async () => {
    const file = join(folder, "known_hosts");
    const key = "AAAAC3NzaC1lZDI1NTE5AAAAIHJ4i9xTJZOEBE5SW0H0F1AT0AZsFjmJ3SrRKFuAilsM";
    await writeFile(file, `web-1 ssh-ed25519 ${key}\n`);
    const files = openSshFiles({ clock: later });
    const first = await files.readKnownHosts(file);
    expect(await files.readKnownHosts(file)).toBe(first);
    await appendFile(file, `web-2 ssh-ed25519 ${key}\n`);
    const second = await files.readKnownHosts(file);
    expect(second.map((line) => line.matches("web-2"))).toEqual([false, true]);
    await rm(file);
    await expect(files.readKnownHosts(file)).rejects.toThrow("ENOENT");
  });
});
