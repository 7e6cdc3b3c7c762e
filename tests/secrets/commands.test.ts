import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Scene } from "./scene.ts";
import { openScene } from "./scene.ts";

let scene: Scene;
let alice = "";
beforeEach(() => {
  scene = openScene();
  alice = scene.identity("alice");
});
afterEach(() => {
  scene[Symbol.dispose]();
});

/** Rules for alice, a key in a safe and three hosts. */
function rules(secrets: object, more: object = {}): void {
  scene.rules({
    admins: { alice: scene.recipient("alice") },
    recovery: { safe: scene.recipient("safe-age") },
    hosts: { "web-1": scene.recipient("web-1"), "web-2": scene.recipient("web-2"), "db-1": scene.recipient("db-1") },
    groups: { web: ["web-1", "web-2"] },
    rules: secrets,
    ...more,
  });
}

function opens(name: string, who: string): string | undefined {
  try {
    return execFileSync("age", ["-d", "-i", scene.identity(who), scene.path(name)], {
      stdio: ["ignore", "pipe", "ignore"],
    }).toString();
  } catch {
    return undefined;
  }
}

describe("a secret's life", () => {
  it("added, read by whom its rule names, rekeyed when that changes, and exposed until its content changes", async () => {
    rules({ "db/password": ["db-1", "@web"], token: [] });
    expect(await scene.skep(["add", "db/password"], { input: "swordfish" })).toEqual({
      exitCode: 0,
      stdout: "db/password added\n",
      stderr: "",
    });
    expect(await scene.skep(["generate", "token", "--as", "hex"])).toMatchObject({ stdout: "token generated\n" });
    for (const reader of ["alice", "safe-age", "db-1", "web-1"]) expect(opens("db/password", reader)).toBe("swordfish");
    expect(opens("token", "alice")).toMatch(/^[0-9a-f]{64}$/);
    expect(opens("token", "web-1")).toBeUndefined();
    expect(await scene.skep(["status"])).toMatchObject({ stdout: "db/password  ok\ntoken        ok\n" });

    rules({ "db/password": ["db-1"], token: ["web-2"] });
    const before = { password: scene.read("db/password"), token: scene.read("token") };
    expect(await scene.skep(["status"])).toMatchObject({
      stdout:
        "db/password  stale    host web-1, host web-2 can read it\n" +
        "token        stale    host web-2 cannot read it\n",
    });
    expect(await scene.skep(["rekey", "--dry-run"])).toMatchObject({
      stdout: "db/password  - host web-1, host web-2\ntoken  + host web-2\n2 files would be encrypted anew\n",
    });
    expect(scene.read("token").equals(before.token)).toBe(true);

    expect(await scene.skep(["rekey", "secrets/token.age", "-i", alice])).toEqual({
      exitCode: 0,
      stdout: "token  + host web-2\n1 file encrypted anew\n",
      stderr: "",
    });
    expect(scene.read("db/password").equals(before.password)).toBe(true);
    expect(opens("token", "web-2")).toBeDefined();

    expect(await scene.skep(["rekey", "--host", "web-1", "-i", scene.identity("safe-age")])).toEqual({
      exitCode: 0,
      stdout: "db/password  - host web-1, host web-2\n1 file encrypted anew\n",
      stderr:
        "skep: warning: host web-1, host web-2 could read db/password and keeps what was read: give it new content\n",
    });
    expect(opens("db/password", "web-1")).toBeUndefined();
    expect(opens("db/password", "db-1")).toBe("swordfish");
    expect(await scene.skep(["check"])).toEqual({
      exitCode: 4,
      stdout:
        "error: db/password: host web-1, host web-2 could read what it still says; " +
        "give it new content, for one with skep secrets rotate\n",
      stderr: "skep: error: the check found 1 problem [secrets/check]\n",
    });

    expect(await scene.skep(["rotate", "db/password", "--with", "printf marlin"])).toMatchObject({ exitCode: 0 });
    expect(opens("db/password", "db-1")).toBe("marlin");
    expect(await scene.skep(["check", "-i", alice])).toEqual({
      exitCode: 0,
      stdout: "2 secrets are as the rules say\n",
      stderr: "",
    });
    expect(await scene.skep(["rekey"])).toMatchObject({ stdout: "every file has the readers of its rule\n" });
    expect(await scene.skep(["view", "db/password", "-i", alice])).toEqual({
      exitCode: 0,
      stdout: "marlin",
      stderr: "",
    });
  });

  it("a host whose key was changed is told from one that is new, with what to do", async () => {
    rules({ token: ["db-1"] });
    await scene.skep(["add", "token"], { input: "x" });
    const hosts = {
      "web-1": scene.recipient("web-1"),
      "web-2": scene.recipient("web-2"),
      "db-1": scene.recipient("db-2"),
    };
    rules({ token: ["db-1", "web-1"] }, { hosts });
    const another = "it is encrypted to another key of host db-1 than the present one";
    expect(await scene.skep(["status"])).toMatchObject({
      stdout: `token  stale    ${another}; skep secrets check says what to do; host web-1 cannot read it\n`,
    });
    const { stdout } = await scene.skep(["check"]);
    expect(stdout).toContain(`${another}; if the new key is right, encrypt it anew with skep secrets rekey; if not,`);
    expect(stdout).not.toMatch(/host db-1 can(not)? read it/);
  });

  it("a recovery key in place of another of the same kind is seen by the lock alone", async () => {
    rules({ token: [] });
    await scene.skep(["add", "token"], { input: "x" });
    rules({ token: [] }, { recovery: { vault: scene.recipient("vault-age") } });
    expect(await scene.skep(["status"])).toMatchObject({
      stdout: "token  stale    recovery vault cannot read it; recovery safe can read it\n",
    });
    await scene.skep(["rekey", "-i", alice]);
    expect(opens("token", "vault-age")).toBe("x");
    expect(opens("token", "safe-age")).toBeUndefined();
  });

  it("a retired host key reads until it is taken away", async () => {
    const keys = { keys: scene.recipient("new"), retired: scene.recipient("db-1") };
    rules({ token: ["db-1"] }, { hosts: { "db-1": keys } });
    await scene.skep(["add", "token"], { input: "x" });
    expect([opens("token", "new"), opens("token", "db-1")]).toEqual(["x", "x"]);
    expect(await scene.skep(["check"])).toMatchObject({
      exitCode: 0,
      stdout: "warning: token: host db-1 (retired) can still read it\n1 secret is as the rules say\n",
    });
  });

  it("a file that was changed behind its back is warned of, and with a key told to be damaged", async () => {
    rules({ token: [] });
    await scene.skep(["add", "token"], { input: "x" });
    writeFileSync(scene.path("token"), Buffer.concat([readFileSync(scene.path("token")), Buffer.from("# x\n")]));
    expect(await scene.skep(["check"])).toMatchObject({
      exitCode: 0,
      stdout: expect.stringMatching(/^warning: token: it was changed without skep, and nobody knows/m) as string,
    });
    const opened = await scene.skep(["check", "--identity", alice]);
    expect(opened).toMatchObject({ exitCode: 4, stdout: expect.stringContaining("error: token: ") as string });
  });

  it("host keys that the secrets file does not state are taken from the hive", async () => {
    rules({ token: ["edge-1"] }, { hosts: {} });
    expect((await scene.skep(["status"])).stderr).toContain("rules.token.hosts: no key is known for the host edge-1");
    const target = { host: "edge-1", hostKey: scene.recipient("edge-1") };
    const host = `{ target: ${JSON.stringify(target)}, system: nixos({ flake: "." }) }`;
    scene.write(
      "hive.ts",
      `import { defineHive, nixos } from "skep";\nexport default defineHive({ hosts: { "edge-1": ${host} } });\n`,
    );
    await scene.skep(["add", "token"], { input: "x" });
    expect(opens("token", "edge-1")).toBe("x");
  });
});

