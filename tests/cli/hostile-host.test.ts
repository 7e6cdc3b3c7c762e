import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { useScene } from "./scene.ts";

/** A title for the terminal, a cleared screen, and a colour in the one-byte form. */
const SAID = "\u001b]0;taken\u0007\u001b[2J\u009b31m";

describe("a host that says what it likes", { timeout: 60_000 }, () => {
  const { machine, write, skep } = useScene(["web-1"]);
  beforeEach(() => {
    mkdirSync(join(machine("web-1").root, "run/skep"), { recursive: true });
    write(
      "hive.ts",
      `import { defineHive, system } from "skep";
       const target = ${JSON.stringify(machine("web-1").target)};
       export default defineHive({ name: "fleet", hosts: { "web-1": { target, system: system({}) } } });`,
    );
  });
  const lease = (...lines: readonly string[]): void => {
    writeFileSync(join(machine("web-1").root, "run/skep/lease"), `${lines.join("\n")}\n`);
  };

  it.each([[["lease", "ls"]], [["status", "--no-eval"]], [["plan"]], [["deploy"]]])(
    "makes no terminal obey it: skep %j",
    async (argv) => {
      lease("run=run-a", `expires=${SAID}`);
      const { exitCode, stdout, stderr } = await skep(...argv);
      expect({ exitCode, stderr }).toEqual({
        exitCode: 5,
        stderr: expect.stringContaining("[activation/probe]") as string,
      });
      expect(stdout + stderr).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/);
    },
  );

  it("makes no terminal obey it in JSON either", async () => {
    const said = String.raw`\033]0;taken\007\302\23331m`;
    const { stdout } = await skep("exec", "--on", "web-1", "--json", "--", "printf", said);
    expect(JSON.parse(stdout)).toMatchObject({ stdout: "\u001b]0;taken\u0007\u009b31m" });
    expect(stdout.trimEnd()).not.toMatch(/\p{Cc}/u);
  });

  it("cannot end a command by a time that is none", async () => {
    lease("run=run-a", `owner=ann${SAID}`, `reason=${SAID}`, "taken=1e300", "expires=99999999");
    expect((await skep("lease", "ls")).stdout).toContain("held by ann (run run-a");
    const { exitCode, stdout } = await skep("lease", "ls", "--json");
    expect(exitCode).toBe(0);
    expect(stdout.trimEnd()).not.toMatch(/\p{Cc}/u);
    expect(JSON.parse(stdout)).toMatchObject({ lease: { run: "run-a", since: "1970-01-01T00:00:00.000Z" } });
  });
});
