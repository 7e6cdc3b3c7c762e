import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { SkepRun } from "./run-skep.ts";
import { runSkep, startSkep } from "./run-skep.ts";

describe("skep demo", () => {
  it("deploys the example fleet: v1, v2, and a broken v3 that only the canary sees", { timeout: 120_000 }, async () => {
    const { exitCode, stdout: said, stderr: told } = await runSkep(["demo"]);
    expect({ exitCode, told }).toMatchObject({ exitCode: 0 });

    const answers = [...said.matchAll(/curl (\S+):8080 +-> +(.*)$/gm)].map(([, host = "", answer = ""]) => [
      host,
      answer,
    ]);
    const web = ["canary-1", "web-1", "web-2"];
    expect(answers).toEqual(
      ["v1", "v2", "v2"].flatMap((release) => web.map((host) => [host, `${release} on ${host}`])),
    );

    const verdicts = [...told.matchAll(/^switch: (.*) in .*$/gm)].map(([, verdict]) => verdict);
    expect(verdicts).toEqual(["4 deployed", "3 deployed, 1 unchanged", "3 skipped, 1 rolled back"]);
    expect(told).toContain("skipped: canary-1 of wave @canary was rolled back");
    expect(said).toContain("edge-1 is left out");
  });
});

describe("skep demo --keep", () => {
  it("keeps a fleet that the commands it prints work on", { timeout: 120_000 }, async () => {
    const playing = startSkep(["demo", "--keep"]);
    await expect.poll(playing.stdout, { timeout: 100_000 }).toMatch(/\n {2}ssh .* db-1\n$/);
    // The demo has said what is released as a user would: in the environment.
    const { RELEASE: released } = process.env;
    delete process.env.RELEASE;
    try {
      const commands = /^ {2}(?:RELEASE=v3 )?\S.*?(?:skep|main\.js) ((?:status|plan|history|rollback) .*)$/gm;
      const ended = new Map<string, SkepRun>();
      for (const [, line = ""] of playing.stdout().matchAll(commands)) {
        const words = line.split(" ");
        ended.set(words[0] ?? "", await runSkep(words));
      }
      expect([...ended].map(([command, { exitCode }]) => [command, exitCode])).toEqual([
        ["status", 0],
        ["plan", 0],
        ["history", 0],
        ["rollback", 0],
      ]);
      expect(ended.get("status")?.stdout.match(/^\S+ +ok /gm)).toHaveLength(4);
    } finally {
      if (released !== undefined) process.env.RELEASE = released;
      process.emit("SIGINT");
    }
    expect(await playing.ended).toMatchObject({ exitCode: 0 });
  });
});

describe("skep deploy --sandbox", () => {
  it("deploys the example hive to twins, and says which hosts cannot have one", { timeout: 60_000 }, async () => {
    const hive = join(import.meta.dirname, "../../hive.example.ts");
    const argv = ["deploy", "--sandbox", "--json", "--quiet", "--hive", hive, "--on", "db-1, edge-1"];
    const { exitCode, stdout, stderr } = await runSkep(argv);
    const lines = stdout.trimEnd().split("\n");
    expect({ exitCode, stderr }).toEqual({
      exitCode: 0,
      stderr:
        "skep: notice: edge-1: no sandbox for systems made by Nix\n" +
        "skep: notice: on sandbox twins with made-up secrets: no real host is touched\n",
    });
    expect(JSON.parse(lines.at(-1) ?? "")).toMatchObject({
      type: "run-finished",
      report: { goal: "switch", hosts: [{ host: "db-1", outcome: "deployed", logins: 2, generation: 1 }] },
    });
  });
});
