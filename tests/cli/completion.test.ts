import { execFile, spawnSync } from "node:child_process";
import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import type { TestContext } from "vitest";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { quoteArgv } from "#core";
import { splitLine } from "../../src/cli/completion/split-line.ts";
import { SCRIPTS } from "../../src/cli/completion/scripts.ts";
import { LOAD } from "../sandbox/typescript-process.ts";
import { runSkep } from "./run-skep.ts";

const run = promisify(execFile);

let cwd = "";
beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), "skep-completion-"));
  await writeFile(
    join(cwd, "hive.ts"),
    `import { defineHive, system } from "skep";
     if (process.env.SKEP_TEST_CWD) process.stdout.write("what a hive prints is no candidate\\n");
     const host = (...tags: string[]) => ({ tags, system: system({}) });
     export default defineHive({
       hosts: { "web-1": host("web", "canary"), "web-2": host("web"), "db-1": host("db") },
     });`,
  );
  await mkdir(join(cwd, "secrets"));
  await writeFile(
    join(cwd, "secrets/secrets.ts"),
    `export default { admins: {}, rules: { "db/password": {}, "web/session-key": {} } };`,
  );
  await mkdir(join(cwd, "broken"));
  await writeFile(join(cwd, "broken/hive.ts"), `throw new Error("not today");`);
  await writeFile(
    join(cwd, "broken/slow.ts"),
    `export default new Promise(() => setTimeout(() => 0, 60_000).unref());`,
  );
});
afterAll(() => rm(cwd, { recursive: true }));

/** What skep answers a shell: the kind of the answer, and the words. */
async function ask(...words: string[]): Promise<readonly [kind: string, ...words: string[]]> {
  const { exitCode, stdout, stderr } = await runSkep(["__complete", ...words], { cwd });
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
  const [kind = "", ...lines] = stdout.trimEnd().split("\n");
  return [kind, ...lines.map((line) => line.replace(/\t.*/, ""))];
}

describe("what skep answers a shell", () => {
  it.each([
    { words: ["dep"], answer: ["deploy"] },
    { words: ["secrets", "r"], answer: ["rotate", "rekey"] },
    { words: ["deploy", "dry"], answer: ["dry-activate"] },
    { words: ["deploy", "--output", ""], answer: ["auto", "tty", "lines", "github", "gitlab", "ndjson"] },
    { words: ["deploy", "--output=l"], answer: ["--output=lines"] },
    { words: ["deploy", "-o", "nd"], answer: ["ndjson"] },
    { words: ["deploy", "--limit-c"], answer: ["--limit-copy"] },
    { words: ["resume", "--n"], answer: ["--no-new"] },
    { words: ["deploy", "--json", "--js"], answer: [] },
    { words: ["deploy", "--wave", "@canary", "--wa"], answer: ["--wave"] },
    { words: ["deploy", "--parallel", ""], answer: [] },
    { words: ["hosts", "--on", "w"], answer: ["web-1", "web-2"] },
    { words: ["hosts", "--on", "@"], answer: ["@web", "@canary", "@db"] },
    { words: ["hosts", "--on=db"], answer: ["--on=db-1"] },
    { words: ["hosts", "--on", "web-1,@c"], answer: ["web-1,@canary"] },
    { words: ["hosts", "--on", "@web & !web-"], answer: ["@web & !web-1", "@web & !web-2"] },
    { words: ["hosts", "--on", "(d"], answer: ["(db-1"] },
    { words: ["secrets", "rekey", "--host", "db"], answer: ["db-1"] },
    { words: ["secrets", "view", ""], answer: ["db/password", "web/session-key"] },
    { words: ["secrets", "rekey", "db/password", "w"], answer: ["web/session-key"] },
    { words: ["completion", ""], answer: ["bash", "zsh", "fish"] },
    { words: ["no-such-command", "x"], answer: [] },
  ])("skep $words", async ({ words, answer }) => {
    expect(await ask("fish", ...words)).toEqual([":skep:words", ...answer]);
  });

  it("leaves files and folders to the shell", async () => {
    expect(await ask("zsh", "deploy", "--hive", "")).toEqual([":skep:file"]);
    expect(await ask("zsh", "sandbox", "--folder", "")).toEqual([":skep:folder"]);
    expect(await ask("zsh", "init", "")).toEqual([":skep:folder"]);
  });

  it("reads the hive that the line names, and has nothing to offer when it is broken, missing or slow", async () => {
    expect(await ask("fish", "hosts", "-f", "hive.ts", "--on", "d")).toEqual([":skep:words", "db-1"]);
    for (const hive of ["broken/hive.ts", "nowhere.ts", "broken/slow.ts"]) {
      expect(await ask("fish", "hosts", "--hive", hive, "--on", "")).toEqual([":skep:words"]);
    }
  });

  it("gives bash the part of a word that it replaces", async () => {
    expect(await ask("bash", "skep hosts --on @w", "w")).toEqual([":skep:words", "web"]);
    expect(await ask("bash", "skep hosts --on=we", "we")).toEqual([":skep:words", "web-1", "web-2"]);
    expect(await ask("bash", 'skep hosts --on "@web & !d', "@web & !d")).toEqual([":skep:words", "@web & !db-1"]);
  });

  it("gives bash words that are nothing but words, quoted where they are not yet", async () => {
    const open = String.raw`skep hosts --on @web\ \&\ \!d`;
    expect(await ask("bash", open, String.raw`web\ \&\ \!d`)).toEqual([":skep:words", String.raw`web\ \&\ \!db-1`]);
    expect(await ask("bash", String.raw`skep hosts --on \(d`, String.raw`\(d`)).toEqual([
      ":skep:words",
      String.raw`\(db-1`,
    ]);
  });
});

