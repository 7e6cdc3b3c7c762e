import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { chmod, rm, writeFile } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Argv } from "#core";
import { connect, elevations } from "#ssh";
import type { Connection } from "#ssh";
import { sshdMissing, startSshd } from "./sshd.ts";
import type { Sshd } from "./sshd.ts";

describe("elevations.sudo", () => {
  const failed = { exitCode: 1 } as const;

  it("asks for no password and ends its own options", () => {
    expect(elevations.sudo.wrap(["-n", "x y"])).toEqual(["sudo", "-n", "--", "-n", "x y"]);
  });

  it.each([
    "sudo: a password is required\n",
    "sudo: unable to resolve host web-1: Name or service not known\nsudo: a password is required\n",
    "sudo: a terminal is required to read the password; either use the -S option\nsudo: a password is required\n",
    "sudo: sorry, you must have a tty to run sudo\n",
    "deploy is not in the sudoers file.\nThis incident has been reported to the administrator.\n",
    "Sorry, user deploy is not allowed to execute '/bin/id' as root on web-1.\n",
    "Sorry, user deploy may not run sudo on web-1.\n",
  ])("knows a refusal: %j", (stderr) => {
    expect(elevations.sudo.refusal(failed, stderr)).toMatchObject({
      code: "ssh/elevation",
      hint: expect.stringContaining("NOPASSWD") as string,
    });
  });

  it("knows a missing sudo", () => {
    const error = elevations.sudo.refusal({ exitCode: 127 }, "sh: 1: sudo: not found\n");
    expect(error).toMatchObject({ code: "ssh/elevation", hint: expect.stringContaining("install sudo") as string });
  });

  it("does not take a command's own failure for a refusal", () => {
    const warning = "sudo: unable to resolve host web-1: Name or service not known\n";
    expect(elevations.sudo.refusal(failed, warning)).toBeUndefined();
    expect(elevations.sudo.refusal({ exitCode: 4 }, "sudo: a password is required\n")).toBeUndefined();
    expect(elevations.sudo.refusal({ exitCode: 127 }, "sh: 1: frobnicate: not found\n")).toBeUndefined();
    expect(elevations.sudo.refusal({ exitCode: null, signal: "KILL" }, "sudo: a password is required")).toBeUndefined();
  });
});

const cannotMakeUsers =
  sshdMissing ??
  (process.getuid?.() === 0 ? undefined : "only root can make accounts") ??
  (isInstalled("useradd") ? undefined : "useradd is not installed");

describe.skipIf(cannotMakeUsers !== undefined)("Connection.elevated of a user who is not root", () => {
  const allowed = `skep-${process.pid}-a`;
  const stranger = `skep-${process.pid}-s`;
  const sudoers = `/etc/sudoers.d/${allowed}`;
  const hasSudo = isInstalled("sudo") && existsSync("/etc/sudoers.d");
  let sshd: Sshd;

  beforeAll(async () => {
    sshd = await startSshd({ users: [allowed, stranger] });
    if (!hasSudo) return;
    await writeFile(sudoers, `${allowed} ALL=(ALL) NOPASSWD: ALL\n`);
    await chmod(sudoers, 0o440);
  });

  afterAll(async () => {
    await rm(sudoers, { force: true });
    await sshd[Symbol.asyncDispose]();
  });

  function logIn(user: string): Promise<Connection> {
    return connect({ host: "sshd", user, elevation: elevations.sudo }, { configFile: sshd.configFile });
  }

  it.skipIf(!hasSudo)("runs commands as root, words and input as they are", async () => {
    await using connection = await logIn(allowed);
    expect((await connection.run(["id", "-u"])).stdout).not.toBe("0\n");
    expect((await connection.elevated.run(["id", "-u"])).stdout).toBe("0\n");
    const odd = ["--", "a b", "$HOME", ""];
    expect((await connection.elevated.run(["printf", "%s|", ...odd], {})).stdout).toBe("--|a b|$HOME||");
    expect((await connection.elevated.run(["cat"], { stdin: "in" })).stdout).toBe("in");
    expect((await connection.elevated.run(["sh", "-c", "exit 1"])).exit).toEqual({ exitCode: 1 });
  });

  it.skipIf(!hasSudo)("says that sudo refused, to those who run and to those who open", async () => {
    await using connection = await logIn(stranger);
    const refusal = expect.objectContaining({
      code: "ssh/elevation",
      hint: expect.stringContaining("NOPASSWD") as string,
    }) as Error;
    await expect(connection.elevated.run(["id"])).rejects.toEqual(refusal);
    await using channel = await connection.elevated.open(["cat"]);
    await expect(channel.exited).rejects.toEqual(refusal);
  });

  it.skipIf(hasSudo)("says that there is no sudo", async () => {
    await using connection = await logIn(stranger);
    await expect(connection.elevated.run(["id"])).rejects.toMatchObject({ code: "ssh/elevation" });
  });

  it("ends a command that is given up", async () => {
    await using connection = await logIn(stranger);
    const sleep = `sleep 30.${process.pid}`;
    const channel = await connection.open(["sh", "-c", `${sleep}; true`]);
    await channel[Symbol.asyncDispose]();
    const probe: Argv = ["sh", "-c", `for i in 1 2 3 4 5 6 7 8 9; do pgrep -fx '${sleep}' || exit 7; sleep 0.2; done`];
    expect((await connection.run(probe)).exit).toEqual({ exitCode: 7 });
  });
});

function isInstalled(program: string): boolean {
  try {
    execFileSync("sh", ["-c", `command -v ${program}`], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}
