import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { RolloutInput } from "#hive";
import { command, nixos, parseHive } from "#hive";
import type { RolloutArguments } from "../../src/cli/options/rollout-options.ts";
import { policyOf } from "../../src/cli/options/rollout-options.ts";
import { runSkep } from "./run-skep.ts";

const system = nixos({ flake: "github:example/fleet" });
const NOWHERE = { stderr: new PassThrough() };
const TERMINAL = {
  stdin: Object.assign(new PassThrough(), { isTTY: true }),
  stderr: Object.assign(new PassThrough(), { isTTY: true }),
};

/** The policy of a hive of three hosts under a command line. */
function policy(rollout: RolloutInput, args: Partial<RolloutArguments> = {}, terminal: typeof NOWHERE = NOWHERE) {
  const hosts = {
    "web-1": { tags: ["web", "canary"], system },
    "web-2": { tags: ["web"], system },
    "db-1": { tags: ["db"], system },
  };
  const hive = parseHive({ hosts, rollout }, { directory: "/fleet" });
  const none = {
    wave: undefined,
    "max-unavailable": undefined,
    "max-failures": undefined,
    soak: undefined,
    pause: undefined,
    "on-failure": undefined,
    confirm: false,
  };
  return { hive: hive.rollout, run: policyOf(hive, { ...none, ...args }, terminal) };
}

describe("policyOf()", () => {
  it("is the hive's policy when the command line says nothing", () => {
    const { hive, run } = policy({
      waves: ["@canary", { size: "10%", gate: command(["./ask"]), maxUnavailable: 1 }],
      maxUnavailable: { "*": "25%", "@db": 1 },
      maxFailures: 1,
      soak: "1m",
      order: [["web-1", "@db"]],
      onFailure: "revert-run",
    });
    expect(run).toEqual(hive);
  });

  it("takes --wave in place of all waves, which soak and pause as the hive's last one", () => {
    const waves: RolloutInput["waves"] = ["@canary", { hosts: "rest", soak: "5m", gate: "confirm" }];
    const { run } = policy({ waves, pause: "1m", maxFailures: 1 }, { wave: ["db-*", "1", "10%", " rest "] });
    const shared = { soakMs: 300_000, pauseMs: 60_000, maxFailures: { hosts: 1 }, gate: undefined };
    expect(run.waves).toMatchObject([
      { name: "db-*", selection: "db-*", size: undefined, ...shared },
      { name: "1 host", selection: undefined, size: { hosts: 1 }, ...shared },
      { name: "10%", selection: undefined, size: { percent: 10 }, ...shared },
      { name: "rest", selection: undefined, size: undefined, ...shared },
    ]);
  });

  it("adds the rest to --wave", () => {
    expect(policy({}, { wave: ["@web"] }).run.waves.map(({ name }) => name)).toEqual(["@web", "rest"]);
  });

  it("takes --soak and --pause for every wave", () => {
    const { run } = policy({ waves: [{ hosts: "@web", soak: "5m" }], pause: "1h" }, { soak: "0s", pause: "1m30s" });
    expect(run.waves).toMatchObject([
      { soakMs: 0, pauseMs: 90_000 },
      { soakMs: 0, pauseMs: 90_000 },
    ]);
  });

  it("takes --max-failures for the run and the waves that had its budget, and leaves a stricter wave strict", () => {
    const { run } = policy(
      { maxFailures: 2, waves: [{ hosts: "@canary", maxFailures: 0 }, "@web"] },
      { "max-failures": "50%" },
    );
    expect(run.maxFailures).toEqual({ percent: 50 });
    expect(run.waves.map(({ maxFailures }) => maxFailures)).toEqual([{ hosts: 0 }, { percent: 50 }, { percent: 50 }]);
  });

  it("takes --max-unavailable for the bound over all, and leaves those of selections and waves", () => {
    const { run } = policy(
      { maxUnavailable: { "*": 3, "@db": 1 }, waves: [{ hosts: "@web", maxUnavailable: 1 }] },
      { "max-unavailable": "4" },
    );
    expect(run.maxUnavailable).toEqual({ hosts: 4 });
    expect(run.maxUnavailableOf).toEqual([{ selection: "@db", amount: { hosts: 1 } }]);
    expect(run.waves[0]?.maxUnavailable).toEqual({ hosts: 1 });
  });

  it("takes --on-failure", () => {
    expect(policy({ onFailure: "stop" }, { "on-failure": "revert-wave" }).run.onFailure).toBe("revert-wave");
  });

  it("puts a person before every wave but the first with --confirm", () => {
    const { run } = policy({ waves: ["@canary", "@web"] }, { confirm: true }, TERMINAL);
    expect(run.waves.map(({ gate }) => gate)).toEqual([undefined, { kind: "confirm" }, { kind: "confirm" }]);
  });

  it("leaves the gate of the first wave with --confirm", () => {
    const { hive, run } = policy({ waves: [{ hosts: "@web", gate: command(["./ask"]) }] }, { confirm: true }, TERMINAL);
    expect(run.waves[0]).toEqual(hive.waves[0]);
  });

  it.each<[what: string, args: Partial<RolloutArguments>, message: string, hint: string | undefined]>([
    [
      "a wave of no hosts",
      { wave: ["@canray"] },
      '--wave @canray selects no hosts: no host has the tag "@canray"',
      'did you mean "@canary"?',
    ],
    [
      "a wave of 0 hosts",
      { wave: ["0"] },
      '--wave takes a number of hosts from 1 up, or a share from "1%" to "100%", not "0"',
      undefined,
    ],
    [
      "a share that is none",
      { wave: ["200%"] },
      '--wave takes a number of hosts from 1 up, or a share from "1%" to "100%", not "200%"',
      undefined,
    ],
    [
      "the rest before another",
      { wave: ["rest", "@web"] },
      "--wave rest takes all that is left, so it can only be the last",
      undefined,
    ],
    [
      "a bound of nothing",
      { "max-unavailable": "0" },
      '--max-unavailable takes a number of hosts from 1 up, or a share from "1%" to "100%", not "0"',
      undefined,
    ],
    [
      "a budget of less than nothing",
      { "max-failures": "-1" },
      '--max-failures takes a number of hosts from 0 up, or a share from "1%" to "100%", not "-1"',
      undefined,
    ],
    [
      "a soak without a unit",
      { soak: "5" },
      '--soak takes a duration up to 24h, such as 90s or 5m, not "5"',
      undefined,
    ],
    ["a pause of days", { pause: "2d" }, '--pause takes a duration up to 24h, such as 90s or 5m, not "2d"', undefined],
    [
      "--confirm without a terminal",
      { confirm: true },
      "--confirm asks at a terminal, and there is none",
      "without one, a gate in the hive's rollout.waves can ask something else",
    ],
  ])("refuses %s", (_what, args, message, hint) => {
    expect(() => policy({}, args)).toThrow(expect.objectContaining({ code: "cli/usage", message, hint }));
  });

  it.each(["stdin", "stderr"] as const)("refuses --confirm when %s is no terminal", (name) => {
    const terminal = { ...TERMINAL, [name]: new PassThrough() };
    expect(() => policy({}, { confirm: true }, terminal)).toThrow(/--confirm asks at a terminal/);
  });

  it("refuses --confirm where it would take a gate of the hive away", () => {
    const rollout: RolloutInput = { waves: ["@canary", { hosts: "@web", gate: command(["./ask"]) }] };
    expect(() => policy(rollout, { confirm: true }, TERMINAL)).toThrow(
      /--confirm cannot stand before wave @web: it has a gate in the hive/,
    );
  });
});

