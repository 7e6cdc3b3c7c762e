import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { runSkep } from "./run-skep.ts";

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
