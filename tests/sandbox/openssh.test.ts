import { execFile, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Sandbox } from "#sandbox";
import { startSandbox } from "#sandbox";

const run = promisify(execFile);
const isMissing = spawnSync("ssh", ["-V"]).error !== undefined;

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await startSandbox({ hosts: ["web-1", "web-2"] });
});
afterAll(() => sandbox[Symbol.asyncDispose]());

/** What a real `ssh` with the sandbox's configuration printed, and how it ended. */
async function ssh(...args: readonly string[]): Promise<{ stdout: string; stderr: string; code: number }> {
  try {
    return { ...(await run("ssh", ["-F", sandbox.sshConfigFile, ...args])), code: 0 };
  } catch (error) {
    return error as { stdout: string; stderr: string; code: number };
  }
}

// Skipped where no OpenSSH client is installed.
describe.skipIf(isMissing)("OpenSSH's client on a sandbox host", () => {
  it("runs commands on the host it names", async () => {
    expect(await ssh("web-2", 'echo "$SKEP_HOST"; echo err >&2; exit 3')).toMatchObject({
      stdout: "web-2\n",
      stderr: "err\n",
      code: 3,
    });
  });

  it("sees a command ended by a signal", async () => {
    const { code, stderr } = await ssh("-v", "web-1", "kill -TERM $$");
    expect([code, /rtype exit-\w+/.exec(stderr)?.[0]]).toEqual([255, "rtype exit-signal"]);
  });

  it("streams both ways", async () => {
    const child = spawn("ssh", ["-F", sandbox.sshConfigFile, "web-1", "cat; echo end >&2"]);
    const [output, errors] = [text(child.stdout), text(child.stderr)];
    child.stdin.end("bee".repeat(5_000_000));
    expect((await output).length).toBe(15_000_000);
    expect(await errors).toBe("end\n");
  });

  it("gets a shell without a terminal", async () => {
    const child = spawn("ssh", ["-F", sandbox.sshConfigFile, "web-1"], { stdio: ["pipe", "pipe", "ignore"] });
    const output = text(child.stdout);
    child.stdin.end("cd etc && pwd\nexit 5\n");
    const [code] = (await once(child, "exit")) as [number];
    expect([code, await output]).toEqual([5, `${sandbox.host("web-1").root}/etc\n`]);
  });

  it("is told no to a terminal and to subsystems", async () => {
    expect((await ssh("-tt", "web-1", "true")).stderr).toContain("PTY allocation request failed");
    expect(await ssh("-s", "web-1", "sftp")).toMatchObject({
      stderr: expect.stringContaining("subsystem request failed") as string,
    });
  });

  it("shares one connection among many sessions, ten at most", async () => {
    const control = `${sandbox.folder}/control`;
    const master = spawn("ssh", ["-F", sandbox.sshConfigFile, "-MNS", control, "web-1"], { stdio: "ignore" });
    const through = (command: string) =>
      ssh("-S", control, "-o", "ControlMaster=no", "-o", "ProxyCommand=false", "web-1", command);
    try {
      await expect.poll(async () => (await through("echo shared")).stdout, { timeout: 10_000 }).toBe("shared\n");
      await ssh("web-1", "mkfifo gate");
      const sleeping = Array.from({ length: 10 }, () => through("echo >>at-gate; read -r _ <gate"));
      await ssh("web-1", "until [ $(cat at-gate | wc -l) -eq 10 ]; do sleep 0.05; done");
      expect((await through("echo eleventh")).stderr).toContain("refused by peer");
      const opening = ssh("web-1", "exec 3<>gate; yes | head -n 10 >&3; until [ -e all-read ]; do sleep 0.05; done");
      for (const session of sleeping) expect((await session).code).toBe(0);
      await ssh("web-1", "touch all-read");
      expect((await opening).code).toBe(0);
    } finally {
      master.kill();
      await once(master, "exit");
    }
  });

  it("keeps a connection with its own keepalives", async () => {
    const { stdout } = await ssh(
      "-o",
      "ServerAliveInterval=1",
      "-o",
      "ServerAliveCountMax=1",
      "web-1",
      "sleep 3; echo there",
    );
    expect(stdout).toBe("there\n");
  });

  it("logs in to nothing with another key", async () => {
    await using other = await startSandbox({ hosts: ["other"] });
    const args = ["-F", "none", "-i", other.identityFile, "-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes"];
    const { port } = sandbox.host("web-1");
    const known = `UserKnownHostsFile=${sandbox.knownHostsFile}`;
    expect(await ssh(...args, "-o", known, "-p", String(port), "root@127.0.0.1", "true")).toMatchObject({
      code: 255,
      stderr: expect.stringContaining("Permission denied (publickey)") as string,
    });
  });
});
