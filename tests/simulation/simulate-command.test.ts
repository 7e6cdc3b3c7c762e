import { describe, expect, it } from "vitest";
import { runSkep } from "../cli/run-skep.ts";

const run = (...argv: readonly string[]) => runSkep(argv);

describe("skep simulate", () => {
  it("tells what the policy made of a made-up fleet", async () => {
    const { exitCode, stdout } = await run(
      ...["simulate", "--hosts", "200", "--fail", "2%", "--seed", "7", "--wave", "@canary", "--wave", "rest"],
      ...["--max-failures", "5", "--max-unavailable", "3"],
    );
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^switch: 196 deployed, 4 rolled back in /m);
    expect(stdout).toMatch(/^wave @canary {2}2 hosts, from 0\.0 s to /m);
    expect(stdout).toMatch(/^wave rest {5}198 hosts, /m);
    expect(stdout).toContain("touched 200 of 200 hosts; at most 3 were unavailable at one time");
  });

  it("gives the result as one JSON object, the same for the same seed", async () => {
    const argv = ["simulate", "--hosts", "30", "--fault", "dead=2", "--fault", "flapping=10%", "--seed", "3", "--json"];
    const read = async (): Promise<Record<string, unknown>> => {
      const { tookMs, ...rest } = JSON.parse((await run(...argv)).stdout) as Record<string, unknown>;
      expect(tookMs).toBeTypeOf("number");
      return rest;
    };
    const result = await read();
    expect(result).toMatchObject({ total: 30 });
    expect(await read()).toEqual(result);
  });

  it("says which faults struck whom and when, and which did not strike and why", async () => {
    const { stdout } = await run(
      ...["simulate", "--hosts", "40", "--fail", "1", "--fault", "dead=50%", "--fault", "reboot=3", "--seed", "2"],
      ...["--wave", "@canary", "--wave", "10%", "--max-failures", "0"],
    );
    expect(stdout).toMatch(/^wave @canary +1 host, from 0\.0 s to .*: host-1$/m);
    expect(stdout).toMatch(/^fault dead +(host-\d+ at [\d.]+ (s|min).*)$/m);
    expect(stdout).toMatch(/^fault dead +never struck, the host was skipped: (host-\d+, ){4}host-\d+ and \d+ more$/m);
    const { faults } = JSON.parse(
      (await run("simulate", "--hosts", "40", "--fault", "dead=20", "--max-failures", "0", "--json")).stdout,
    ) as { faults: readonly { kind: string; host: string; atMs?: number; missed?: string }[] };
    expect(faults).toHaveLength(20);
    for (const { atMs, missed } of faults) expect(atMs === undefined).toBe(missed !== undefined);
  });

  it("refuses faults and numbers that make no sense", async () => {
    expect(await run("simulate", "--hosts", "3", "--fault", "daed=1")).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('did you mean "dead"?') as string,
    });
    expect(await run("simulate", "--hosts", "3", "--fail", "many")).toMatchObject({ exitCode: 2 });
    expect(await run("simulate", "--hosts", "0")).toMatchObject({ exitCode: 2 });
  });
});
