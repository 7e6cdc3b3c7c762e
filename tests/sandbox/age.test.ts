import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdir, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { CommandResult } from "#core";
import type { Sandbox, SandboxHost } from "#sandbox";
import { startSandbox } from "#sandbox";
import { parseRecipient, sealBytes } from "#secrets";
import type { Connection } from "#ssh";
import { logIn, sh } from "./log-in.ts";

const hasAge = spawnSync("age", ["--version"]).error === undefined;
const KEY = "etc/ssh/ssh_host_ed25519_key";

let sandbox: Sandbox;
let host: SandboxHost;
let connection: Connection;
/** Where the tests work on the host. */
let work: string;

beforeAll(async () => {
  sandbox = await startSandbox({ hosts: ["web-1", "db-1"] });
  host = sandbox.host("web-1");
  connection = await logIn(host);
  work = join(host.root, "work");
});
afterAll(async () => {
  await connection[Symbol.asyncDispose]();
  await sandbox[Symbol.asyncDispose]();
});
beforeEach(async () => {
  await rm(work, { recursive: true, force: true });
  await mkdir(work);
});

const seal = async (content: string | Buffer, to = host): Promise<Buffer> =>
  sealBytes(Buffer.from(content), [await parseRecipient(to.target.hostKey)]);

/** Runs `age` in the folder of work. */
const age = (...args: readonly string[]): Promise<CommandResult> => sh(connection, 'cd work && exec age "$@"', ...args);