describe("skep deploy", () => {
  let cwd = "";
  beforeAll(async () => {
    cwd = await mkdtemp(join(tmpdir(), "skep-rollout-"));
    await writeFile(
      join(cwd, "hive.ts"),
      `import { defineHive, system } from "skep";
       export default defineHive({ hosts: { "web-1": { target: "10.0.0.1", system: system({}) } } });`,
    );
  });
  afterAll(() => rm(cwd, { recursive: true }));

  const run = (...argv: string[]) => runSkep(argv, { cwd });

  it.each([
    {
      argv: ["--on-failure", "revert"],
      says: /^skep: error: on-failure cannot be "revert": it is one of stop, revert/,
    },
    { argv: ["--reboot", "sometimes"], says: /^skep: error: reboot cannot be "sometimes": it is one of never, if-/ },
    { argv: ["--soak"], says: /^skep: error: --soak needs a value/ },
    { argv: ["--soak", "1m", "--soak", "2m"], says: /^skep: error: --soak was given 2 times/ },
    { argv: ["--max-failure", "1"], says: /did you mean "--max-failures"\?/ },
  ])("refuses $argv", async ({ argv, says }) => {
    const { exitCode, stdout, stderr } = await run("deploy", ...argv);
    expect(stderr).toMatch(says);
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: "" });
  });

  it("explains the options of a rollout", async () => {
    const { stdout } = await run("deploy", "--help");
    for (const option of ["wave", "max-unavailable", "max-failures", "soak", "pause", "on-failure", "confirm"]) {
      expect(stdout).toContain(`--${option}`);
    }
  });
});
