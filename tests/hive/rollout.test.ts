import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Amount, HiveInput, RolloutInput } from "#hive";
import { command, countOf, nixos, parseAmount, parseHive, writeAmount } from "#hive";

const system = nixos({ flake: "github:example/fleet" });
const HOSTS: HiveInput["hosts"] = {
  "web-1": { tags: ["web", "canary"], system },
  "web-2": { tags: ["web"], system },
  "db-1": { tags: ["db"], system },
};

function parse(rollout: RolloutInput, hosts = HOSTS) {
  return parseHive({ hosts, rollout }, { directory: "/fleet" }).rollout;
}

describe("rollout.waves", () => {
  it("takes selections, numbers, shares and the rest", () => {
    expect(parse({ waves: ["@canary", 1, "10%", "rest"] }).waves).toMatchObject([
      { name: "@canary", selection: "@canary", size: undefined },
      { name: "1 host", selection: undefined, size: { hosts: 1 } },
      { name: "10%", selection: undefined, size: { percent: 10 } },
      { name: "rest", selection: undefined, size: undefined },
    ]);
  });

  it("takes all there is to say of a wave", () => {
    const gate = command(["./error-rate-is-low", "--quiet"], { timeout: "1m", on: "operator" });
    const wave = { hosts: "@web", size: 2, soak: "5m", pause: 90_000, maxFailures: "50%", maxUnavailable: 1 } as const;
    const [first] = parse({ maxFailures: "10%", waves: [{ ...wave, gate, name: "half the web" }] }).waves;
    expect(first).toEqual({
      name: "half the web",
      selection: "@web",
      size: { hosts: 2 },
      soakMs: 300_000,
      pauseMs: 90_000,
      maxFailures: { percent: 50 },
      maxUnavailable: { hosts: 1 },
      gate: { kind: "command", argv: ["./error-rate-is-low", "--quiet"], timeoutMs: 60_000 },
    });
  });

  it("fills in what the rollout says of all waves, of the rest that nobody wrote down too", () => {
    const { waves } = parse({
      waves: ["@canary", { size: 1, soak: "0s" }],
      soak: "1m",
      pause: "2m",
      maxFailures: "5%",
    });
    expect(waves).toMatchObject([
      { name: "@canary", soakMs: 60_000, pauseMs: 120_000, maxFailures: { percent: 5 } },
      { name: "1 host", soakMs: 0, pauseMs: 120_000 },
      { name: "rest", soakMs: 60_000, pauseMs: 120_000, maxFailures: { percent: 5 } },
    ]);
  });

  it.each<[what: string, waves: RolloutInput["waves"], names: readonly string[]]>([
    ["no waves", [], ["rest"]],
    ["a last wave of all that is left", ["@web", { soak: "1m" }], ["@web", "rest"]],
    ["the word rest in an object", ["@web", { hosts: "rest", soak: "1m" }], ["@web", "rest"]],
    ["a number of some hosts", [{ hosts: "@web", size: 1 }], ["1 host of @web", "rest"]],
    ["several of one size", [1, 2, 2, 2], ["1 host", "2 hosts", "2 hosts (2)", "2 hosts (3)", "rest"]],
    ["a given name that a wave would make", [{ size: 1, name: "rest" }], ["rest", "rest (2)"]],
  ])("names every wave otherwise: %s", (_what, waves, names) => {
    expect(parse({ waves }).waves.map(({ name }) => name)).toEqual(names);
  });

  it("takes rest in parentheses for the host of that name", () => {
    const { waves } = parse({ waves: ["(rest)"] }, { ...HOSTS, rest: { system } });
    expect(waves).toMatchObject([{ selection: "(rest)" }, { name: "rest", selection: undefined }]);
  });
});