describe("age on a sandbox host", () => {
  it("is not this machine's", async () => {
    expect((await sh(connection, "for name in age rage age-keygen; do command -v $name; done")).stdout).toBe(
      `${host.root}/run/skep-sandbox/bin/age\n`,
    );
    expect((await age("--version")).stdout).toBe("(skep sandbox)\n");
  });

  it("opens a file with the host's own key, into a file that only its owner may read", async () => {
    await writeFile(join(work, "password.age"), await seal("hunter2\n"));
    const { exit, stdout, stderr } = await age("-d", "-i", `../${KEY}`, "-o", "password", "password.age");
    expect({ exit, stdout, stderr }).toEqual({ exit: { exitCode: 0 }, stdout: "", stderr: "" });
    expect(await readFile(join(work, "password"), "utf8")).toBe("hunter2\n");
    expect((await stat(join(work, "password"))).mode & 0o777).toBe(0o600);
  });

  it("takes its flags as age does, and tries each of its identities", async () => {
    await writeFile(join(work, "password.age"), await seal("hunter2\n"));
    const other = join(sandbox.host("db-1").root, KEY);
    for (const args of [
      ["--decrypt", "--identity", other, "--identity", `../${KEY}`, "--output", "password", "password.age"],
      ["-decrypt", `--identity=../${KEY}`, "-i", other, "--output=password", "--", "password.age"],
    ]) {
      expect((await age(...args)).stderr).toBe("");
      expect(await readFile(join(work, "password"), "utf8")).toBe("hunter2\n");
      await rm(join(work, "password"));
    }
  });

  it("opens what comes on standard input and prints it on standard output, of any size", async () => {
    for (const size of [0, 1, 65_536, 3_000_001]) {
      const content = randomBytes(size).toString("base64").slice(0, size);
      const script = `age -d -i ${KEY} - && age -d -i ${KEY} -o - sealed`;
      const sealed = await seal(content);
      await writeFile(join(host.root, "sealed"), sealed);
      const { stdout, stderr } = await connection.run(["sh", "-c", script], { stdin: sealed });
      expect(stderr).toBe("");
      expect(stdout === content + content).toBe(true);
    }
  });

  it("leaves standard input to others when it is given a file", async () => {
    await writeFile(join(work, "password.age"), await seal("hunter2\n"));
    const script = `while read -r name; do age -d -i ${KEY} work/password.age; echo "$name"; done`;
    const { stdout } = await connection.run(["sh", "-c", script], { stdin: "one\ntwo\n" });
    expect(stdout).toBe("hunter2\none\nhunter2\ntwo\n");
  });

  it("says what is wrong in age's words, and makes no output", async () => {
    await writeFile(join(work, "theirs.age"), await seal("theirs", sandbox.host("db-1")));
    const ours = await seal("ours");
    await writeFile(join(work, "ours.age"), ours);
    await writeFile(join(work, "cut.age"), ours.subarray(0, -1));
    await writeFile(join(work, "text"), "no age file");
    const key = ["-d", "-i", `../${KEY}`, "-o", "out"];
    const cases: readonly (readonly [args: readonly string[], exitCode: number, stderr: string | RegExp])[] = [
      [[...key, "theirs.age"], 1, "age: error: no identity matched any of the recipients\n"],
      [["-d", "-o", "out", "ours.age"], 1, "age: error: no identity matched any of the recipients\n"],
      [
        [...key, "none.age"],
        1,
        'age: error: failed to open input file "none.age": open none.age: no such file or directory\n',
      ],
      [
        [...key, "-i", "none", "ours.age"],
        1,
        'age: error: reading "none": failed to open file: open none: no such file or directory\n',
      ],
      [[...key, "cut.age"], 1, /^age: error: \P{Lu}.*\n$/u],
      [[...key, "text"], 1, /^age: error: \P{Lu}.*\n$/u],
      [["-d", "-i", "text", "-o", "out", "ours.age"], 1, /^age: error: reading "text": .*\n$/],
      [[...key.slice(0, 3), "-o", "none/out", "ours.age"], 1, "age: error: open none/out: no such file or directory\n"],
      [[...key, "ours.age", "theirs.age"], 1, 'age: error: too many INPUT arguments: "ours.age" "theirs.age"\n'],
      [["-d", "--armour"], 2, /^flag provided but not defined: -armour\nUsage:/],
      [["-d", "-i"], 2, /^flag needs an argument: -i\nUsage:/],
      [["text"], 1, /^Usage:/],
    ];
    for (const [args, exitCode, message] of cases) {
      const { exit, stdout, stderr } = await age(...args);
      expect({ exit, stdout }).toEqual({ exit: { exitCode }, stdout: "" });
      if (typeof message === "string") expect(stderr).toBe(message);
      else expect(stderr).toMatch(message);
    }
    expect(await readdir(work)).not.toContain("out");
  });

  it("serves many callers at once, and leaves nothing of them", async () => {
    for (let at = 0; at < 20; at += 1) await writeFile(join(work, `${at}.age`), await seal(`secret ${at}`));
    const { stdout } = await sh(
      connection,
      `for i in $(seq 0 19); do age -d -i ${KEY} -o work/$i work/$i.age & done; wait; ls run/skep-sandbox/calls`,
    );
    expect(stdout).toBe("calls\n");
    for (let at = 0; at < 20; at += 1) expect(await readFile(join(work, String(at)), "utf8")).toBe(`secret ${at}`);
  });

  it("keeps plaintext from every file but its output", async () => {
    const poison = `poison-${randomBytes(12).toString("hex")}`;
    // Too much for the pipe: the call is under way while it is looked for.
    await writeFile(join(work, "poison.age"), await seal(`${poison}\n`.repeat(20_000)));
    const script = `age -d -i ${KEY} work/poison.age | { read -r line; echo "$line"; ls run/skep-sandbox/calls; find run -type f -exec grep -l "$1" {} + ; cat >work/planted; }`;
    const { stdout } = await sh(connection, script, poison);
    expect(stdout).toMatch(new RegExp(`^${poison}\n\\d+\n\\d+\\.done\ncalls\n$`));
    const found = spawnSync("grep", ["-rl", "--devices=skip", "-e", poison, sandbox.folder], { encoding: "utf8" });
    expect(found.stdout).toBe(`${join(work, "planted")}\n`);
  });
});

// Skipped where age is not installed.
describe.skipIf(!hasAge)("the real age", () => {
  it("opens with a sandbox host's key what was sealed to its public half", async () => {
    const path = join(host.root, KEY);
    const sealed = spawnSync("age", ["-R", `${path}.pub`], { input: "hunter2\n" }).stdout;
    expect(spawnSync("age", ["-d", "-i", path], { input: sealed, encoding: "utf8" }).stdout).toBe("hunter2\n");
    const { stdout } = await connection.run(["age", "-d", "-i", KEY], { stdin: sealed });
    expect(stdout).toBe("hunter2\n");
  });
});