describe("skep secrets edit", () => {
  /** An editor that tells what it saw, and leaves a backup beside the file. */
  const CURIOUS = `#!/bin/sh
for file; do :; done
{ cat "$file"; echo; stat -f -c %T "$file"; stat -c %a "\${file%/*}"; echo "$file"; } > seen
printf backup > "$file~"; printf marlin > "$file.new"; mv "$file.new" "$file"
`;
  function editor(name: string, text: string): string {
    const path = join(scene.folder, name);
    writeFileSync(path, text, { mode: 0o755 });
    return path;
  }

  it("gives an editor the plaintext in memory only, and leaves nothing of it", async () => {
    rules({ token: ["db-1"] });
    await scene.skep(["add", "token"], { input: "swordfish" });
    const script = editor("ed.sh", CURIOUS.replace("seen", join(scene.folder, "seen")));
    expect(await scene.skep(["edit", "token", "-i", alice], { env: { EDITOR: script } })).toMatchObject({
      exitCode: 0,
      stdout: "token changed\n",
    });
    const [content, fileSystem, mode, path = ""] = readFileSync(join(scene.folder, "seen"), "utf8").split("\n");
    expect([content, fileSystem, mode]).toEqual(["swordfish", "tmpfs", "700"]);
    expect(existsSync(dirname(path))).toBe(false);
    expect(opens("token", "db-1")).toBe("marlin");
  });

  it("writes nothing when the editor changes nothing, fails, or leaves nothing", async () => {
    rules({ token: [] });
    await scene.skep(["add", "token"], { input: "swordfish" });
    const before = scene.read("token");
    const edit = (EDITOR: string) => scene.skep(["edit", "token", "-i", alice], { env: { EDITOR } });
    expect(await edit("true")).toMatchObject({ exitCode: 0, stdout: "token is as it was\n" });
    expect(await edit("false")).toMatchObject({
      exitCode: 4,
      stderr: expect.stringContaining("[secrets/editor]") as string,
    });
    expect(await edit("no-such-editor")).toMatchObject({
      exitCode: 4,
      stderr: expect.stringContaining("say which with VISUAL or EDITOR") as string,
    });
    expect(await edit(editor("empty.sh", '#!/bin/sh\n: > "$1"\n'))).toMatchObject({
      exitCode: 4,
      stderr: expect.stringContaining("[secrets/empty]") as string,
    });
    expect(scene.read("token").equals(before)).toBe(true);
  });

  it("does not write over what somebody else wrote meanwhile", async () => {
    rules({ token: [] });
    await scene.skep(["add", "token"], { input: "swordfish" });
    const other = join(scene.folder, "other.age");
    execFileSync("age", ["-r", scene.recipient("alice"), "-o", other], { input: "theirs" });
    const script = editor("slow.sh", `#!/bin/sh\ncp ${other} ${scene.path("token")}; printf mine > "$1"\n`);
    expect(await scene.skep(["edit", "token", "-i", alice], { env: { EDITOR: script } })).toEqual({
      exitCode: 4,
      stdout: "",
      stderr:
        "skep: error: …/secrets/token.age was changed while it was worked on [secrets/changed-meanwhile]\n" +
        "skep: hint: nothing was written; start again from what is there now\n",
    });
    expect(opens("token", "alice")).toBe("theirs");
  });

  it("replaces from standard input without a private key", async () => {
    rules({ token: [] });
    await scene.skep(["add", "token"], { input: "swordfish" });
    expect(await scene.skep(["edit", "token"], { input: "marlin" })).toMatchObject({ stdout: "token replaced\n" });
    expect(opens("token", "alice")).toBe("marlin");
  });

  it("says that it read standard input where nothing came on it, editor or not", async () => {
    rules({ token: [] });
    await scene.skep(["add", "token"], { input: "swordfish" });
    expect(await scene.skep(["edit", "token"], { input: "", env: { EDITOR: "true" } })).toEqual({
      exitCode: 4,
      stdout: "",
      stderr:
        "skep: error: cannot edit token: standard input is no terminal, and nothing came on it [secrets/empty]\n" +
        "skep: hint: give the content there, as in skep secrets edit token < FILE, or call it on a terminal for an editor\n",
    });
    expect(opens("token", "alice")).toBe("swordfish");
  });
});

