import { describe, expect, it } from "vitest";
import { command, HiveError, http, nixos, parseHive } from "#hive";

const system = nixos({ flake: "github:example/fleet" });
const HOSTS = {
  "web-1": { tags: ["web", "canary"], system },
  "web-2": { tags: ["web"], system },
  "db-1": { tags: ["db"], system },
};
const AMOUNT = 'a number of hosts from 1 up, or a share from "1%" to "100%"';
const BUDGET = 'a number of hosts from 0 up, or a share from "1%" to "100%"';
const WAVE = 'a wave such as "@canary", 1, "10%", "rest" or { hosts: "@web", soak: "5m" }';
const GATE = 'command([…]), an async function, { ask, timeout } or "confirm"';
const NO_TAG =
  'expected a selection of hosts of this hive, as in "@web", found that no host has the tag "@cannary"; did you mean "@canary"?';

/** The lines that parsing complains with, or nothing. */
function problemsOf(rollout: unknown, hosts: unknown = HOSTS): readonly string[] {
  try {
    parseHive({ hosts, rollout }, { directory: "/fleet" });
    return [];
  } catch (error) {
    if (!(error instanceof HiveError)) throw error;
    expect(error.code).toBe("hive/invalid");
    return error.message.split("\n  ").slice(1);
  }
}