describe("a wave's gate", () => {
  const gateOf = (gate: NonNullable<Extract<NonNullable<RolloutInput["waves"]>[number], object>["gate"]>) =>
    parse({ waves: [{ gate }] }).waves[0]?.gate;

  it("is a command, which has five minutes when nothing else is said", () => {
    expect(gateOf(command(["./ask"]))).toEqual({ kind: "command", argv: ["./ask"], timeoutMs: 300_000 });
  });

  it("is a person", () => {
    expect(gateOf("confirm")).toEqual({ kind: "confirm" });
  });

  it("is a function, and comes out of the frozen hive as it went in", async () => {
    let asked = 0;
    const ask = () => {
      asked += 1;
      return Promise.resolve("changes are frozen");
    };
    const gate = gateOf(ask);
    expect(gate).toEqual({ kind: "function", ask, timeoutMs: 300_000 });
    expect(Object.isFrozen(gate)).toBe(true);
    expect(Object.isFrozen(ask)).toBe(false);
    if (gate?.kind !== "function") throw new Error("expected a function");
    const { signal } = new AbortController();
    expect(await gate.ask({ wave: "rest", hosts: [], events: [], signal })).toBe("changes are frozen");
    expect(asked).toBe(1);
  });

  it("is a function with a time limit of its own", () => {
    const ask = () => true;
    expect(gateOf({ ask, timeout: "8h" })).toEqual({ kind: "function", ask, timeoutMs: 8 * 3_600_000 });
  });
});

describe("rollout", () => {
  it("bounds who is unavailable, of all and of selections", () => {
    expect(parse({ maxUnavailable: "25%" })).toMatchObject({ maxUnavailable: { percent: 25 }, maxUnavailableOf: [] });
    expect(parse({ maxUnavailable: { "*": 3, "@db": 1, "web-*": "50%" } })).toMatchObject({
      maxUnavailable: { hosts: 3 },
      maxUnavailableOf: [
        { selection: "@db", amount: { hosts: 1 } },
        { selection: "web-*", amount: { percent: 50 } },
      ],
    });
    expect(parse({ maxUnavailable: { "@db": 1 } }).maxUnavailable).toBeUndefined();
  });

  it("takes budgets, an order and what a failure brings", () => {
    expect(parse({ maxFailures: 2, order: [["@db", "@web"]], onFailure: "revert-run" })).toMatchObject({
      maxFailures: { hosts: 2 },
      order: [{ before: "@db", after: "@web" }],
      onFailure: "revert-run",
    });
  });

  it("takes the documentation's example", () => {
    const gate = command(["./error-rate-is-low"]);
    const waves: RolloutInput["waves"] = [
      "@canary",
      { size: "10%", soak: "5m", gate },
      { hosts: "rest", gate: "confirm" },
    ];
    const hosts = { ...HOSTS, "edge-1": { tags: ["edge"], system } };
    const maxUnavailable = { "*": "25%", "@db": 1 } as const;
    const order = [["@web", "@edge"]] as const;
    const rollout = { waves, pause: "2m", order, maxUnavailable, maxFailures: 2, onFailure: "revert-wave" } as const;
    expect(parse(rollout, hosts).waves.map(({ name }) => name)).toEqual(["@canary", "10%", "rest"]);
  });

  it.each<[waves: NonNullable<RolloutInput["waves"]>, early: string | undefined]>([
    [["@db", "@web"], undefined],
    [[1, "rest"], undefined],
    [["10%", "db-*", "@web"], undefined],
    [[{ hosts: "db-1, web-1", size: 1 }, "db-2", "rest"], undefined],
    [["@db, web-1", "rest"], undefined],
    [["@web", "rest"], "waves[0]: .*found web-1 here and db-1, .* in the later wave rest"],
    [["db-1, web-1", "rest"], "waves[0]: .*found web-1 here and db-2, .* in the later wave rest"],
    [["db-2", "web-2", 1], "waves[1]: .*found web-2 here and db-1, .* in the later wave 1 host"],
  ])("takes waves only when they can keep the order: %j", (waves, early) => {
    const hosts = { ...HOSTS, "db-2": { tags: ["db"], system } };
    const parsing = expect(() => parse({ waves, order: [["@db", "@web"]] }, hosts));
    if (early === undefined) parsing.not.toThrow();
    else parsing.toThrow(new RegExp(`rollout\\.${early.replaceAll(/[[\]]/g, "\\$&")}`));
  });

  it("leaves out of a circle what only hangs on it", () => {
    const order = [
      ["web-2", "db-1"],
      ["web-1", "web-2"],
      ["web-2", "web-1"],
    ] as const;
    expect(() => parse({ order })).toThrow(
      /found a circle: (?:web-1 before web-2 before web-1|web-2 before web-1 before web-2)$/,
    );
  });

  it("refuses an order exactly when some host would have to go before itself", () => {
    const names = ["a", "b", "c", "d", "e", "f"];
    const hosts = Object.fromEntries(names.map((name) => [name, { system }]));
    const rule = fc
      .shuffledSubarray(names, { minLength: 2, maxLength: 3 })
      .map(([one = "", two = "", three]) => [three === undefined ? [one] : [one, three], [two]] as const)
      .chain((pair) => fc.constantFrom(pair, [pair[1], pair[0]] as const));
    let refused = 0;
    fc.assert(
      fc.property(fc.array(rule, { maxLength: 8 }), (rules) => {
        const order = rules.map(([before, after]) => [before.join(", "), after.join(", ")] as const);
        const precedes = (one: string, other: string): boolean =>
          rules.some(([before, after]) => before.includes(one) && after.includes(other));
        let message: string | undefined;
        try {
          parse({ order }, hosts);
        } catch (error) {
          message = (error as Error).message;
        }
        expect(message !== undefined).toBe(names.some((name) => reaches(name, { target: name, names, precedes })));
        if (message === undefined) return;
        refused += 1;
        const circle = /found a circle: (.*)$/.exec(message)?.[1]?.split(" before ") ?? [];
        expect(circle.length).toBeGreaterThan(2);
        expect(circle[0]).toBe(circle.at(-1));
        circle.slice(1).forEach((name, index) => {
          expect(precedes(circle[index] ?? "", name)).toBe(true);
        });
      }),
      { numRuns: 300 },
    );
    expect(refused).toBeGreaterThan(0);
  });
});