describe("what is refused", () => {
  it.each([
    {
      what: "nobody reads it",
      more: { admins: { alice: "ssh-ed25519 AAAA" }, rules: { token: { admins: [], recovery: false } } },
      says: ["admins.alice: cannot encrypt to", "rules.token: nobody may read it"],
    },
    {
      what: "hosts only",
      more: { rules: { token: { admins: [], recovery: false, hosts: ["web-1"] } } },
      says: ["rules.token: only hosts may read it, so that no admin could edit or rekey it"],
    },
    {
      what: "a key twice",
      more: (scene: Scene) => ({
        hosts: { "web-1": scene.recipient("alice") },
        groups: {},
        rules: { token: ["web-1"] },
      }),
      says: ["rules.token: admin alice and host web-1 have the same key"],
    },
    {
      what: "an unknown host, group and key",
      more: { rules: { token: ["web-3"], key: ["@wbe"] } },
      says: [
        'rules.token.hosts: no key is known for the host web-3, did you mean "web-1"?',
        'rules.key.hosts: there is no group @wbe, did you mean "@web"?',
      ],
    },
    {
      what: "values of the wrong shape",
      more: { admins: { alice: 7 }, rules: { "../token": [], pin: { host: [] } } },
      says: [
        "admins.alice: expected a key, a list of keys, or { keys, retired }",
        'rules.pin.host: unknown key, did you mean "hosts"?',
      ],
    },
  ])("rules: $what", async ({ more, says }) => {
    rules({}, typeof more === "function" ? more(scene) : more);
    const { exitCode, stderr } = await scene.skep(["status"]);
    expect(exitCode).toBe(4);
    expect(stderr).toContain("skep: error: secrets/secrets.ts is not valid");
    for (const line of says) expect(stderr).toContain(line);
  });

  it("post-quantum and classic keys in one file", async () => {
    const { generateHybridIdentity, identityToRecipient } = await import("age-encryption");
    rules({ token: [] }, { recovery: { safe: await identityToRecipient(await generateHybridIdentity()) } });
    expect((await scene.skep(["status"])).stderr).toContain(
      "rules.token: the key of recovery safe is post-quantum and that of admin alice is not",
    );
  });

  it("a secret without a rule, and one that is there already", async () => {
    rules({ "db/password": [] });
    expect(await scene.skep(["add", "db/pasword"], { input: "x" })).toEqual({
      exitCode: 4,
      stdout: "",
      stderr:
        'skep: error: there is no rule for "db/pasword" [secrets/no-such-secret]\n' +
        'skep: hint: did you mean "db/password"?\n',
    });
    await scene.skep(["add", "db/password"], { input: "x" });
    expect(await scene.skep(["add", "db/password"], { input: "x" })).toMatchObject({
      exitCode: 4,
      stderr: expect.stringContaining("[secrets/exists]") as string,
    });
  });

  it("a rekey of which one file cannot be opened writes none", async () => {
    rules({ one: [], two: [] });
    for (const name of ["one", "two"]) await scene.skep(["add", name], { input: name });
    execFileSync("age", ["-r", scene.recipient("stranger"), "-o", scene.path("two")], { input: "not ours" });
    rules({ one: ["db-1"], two: ["db-1"] });
    const before = scene.read("one");
    const { exitCode, stderr } = await scene.skep(["rekey", "-i", alice]);
    expect(exitCode).toBe(4);
    expect(stderr).toContain(
      "cannot rekey: 1 of 2 files cannot be opened, and nothing was written:\n  cannot open two: ",
    );
    expect(stderr).toContain("its rule names admin alice, recovery safe; give one with --identity or SKEP_IDENTITY");
    expect(scene.read("one").equals(before)).toBe(true);
    expect(readdirSync(join(scene.folder, "secrets")).sort()).toEqual([
      "one.age",
      "secrets.lock.json",
      "secrets.ts",
      "two.age",
    ]);
  });

  it("plaintext, private keys and files without a rule in the folder", async () => {
    rules({ token: [] });
    await scene.skep(["add", "token"], { input: "x" });
    scene.write("secrets/password.txt", "swordfish");
    scene.write("secrets/fake.age", "swordfish");
    scene.write(
      "secrets/keys.ts",
      `export const key = "${readFileSync(scene.identity("safe-age"), "utf8").split("\n")[2] ?? ""}";`,
    );
    const { exitCode, stdout } = await scene.skep(["check"]);
    expect(exitCode).toBe(4);
    expect(stdout.split("\n").sort()).toEqual([
      "",
      "error: fake: no rule says who may read it",
      "error: keys.ts: a private key lies in it, for all to read",
      "error: password.txt: it is not encrypted: encrypt it, or keep it elsewhere",
    ]);
  });
});