describe("splitLine()", () => {
  it.each([
    ["skep deploy ", ["skep", "deploy", ""]],
    ["skep --on 'a b", ["skep", "--on", "a b"]],
    ['skep --on "@web & !d', ["skep", "--on", "@web & !d"]],
    ["skep a\\ b", ["skep", "a b"]],
    ["cd fleet && skep ho", ["skep", "ho"]],
    ["", [""]],
  ])("%j", (line, words) => {
    expect(splitLine(line).words).toEqual(words);
  });
});

describe("skep completion", () => {
  const print = async (env: Record<string, string>, ...argv: string[]) => {
    const { exitCode, stdout, stderr } = await runSkep(["completion", ...argv], { env, cwd });
    return { exitCode, text: stdout === "" ? stderr : stdout };
  };

  it("prints the script of the shell that is named, else of the one that SHELL names", async () => {
    expect(await print({ SHELL: "/bin/bash" }, "zsh")).toEqual({ exitCode: 0, text: SCRIPTS.zsh });
    expect(await print({ SHELL: "/usr/bin/fish" })).toEqual({ exitCode: 0, text: SCRIPTS.fish });
  });

  it("says what to do where the shell cannot be told", async () => {
    const { exitCode, text } = await print({ SHELL: "/bin/tcsh" });
    expect(exitCode).toBe(2);
    expect(text).toContain("SHELL is tcsh");
    expect(text).toContain("skep completion bash|zsh|fish");
  });
});

/** Runs the command line from its sources. */
const SKEP = `${LOAD}
const { runCli } = await load("#cli");
const { stdout, stderr, env } = process;
process.exit(await runCli(process.argv.slice(1), { stdout, stderr, env, cwd: env.SKEP_TEST_CWD }));
`;

describe("the scripts, in the shells they are for", () => {
  const inShell = async (shell: string, script: string, { skip }: TestContext): Promise<readonly string[]> => {
    skip(spawnSync(shell, ["-c", "exit 0"]).status !== 0, `${shell} is not on PATH`);
    const bin = join(cwd, "bin");
    await mkdir(bin, { recursive: true });
    const argv = quoteArgv([process.execPath, "--conditions=skep-source", "--input-type=module", "-e", SKEP, "--"]);
    await writeFile(join(bin, "skep"), `#!/bin/sh\ncd ${quoteArgv([process.cwd()])} && exec ${argv} "$@"\n`);
    await chmod(join(bin, "skep"), 0o755);
    await writeFile(join(bin, "skep.rc"), SCRIPTS[shell as keyof typeof SCRIPTS]);
    const env = {
      ...process.env,
      PATH: `${bin}:${process.env.PATH ?? ""}`,
      HOME: cwd,
      SKEP_TEST_CWD: cwd,
      RC: join(bin, "skep.rc"),
    };
    const options = shell === "bash" ? ["--norc", "--noprofile"] : shell === "zsh" ? ["-f"] : ["--no-config"];
    const { stdout } = await run(shell, [...options, "-c", script], { env, cwd, timeout: 50_000 });
    return stdout.trimEnd().split("\n").sort();
  };

  it("bash", async (context) => {
    const script = `. "$RC"
      tab() { COMP_LINE=$1 COMP_POINT=\${#1} COMP_WORDS=(skep); _skep skep "$2" x; printf '%s\\n' "\${COMPREPLY[@]}"; }
      tab 'skep hosts --on @w' w; tab 'skep hosts --on "@web & !d' '@web & !d'; tab 'skep simu' simu
      tab 'skep hosts --on \\(d' '\\(d'
      complete -p skep`;
    expect(await inShell("bash", script, context)).toEqual([
      "@web & !db-1",
      String.raw`\(db-1`,
      "complete -F _skep skep",
      "simulate",
      "web",
    ]);
  });

  it("fish", async (context) => {
    const script = `source $RC
      complete -C 'skep hosts --on @w'; complete -C 'skep hosts --on "@web & !d'; complete -C 'skep hosts --on=d'
      complete -C 'skep hosts --hive hiv'`;
    expect((await inShell("fish", script, context)).map((line) => line.replace(/\t.*/, ""))).toEqual(
      ["--on=db-1", "@web", "@web & !db-1", "hive.ts"].sort(),
    );
  });

  // A terminal of its own, in which a person types and presses Tab.
  it("zsh", async (context) => {
    const script = String.raw`zmodload zsh/zpty
      zpty typist zsh -f -i
      say() { zpty -w typist "$1"; zpty -r typist heard "*$2*"; }
      say 'PS1=; autoload -Uz compinit; compinit -u -D; . "$RC"; bindkey "^I" complete-word; echo REA""DY' READY
      say 'finish() { print -r -- "<$BUFFER>"; BUFFER=; zle accept-line; }; zle -N finish; bindkey "^X" finish; echo NO""W' NOW
      for line in 'skep simu' 'skep hosts --on @w' 'skep hosts --on=d' "skep hosts --on '@web & d"; do
        zpty -n -w typist "$line"$'\t\C-x'
        zpty -r typist heard '*<skep*>*'
        print -r -- "<skep\${\${heard##*<skep}%%>*}>"
      done`.replaceAll("\\$", "$");
    expect(await inShell("zsh", script, context)).toEqual(
      [
        "<skep simulate >",
        "<skep hosts --on @web >",
        "<skep hosts --on=db-1 >",
        "<skep hosts --on '@web & db-1' >",
      ].sort(),
    );
  });
});