/** Whether `target` comes somewhere behind `from`. */
function reaches(
  from: string,
  {
    target,
    names,
    precedes,
  }: {
    readonly target: string;
    readonly names: readonly string[];
    readonly precedes: (one: string, other: string) => boolean;
  },
): boolean {
  const seen = new Set<string>();
  const left = [from];
  for (const name of left) {
    for (const next of names.filter((other) => precedes(name, other) && !seen.has(other))) {
      seen.add(next);
      left.push(next);
    }
  }
  return seen.has(target);
}

describe("parseAmount()", () => {
  const amounts = fc.oneof(
    fc.integer({ min: 0, max: 1_000_000 }).map((hosts): Amount => ({ hosts })),
    fc.integer({ min: 1, max: 100 }).map((percent): Amount => ({ percent })),
  );

  it("reads what writeAmount() writes", () => {
    fc.assert(
      fc.property(amounts, (amount) => {
        const text = writeAmount(amount).replace(/ hosts?$/, "");
        expect(parseAmount("hosts" in amount ? Number(text) : text, { least: 0 })).toEqual(amount);
      }),
    );
  });

  it("takes no number below the least, and nothing that is not whole", () => {
    for (const value of [
      -1,
      1.5,
      Number.NaN,
      Infinity,
      "1",
      "%",
      "0%",
      "101%",
      "1.5%",
      "05%",
      " 5%",
      "5 %",
      {},
      null,
    ]) {
      expect(parseAmount(value, { least: 0 })).toBeUndefined();
    }
    expect(parseAmount(0, { least: 1 })).toBeUndefined();
    expect(parseAmount(0, { least: 0 })).toEqual({ hosts: 0 });
    expect(parseAmount(-0, { least: 0 })).toEqual({ hosts: 0 });
  });

  it("makes amounts that are never more than there are hosts, and at least what is wanted of them", () => {
    fc.assert(
      fc.property(amounts, fc.nat({ max: 10_000 }), (amount, total) => {
        const count = countOf(amount, total, { atLeast: 1 });
        expect(count).toBeLessThanOrEqual(total);
        expect(count).toBeGreaterThanOrEqual(Math.min(1, total));
      }),
    );
  });
});