describe("an agenix repository", () => {
  const NIX = (user: string, host: string): string => `
    # keys
    let
      alice = "${user}";
      users = [ alice ];
      systems = { db = "${host}"; };
    in {
      "password.age".publicKeys = users ++ builtins.attrValues systems;
      "deep/token.age" = { publicKeys = users; armor = true; };
    }`;

  it("works unchanged: status, rekey and view of what age made", async () => {
    scene.write("secrets/secrets.nix", NIX(scene.recipient("alice"), scene.recipient("db-1")));
    const made = execFileSync("age", ["-r", scene.recipient("alice")], { input: "swordfish" });
    scene.write("secrets/deep/.gitkeep", "");
    writeFileSync(scene.path("password"), made);
    writeFileSync(
      scene.path("deep/token"),
      execFileSync("age", ["-a", "-r", scene.recipient("alice")], { input: "t" }),
    );
    expect(await scene.skep(["status"])).toMatchObject({
      stdout: "password    stale    key db-1 cannot read it\ndeep/token  ok\n",
    });
    expect(await scene.skep(["rekey", "-i", alice])).toMatchObject({ exitCode: 0 });
    expect(opens("password", "db-1")).toBe("swordfish");
    expect(await scene.skep(["view", "secrets/deep/token.age", "-i", alice])).toMatchObject({ stdout: "t" });
  });

  it("is named by agenixRules() too", async () => {
    scene.write("secrets/old/secrets.nix", NIX(scene.recipient("alice"), scene.recipient("db-1")));
    scene.write(
      "secrets/secrets.ts",
      'import { agenixRules } from "skep";\nexport default agenixRules("old/secrets.nix");\n',
    );
    expect((await scene.skep(["ls"])).stdout).toBe("password    key alice, key db-1\ndeep/token  key alice\n");
  });
});
