import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { installPlugin } from "./plugin.ts";
import type { OnTerminalOptions } from "./pseudo-terminal.ts";
import { haveScript, runOnTerminal, runWithoutTerminal } from "./pseudo-terminal.ts";
import type { Scene } from "./scene.ts";
import { openScene } from "./scene.ts";
import { sshKeygen } from "./tools.ts";

const PASSPHRASE = "open sesame";
const NAMES = ["one", "two", "three"];

let scene: Scene;
let locked = "";
beforeEach(async () => {
  scene = openScene();
  scene.identity("bob");
  locked = join(scene.folder, "keys", "alice");
  const alice = sshKeygen(locked, { type: "ed25519", passphrase: PASSPHRASE });
  const admins = { alice, bob: scene.recipient("bob") };
  const rules = { ...Object.fromEntries(NAMES.map((name) => [name, []])), private: { admins: ["bob"] } };
  scene.rules({ admins, rules });
  for (const name of [...NAMES, "private"]) await scene.skep(["add", name], { input: `secret ${name}` });
});
afterEach(() => {
  scene[Symbol.dispose]();
});

function onTerminal(argv: readonly string[], options: Partial<OnTerminalOptions> = {}): Promise<string> {
  return runOnTerminal(["secrets", ...argv], { cwd: scene.folder, ...options });
}

describe.skipIf(!haveScript)("a passphrase", () => {
  const question = (): string => `passphrase of ${locked}: `;

  it("is asked for once, is not shown, and the terminal is as it was after", async () => {
    const argv = ["rekey", "--all", ...NAMES, "-i", locked];
    expect(await onTerminal(argv, { answers: [[question(), `${PASSPHRASE}x\u007f\r`]] })).toBe(
      [
        question(),
        "one  the same readers",
        "two  the same readers",
        "three  the same readers",
        "3 files encrypted anew",
        "exit code 0, echo on\n",
      ].join("\n"),
    );
  });

  it("is not asked for when no file names its key", async () => {
    const text = await onTerminal(["view", "private", "-i", locked]);
    expect(text).not.toContain("passphrase of");
    expect(text).toContain("[secrets/cannot-open]");
    const other = await onTerminal(["view", "one", "-i", locked, "-i", scene.identity("bob")]);
    expect(other).toBe("secret oneexit code 0, echo on\n");
  });

  it("that is wrong three times is one error, however many files there are", async () => {
    const wrong: readonly (readonly [string, string])[] = Array.from({ length: 3 }, () => [
      question(),
      "open barley\r",
    ]);
    const text = await onTerminal(["rekey", "--all", ...NAMES, "-i", locked], { answers: wrong });
    expect(text).toBe(
      [
        question(),
        `that was not it. ${question()}`,
        `that was not it. ${question()}`,
        `skep: error: cannot use ${locked}: the passphrase is wrong [secrets/passphrase]`,
        "exit code 4, echo on\n",
      ].join("\n"),
    );
  });

  it("can be refused with Ctrl-C", async () => {
    const text = await onTerminal(["view", "one", "-i", locked], { answers: [[question(), "op\u0003"]] });
    expect(text).toContain(`cannot use ${locked}: it has a passphrase, and nobody said it [secrets/passphrase]`);
    expect(text).toContain("exit code 4, echo on\n");
  });

  it("cannot be asked for without a terminal", async () => {
    const text = await runWithoutTerminal(["secrets", "view", "one", "-i", locked], { cwd: scene.folder });
    expect(text).toContain(`cannot use ${locked}: it has a passphrase, and there is no terminal to ask on`);
  });
});

describe.skipIf(!haveScript)("a plugin", () => {
  it("asks on the terminal too: a PIN, which is not shown, and what is no secret, which is", async () => {
    const card = installPlugin(scene.folder, "card", { pin: "1234", does: "ask", message: "touch it" });
    const { recipient, identity } = card.keys();
    const env = { PATH: `${card.folder}:${process.env.PATH ?? ""}` };
    scene.write("keys/card", `${identity}\n`);
    scene.rules({ admins: { carol: recipient }, rules: { card: [] } });
    const path = process.env.PATH;
    try {
      process.env.PATH = env.PATH;
      expect(await scene.skep(["add", "card"], { input: "swordfish" })).toMatchObject({ exitCode: 0 });
    } finally {
      process.env.PATH = path;
    }
    const answers: OnTerminalOptions["answers"] = [
      ["PIN: ", "1234\r"],
      ["serial number: ", "771\u007f\r"],
      ["(y = go on, n = stop): ", "y\r"],
      ["(y = fine): ", "n\r"],
    ];
    expect(await onTerminal(["view", "card", "-i", join(scene.folder, "keys/card")], { env, answers })).toBe(
      [
        "age-plugin-card: touch it",
        "age-plugin-card: PIN: ",
        "age-plugin-card: serial number: 771\b \b",
        "age-plugin-card: plug it in (y = go on, n = stop): y",
        "age-plugin-card: no way back (y = fine): n",
        "swordfishexit code 0, echo on\n",
      ].join("\n"),
    );
    expect(card.notes().slice(-3)).toEqual(["public: ok - 77", "confirm: ok yes ", "alone: ok no "]);
  });
});
