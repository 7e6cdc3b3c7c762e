import { HiveError, nixos, parseHive, selectHosts } from "#hive";
import fc from "fast-check";
import { describe, expect, it } from "vitest";

const system = nixos({ flake: "." });
const hive = parseHive(
  {
    hosts: {
      "web-1": { system, tags: ["web", "blue"] },
      "web-2": { system, tags: ["web", "green"] },
      "web-10": { system, tags: ["web"] },
      "db-1": { system, tags: ["db", "blue"] },
      "edge.example.org": { system },
    },
  },
  { directory: "/fleet" },
);

function select(expression: string | undefined): string {
  return selectHosts(hive, expression)
    .map(({ name }) => name)
    .join(" ");
}

function failure(expression: string) {
  try {
    select(expression);
  } catch (error) {
    if (error instanceof HiveError) return { code: error.code, message: error.message, hint: error.hint };
    throw error;
  }
  throw new Error("expected a HiveError");
}

describe("selectHosts()", () => {
  it.each([
    [undefined, "web-1 web-2 web-10 db-1 edge.example.org"],
    ["web-1", "web-1"],
    ["edge.example.org", "edge.example.org"],
    ["db-1,web-1", "web-1 db-1"],
    ["web-1,web-1", "web-1"],
    ["web-*", "web-1 web-2 web-10"],
    ["*", "web-1 web-2 web-10 db-1 edge.example.org"],
    ["web-?", "web-1 web-2"],
    ["web-[12]", "web-1 web-2"],
    ["web-[!1]", "web-2"],
    ["web-[^2-9],*b-[0-1]", "web-1 db-1"],
    ["*e*1*", "web-1 web-10"],
    ["@web", "web-1 web-2 web-10"],
    ["@b*", "web-1 db-1"],
    ["@[dg]*", "web-2 db-1"],
    ["@web & @blue", "web-1"],
    ["!@web", "db-1 edge.example.org"],
    ["!!@web", "web-1 web-2 web-10"],
    ["@web & !web-1, db-*", "web-2 web-10 db-1"],
    ["db-1, @web & @blue", "web-1 db-1"],
    ["(db-1, @web) & @blue", "web-1 db-1"],
    ["(db-1, @web) & !@blue", "web-2 web-10"],
    ["!(db-1, @web)", "edge.example.org"],
    ["!web-1 & @blue", "db-1"],
    ["  ( @web&@blue )  ", "web-1"],
  ])("reads %j", (expression, names) => {
    expect(select(expression)).toBe(names);
  });

  it("gives the hive's own hosts", () => {
    expect(selectHosts(hive, "web-1")[0]).toBe(hive.hosts[0]);
  });

  it("agrees with set algebra on any expression, however it is written", () => {
    fc.assert(
      fc.property(selections, (selection) => {
        const { text, names } = selection;
        if (names.size === 0) expect(failure(text).code, text).toBe("hive/nothing-selected");
        else expect(new Set(selectHosts(hive, text).map(({ name }) => String(name))), text).toEqual(names);
      }),
      { numRuns: 2_000 },
    );
  });

  it("answers any text with hosts or a HiveError", () => {
    const pieces = fc.constantFrom("web-1", "@web", "*", "[", "]", "[a]", ",", "&", "!", "(", ")", "@", " ", "é", "\n");
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 12 }), (words) => {
        try {
          expect(selectHosts(hive, words.join("")).length).toBeGreaterThan(0);
        } catch (error) {
          expect(error).toBeInstanceOf(HiveError);
        }
      }),
      { numRuns: 2_000 },
    );
  });
});

describe("selectHosts() refuses a term that matches no host", () => {
  const HOSTS = "the hive's hosts are web-1, web-2, web-10, db-1, edge.example.org";

  it.each([
    ["wbe-1", "hive/no-such-host", 'no host is called "wbe-1"', 'did you mean "web-1"?'],
    ["web-1,mail", "hive/no-such-host", 'no host is called "mail"', HOSTS],
    ["web-1 & !mail", "hive/no-such-host", 'no host is called "mail"', HOSTS],
    ["mail-*,web-1", "hive/no-such-host", `no host's name matches "mail-*"`, HOSTS],
    ["web", "hive/no-such-host", 'no host is called "web"', 'did you mean the tag "@web"?'],
    ["WEB-1", "hive/no-such-host", 'no host is called "WEB-1"', 'did you mean "web-1"?'],
    ["@wbe", "hive/no-such-tag", 'no host has the tag "@wbe"', 'did you mean "@web"?'],
    ["@web-1", "hive/no-such-tag", 'no host has the tag "@web-1"', 'did you mean the host "web-1"?'],
    ["@mail*", "hive/no-such-tag", 'no tag matches "@mail*"', "the hive's tags are web, blue, green, db"],
    [
      "@mail, wbe-1",
      "hive/no-such-tag",
      'no host has the tag "@mail", no host is called "wbe-1"',
      "the hive's tags are web, blue, green, db",
    ],
  ])("%s", (expression, code, message, hint) => {
    expect(failure(expression)).toEqual({ code, message, hint });
  });

  it("and an expression that selects none of them together", () => {
    expect(failure("@web & @db")).toEqual({
      code: "hive/nothing-selected",
      message: 'no host is selected by "@web & @db"',
      hint: HOSTS,
    });
  });
});