describe("parseHive() says exactly what is wrong with a rollout", () => {
  it.each<[what: string, rollout: unknown, lines: readonly string[]]>([
    ["a list", [], ['rollout: expected an object such as { waves: ["@canary"] }, found an empty list']],
    ["a misspelt key", { wavs: [] }, ['rollout.wavs: unknown key, did you mean "waves"?']],
    [
      "waves in one word",
      { waves: "@canary" },
      ['rollout.waves: expected a list of waves such as ["@canary", "10%", "rest"], found "@canary"'],
    ],
    ["a wave that is nothing", { waves: [null] }, [`rollout.waves[0]: expected ${WAVE}, found null`]],
    ["a wave of no hosts", { waves: [0] }, [`rollout.waves[0]: expected ${AMOUNT}, found 0`]],
    ["a wave of half a host", { waves: [1.5] }, [`rollout.waves[0]: expected ${AMOUNT}, found 1.5`]],
    ["a share of nothing", { waves: ["0%"] }, [`rollout.waves[0]: expected ${AMOUNT}, found "0%"`]],
    ["a share of more than all", { waves: ["101%"] }, [`rollout.waves[0]: expected ${AMOUNT}, found "101%"`]],
    ["a share with a space", { waves: ["10 %"] }, [`rollout.waves[0]: expected ${AMOUNT}, found "10 %"`]],
    ["a blank wave", { waves: ["  "] }, ['rollout.waves[0]: expected a selection such as "@canary", found "  "']],
    ["a tag that no host has", { waves: ["@canary", "@cannary"] }, [`rollout.waves[1]: ${NO_TAG}`]],
    ["the same in an object", { waves: [{ hosts: "@cannary" }] }, [`rollout.waves[0]: ${NO_TAG}`]],
    [
      "a selection of nothing",
      { waves: ["@web & @db"] },
      [
        'rollout.waves[0]: expected a selection of hosts of this hive, as in "@web", found that no host is selected by "@web & @db"; the hive\'s hosts are web-1, web-2, db-1',
      ],
    ],
    [
      "a misspelt key of a wave",
      { waves: [{ host: "@web" }] },
      ['rollout.waves[0].host: unknown key, did you mean "hosts"?'],
    ],
    [
      "the rest before others",
      { waves: ["rest", "@web"] },
      [
        'rollout.waves[0]: expected "rest" as the last wave, as in ["@canary", "rest"], found more waves behind it, for which it leaves nothing',
      ],
    ],
    [
      "all hosts before others",
      { waves: ["@canary", { soak: "1m" }, 1] },
      [
        'rollout.waves[1]: expected "rest" as the last wave, as in ["@canary", "rest"], found more waves behind it, for which it leaves nothing',
      ],
    ],
    [
      "a size of the rest",
      { waves: [{ hosts: "rest", size: 2 }] },
      ['rollout.waves[0].size: expected "rest" without a size, for it takes all that is left, found "2 hosts"'],
    ],
    ["a size that is text", { waves: [{ size: "2" }] }, [`rollout.waves[0].size: expected ${AMOUNT}, found "2"`]],
    [
      "two waves of one name",
      { waves: [{ size: 1, name: "a" }, { name: "a" }] },
      [
        'rollout.waves[1].name: expected a name of its own, for reports call a wave by it, found "a", which waves[0] is called',
      ],
    ],
    [
      "a name of two lines",
      { waves: [{ name: "a\nb" }] },
      ['rollout.waves[0].name: expected a name of one line, at most 100 characters, found "a…"'],
    ],
    [
      "a soak without a unit",
      { soak: "5", waves: [{ pause: "2d" }] },
      [
        'rollout.waves[0].pause: expected a duration from 0ms to 24h, such as "90s" or "5m", found "2d"',
        'rollout.soak: expected a duration from 0ms to 24h, such as "90s" or "5m", found "5"',
      ],
    ],
    [
      "bounds of nothing",
      { maxUnavailable: 0, maxFailures: -1 },
      [`rollout.maxUnavailable: expected ${AMOUNT}, found 0`, `rollout.maxFailures: expected ${BUDGET}, found -1`],
    ],
    [
      "no bound at all",
      { maxUnavailable: {} },
      ['rollout.maxUnavailable: expected a bound such as { "@db": 1 }, found an empty object'],
    ],
    [
      "a list of bounds",
      { maxUnavailable: [1] },
      [
        'rollout.maxUnavailable: expected an amount such as 2 or "25%", or amounts by selection such as { "*": "25%", "@db": 1 }, found a list',
      ],
    ],
    [
      "a bound of nothing, in its place",
      { maxUnavailable: { "*": 1, "@db": "0%" } },
      [`rollout.maxUnavailable["@db"]: expected ${AMOUNT}, found "0%"`],
    ],
    ["a bound of no hosts", { maxUnavailable: { "@cannary": 1 } }, [`rollout.maxUnavailable["@cannary"]: ${NO_TAG}`]],
    [
      "waves of larger budgets than the run",
      { maxFailures: 1, waves: [{ size: 1, maxFailures: 2 }, { maxFailures: 1 }] },
      [
        "rollout.waves[0].maxFailures: expected no more than rollout.maxFailures, 1 host, at which the whole run stops, found 2 hosts",
      ],
    ],
    [
      "a wave with a budget where the run has none",
      { waves: [{ maxFailures: "5%" }] },
      [
        "rollout.waves[0].maxFailures: expected no more than rollout.maxFailures, 0 hosts, at which the whole run stops, found 5%",
      ],
    ],
    [
      "a misspelt consequence",
      { onFailure: "revert" },
      ['rollout.onFailure: expected "stop", "revert-wave" or "revert-run", found "revert"'],
    ],
    [
      "an order that is one pair",
      { order: ["@db", "@web"] },
      [
        'rollout.order[0]: expected a pair of selections such as ["@db", "@web"], found "@db"',
        'rollout.order[1]: expected a pair of selections such as ["@db", "@web"], found "@web"',
      ],
    ],
    [
      "an order of three",
      { order: [["@db", "@web", "web-1"]] },
      ['rollout.order[0]: expected a pair of selections such as ["@db", "@web"], found a list'],
    ],
    ["an order of no hosts", { order: [["@db", "@cannary"]] }, [`rollout.order[0][1]: ${NO_TAG}`]],
    [
      "a host before itself",
      {
        order: [
          ["@db", "@web"],
          ["@web", "@canary"],
        ],
      },
      [
        'rollout.order[1]: expected the first selection to go before the second, as in ["@db", "@web"], found web-1 in both',
      ],
    ],
    [
      "an order that goes round",
      {
        order: [
          ["@db", "web-1"],
          ["web-1", "web-2"],
          ["web-2", "db-*"],
        ],
      },
      [
        "rollout.order: expected an order that leaves somebody to go first, found a circle: web-1 before web-2 before db-1 before web-1",
      ],
    ],
    [
      "a wave against the order",
      { waves: ["@canary", "rest"], order: [["@db", "@web"]] },
      [
        "rollout.waves[0]: expected what goes first by rollout.order in this wave or an earlier one, found web-1 here and db-1, which rollout.order puts before it, in the later wave rest",
      ],
    ],
    [
      "a misspelt gate",
      { waves: [{ gate: "confrim" }] },
      [`rollout.waves[0].gate: expected ${GATE}, found "confrim", did you mean "confirm"?`],
    ],
    [
      "another check for a gate",
      { waves: [{ gate: http() }] },
      [`rollout.waves[0].gate: expected ${GATE}, found an object with kind`],
    ],
    [
      "a gate's command on the host",
      { waves: [{ gate: command(["./ask"], { on: "host" }) }] },
      ['rollout.waves[0].gate.on: expected "operator" or nothing, for a gate is asked on this machine, found "host"'],
    ],
    [
      "a gate's command that is tried again",
      { waves: [{ gate: command(["./ask"], { passes: 2 }) }] },
      ["rollout.waves[0].gate.passes: does not go with a gate, which is asked once"],
    ],
    [
      "a gate's command in one word",
      { waves: [{ gate: { kind: "command", argv: "./ask" } }] },
      [
        'rollout.waves[0].gate.argv: expected a program and its arguments as a list of words such as ["./error-rate-is-low", "--quiet"], found "./ask"',
      ],
    ],
    [
      "a gate that was asked already",
      { waves: [{ gate: { ask: true, timeout: "0s" } }] },
      [
        "rollout.waves[0].gate.ask: expected a function, found true",
        'rollout.waves[0].gate.timeout: expected a duration from 100ms to 24h, such as "90s" or "5m", found "0s"',
      ],
    ],
  ])("%s", (_what, rollout, lines) => {
    expect(problemsOf(rollout)).toEqual(lines);
  });

  it("says nothing of selections while hosts cannot be read, and of the rest all the same", () => {
    const hosts = { ...HOSTS, "web-1": { tags: ["canary"] } };
    const lines = problemsOf({ waves: ["rest", "@canary"] }, hosts);
    expect(lines).toEqual([
      'hosts.web-1.system: expected a system such as nixos({ flake: "." }), found nothing',
      'rollout.waves[0]: expected "rest" as the last wave, as in ["@canary", "rest"], found more waves behind it, for which it leaves nothing',
    ]);
  });
});
