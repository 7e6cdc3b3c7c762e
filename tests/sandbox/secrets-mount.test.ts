import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, readlink, rm, stat, statfs, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { describe, expect, it } from "vitest";
import { startSandbox } from "#sandbox";
import { placeWord } from "../../src/sandbox/systemd/place-words.ts";
import { resolveInRoot } from "../../src/sandbox/resolve-in-root.ts";
import { makeTmpfsFolder } from "../../src/sandbox/tmpfs-folder.ts";
import { logIn, sh } from "./log-in.ts";
import { startTypeScript } from "./typescript-process.ts";

const PLACE = "run/skep/secrets.d";
const TMPFS = 0x01021994;

// macOS has no tmpfs.
describe.skipIf(process.platform !== "linux")("/run/skep/secrets.d of a sandbox host", () => {
  it("is in memory, empty, and lets others pass through it", async () => {
    await using sandbox = await startSandbox({ hosts: ["web-1", "db-1"] });
    const places = new Set<string>();
    for (const { root } of sandbox.hosts) {
      const place = join(root, PLACE);
      places.add(await readlink(place));
      expect((await statfs(place)).type).toBe(TMPFS);
      expect((await stat(place)).mode & 0o777).toBe(0o751);
      expect(await readdir(place)).toEqual([]);
    }
    expect(places.size).toBe(2);
  });

  it("is a new one after a reboot, and nothing is left of the old one", async () => {
    await using sandbox = await startSandbox({ hosts: ["web-1"] });
    const { root } = sandbox.host("web-1");
    const before = await readlink(join(root, PLACE));
    await writeFile(join(root, PLACE, "secret"), "");
    await sandbox.host("web-1").reboot();
    expect(existsSync(before)).toBe(false);
    expect(await readlink(join(root, PLACE))).not.toBe(before);
    expect(await readdir(join(root, PLACE))).toEqual([]);
  });

  it("is gone with the sandbox", async () => {
    const sandbox = await startSandbox({ hosts: ["web-1"] });
    const folder = await readlink(join(sandbox.host("web-1").root, PLACE));
    await writeFile(join(folder, "secret"), "");
    await sandbox[Symbol.asyncDispose]();
    expect(existsSync(join(folder, ".."))).toBe(false);
  });

  it("is gone with the process, however that ends", async () => {
    const child = startTypeScript(`
      const { startSandbox } = await load("#sandbox");
      const { hosts: [{ root }] } = await startSandbox({ hosts: ["web-1"] });
      console.log(root);`);
    const exited = once(child, "exit");
    const [root] = (await once(createInterface(child.stdout), "line")) as [string];
    const folder = await readlink(join(root, PLACE));
    expect(existsSync(folder)).toBe(true);
    child.kill("SIGKILL");
    await exited;
    await expect.poll(() => existsSync(join(folder, "..")), { timeout: 10_000, interval: 20 }).toBe(false);
  });

  it("is swept up by the next sandbox when nobody else could; those in use stay", async () => {
    const used = await makeTmpfsFolder();
    if (used === undefined) throw new Error("this machine has no tmpfs");
    const child = startTypeScript("console.log(process.pid)");
    const [pid] = (await once(createInterface(child.stdout), "line")) as [string];
    await once(child, "exit");
    const left = await mkdtemp(used.replace(/\d+-\w+$/, `${pid}-`));
    const other = await mkdtemp(used.replace(/skep-sandbox-\d+-\d+-\w+$/, `skep-sandbox-1-${pid}-`));
    try {
      await mkdir(join(left, "web-1/1"), { recursive: true });
      await using _sandbox = await startSandbox({ hosts: ["web-1"] });
      expect([left, used, other].map((folder) => existsSync(folder))).toEqual([false, true, true]);
    } finally {
      for (const folder of [used, other]) await rm(folder, { recursive: true });
    }
  });

  it("is where services find what their units say", async () => {
    await using sandbox = await startSandbox({ hosts: ["web-1"] });
    const host = sandbox.host("web-1");
    await using connection = await logIn(host);
    await sh(
      connection,
      "cd run/skep && mkdir -p secrets.d/1/db && echo hunter2 >secrets.d/1/db/password && ln -s secrets.d/1 secrets",
    );
    expect(await resolveInRoot(host.root, "/run/skep/secrets/db")).toBe(join(host.root, PLACE, "1/db"));
    // As the host has it: the link may lead to a newer one the next time that it is read.
    expect(await placeWord(host.root, "/run/skep/secrets/db/password")).toBe(
      join(host.root, "run/skep/secrets/db/password"),
    );
    await writeFile(
      join(host.root, "etc/systemd/system/reads.service"),
      "[Service]\nType=oneshot\nEnvironment=FILE=/run/skep/secrets/db/password\nExecStart=/bin/cat /run/skep/secrets/db/password\nExecStart=/bin/sh -c 'cat $FILE'\n",
    );
    expect((await sh(connection, "systemctl start reads")).stderr).toBe("");
    expect(await readFile(join(host.root, "var/log/reads.service.log"), "utf8")).toBe("hunter2\nhunter2\n");
  });
});