describe("selectHosts() marks the place it cannot read", () => {
  const TERM = `expected a host's name, a glob, "@tag", "!" or "("`;

  it.each([
    ["", TERM, "^"],
    ["   ", TERM, "   ^"],
    ["web-1,,db-1", TERM, "      ^"],
    ["web-1 && db-1", TERM, "       ^"],
    ["web-1,", TERM, "      ^"],
    ["web-1 db-1", `expected ",", "&" or the end`, "      ^"],
    ["(web-1 db-1)", `expected ",", "&" or ")"`, "       ^"],
    ["(web-1, @web", `this "(" is never closed`, "^"],
    ["web-1)", `this ")" closes nothing`, "     ^"],
    ["()", TERM, " ^"],
    ["web-1 & @", `expected a tag after "@"`, "         ^"],
    ["@ web", `expected a tag after "@"`, " ^"],
    ["web@1", `expected ",", "&" or the end`, "   ^"],
    ["web-[12", `this "[" begins a set that has no end or is empty`, "    ^"],
    ["db-1, @w[]", `this "[" begins a set that has no end or is empty`, "        ^"],
    ["web-1\n,\t,", TERM, "        ^"],
  ])("%j", (expression, why, caret) => {
    const { code, message } = failure(expression);
    expect(code).toBe("hive/selection-syntax");
    expect(message.split("\n")).toEqual([
      `cannot read the selection: ${why}`,
      `  ${expression.replaceAll(/\s/g, " ")}`,
      `  ${caret}`,
    ]);
  });

  it("and says how to take both of two hosts", () => {
    expect(failure("web-1 db-1").hint).toBe('write "," between hosts to take both');
  });

  it("however deep it is nested", () => {
    expect(failure("(".repeat(100_000)).message).toContain("parentheses are nested too deep");
    expect(select(`${"(".repeat(200)}web-1${")".repeat(200)}`)).toBe("web-1");
    expect(select(`${"!".repeat(100_000)}web-1`)).toBe("web-1");
    expect(select(Array(20_000).fill("web-1").join(","))).toBe("web-1");
  });

  it("and is not held up by a hostile glob", () => {
    expect(failure(`${"*e".repeat(2_000)}x`).code).toBe("hive/no-such-host");
  });
});

/** An expression as it may be written, and the hosts that set algebra says it means. */
interface Written {
  readonly text: string;
  readonly names: ReadonlySet<string>;
  /** 0 or, 1 and, 2 not or a term: what may stand as an operand without parentheses. */
  readonly strength: number;
}

const everyName = new Set<string>(hive.hosts.map(({ name }) => name));
const term = fc.constantFrom<Written>(
  ...hive.hosts.map(({ name }) => ({ text: name, names: new Set<string>([name]), strength: 2 })),
  ...["web", "blue", "green", "db"].map((tag) => ({
    text: `@${tag}`,
    names: new Set<string>(hive.hosts.filter(({ tags }) => tags.includes(tag)).map(({ name }) => name)),
    strength: 2,
  })),
  { text: "web-*", names: new Set(["web-1", "web-2", "web-10"]), strength: 2 },
  { text: "[dw]*-1", names: new Set(["web-1", "db-1"]), strength: 2 },
);
const spaces = fc.constantFrom("", "", " ", "  ");

const { selection: selections } = fc.letrec<{ selection: Written }>((tie) => ({
  selection: fc.oneof(
    { maxDepth: 5 },
    term,
    fc.tuple(tie("selection"), spaces, fc.boolean()).map(([operand, space, extra]) => ({
      text: `!${space}${grouped(operand, 2, extra)}`,
      names: new Set([...everyName].filter((name) => !operand.names.has(name))),
      strength: 2,
    })),
    fc.tuple(tie("selection"), tie("selection"), spaces, fc.boolean()).map(([left, right, space, extra]) => ({
      text: `${grouped(left, 1, extra)}${space}&${space}${grouped(right, 2, extra)}`,
      names: new Set([...left.names].filter((name) => right.names.has(name))),
      strength: 1,
    })),
    fc.tuple(tie("selection"), tie("selection"), spaces, fc.boolean()).map(([left, right, space, extra]) => ({
      text: `${grouped(left, 0, extra)}${space},${space}${grouped(right, 1, extra)}`,
      names: new Set([...left.names, ...right.names]),
      strength: 0,
    })),
  ),
}));

function grouped({ text, strength }: Written, needed: number, extra: boolean): string {
  return strength < needed || extra ? `(${text})` : text;
}
