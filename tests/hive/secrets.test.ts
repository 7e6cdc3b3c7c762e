import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { HiveError, nixos, parseHive, system } from "#hive";
import type { Host } from "#hive";

/** The one host of a hive. */
function parseHost(host: object, defaults: object = {}): Host {
  const input = { defaults, hosts: { "web-1": { system: nixos({ flake: "." }), ...host } } };
  const [only] = parseHive(input, { directory: "/fleet/meadow" }).hosts;
  if (only === undefined) throw new Error("expected a host");
  return only;
}

/** What is said of secrets, and what parsing complains with. */
type Case = [what: string, secrets: unknown, lines: readonly (string | RegExp)[]];

/** The lines that parsing complains with. */
function problemsOf(host: object, defaults: object = {}): readonly string[] {
  try {
    parseHost(host, defaults);
    return [];
  } catch (error) {
    if (!(error instanceof HiveError)) throw error;
    return error.message.split("\n").slice(1);
  }
}

describe("parseHive() reads secrets", () => {
  it("with every default filled in", () => {
    expect(parseHost({ secrets: { token: {} } }).secrets).toEqual([
      {
        name: "token",
        owner: "root",
        group: undefined,
        mode: "0400",
        path: undefined,
        restart: [],
        reload: [],
        open: "host",
      },
    ]);
  });

  it("as they are said", () => {
    const said = {
      owner: "postgres",
      group: "1001",
      mode: "0440",
      path: "/etc/app/db.password",
      restart: ["api.service", "worker@1.service"],
      reload: ["nginx.service"],
      open: "operator",
    };
    expect(parseHost({ secrets: { "db/password": said } }).secrets).toEqual([{ name: "db/password", ...said }]);
  });

  it("with a mode of three digits as one of four", () => {
    expect(parseHost({ secrets: { token: { mode: "440" } } }).secrets).toMatchObject([{ mode: "0440" }]);
  });

  it("sorted by name, the host's own in place of the shared ones", () => {
    const defaults = { secrets: { zebra: { owner: "app" }, token: { owner: "app", mode: "0440" } } };
    const { secrets } = parseHost({ secrets: { token: { owner: "web" }, "a/b": {} } }, defaults);
    expect(secrets.map(({ name, owner, mode }) => [name, owner, mode])).toEqual([
      ["a/b", "root", "0400"],
      ["token", "web", "0400"],
      ["zebra", "app", "0400"],
    ]);
  });

  it("in the same order whatever order they are said in", () => {
    const names = fc.uniqueArray(fc.stringMatching(/^[A-Za-z0-9_+@-]{1,8}$/), { maxLength: 12 });
    fc.assert(
      fc.property(names, fc.func(fc.nat()), (said, rank) => {
        const secrets = (list: readonly string[]) => Object.fromEntries(list.map((name) => [name, {}]));
        const other = [...said].sort((a, b) => rank(a) - rank(b));
        const read = parseHost({ secrets: secrets(said) }).secrets;
        expect(read).toEqual(parseHost({ secrets: secrets(other) }).secrets);
        expect(read.map(({ name }) => name)).toEqual([...said].sort());
      }),
    );
  });

  it("and freezes them", () => {
    const [secret] = parseHost({ secrets: { token: { restart: ["api.service"] } } }).secrets;
    expect(Object.isFrozen(secret)).toBe(true);
    expect(Object.isFrozen(secret?.restart)).toBe(true);
  });

  it("and takes the host's identity paths, else the shared ones", () => {
    const defaults = { identityPaths: ["/var/lib/keys/shared"] };
    expect(parseHost({}, defaults).identityPaths).toEqual(["/var/lib/keys/shared"]);
    expect(parseHost({ identityPaths: ["/persist/key"] }, defaults).identityPaths).toEqual(["/persist/key"]);
  });

  it("lets two hosts, and a Nix system's own files, share a path", () => {
    const secrets = { one: { path: "/etc/app/one" }, two: { path: "/etc/app/two" } };
    expect(parseHost({ secrets }).secrets).toHaveLength(2);
    const hosts = Object.fromEntries(["a", "b"].map((name) => [name, { system: nixos({ flake: "." }), secrets }]));
    expect(parseHive({ hosts }, { directory: "/fleet" }).hosts).toHaveLength(2);
  });
});

describe("parseHive() says exactly what is wrong with secrets", () => {
  const PATH = 'an absolute path without spaces such as "/etc/app/key", not below /nix, /proc, /sys, /dev or /run/skep';
  const NAME = 'the name of a secret as in secrets/secrets.ts such as "db/password", without .age';
  const UNIT = 'the whole name of a unit such as "api.service" or "worker@1.service"';
  const KEY = "the absolute path of a private key file on the host";

  it.each<Case>([
    [
      "a list",
      ["token"],
      ['secrets: expected secrets by name such as { "db/password": { owner: "postgres" } }, found a list'],
    ],
    ["a misspelt key", { token: { ownr: "app" } }, ['secrets.token.ownr: unknown key, did you mean "owner"?']],
    [
      "a key that is near to nothing",
      { token: { keyFile: "x" } },
      ["secrets.token.keyFile: unknown key, known are owner, group, mode, path, restart, reload, open"],
    ],
    [
      "a secret that is text, which is not told whole",
      { token: "hunter2\nsecond line" },
      ['secrets.token: expected an object such as {} or { owner: "postgres" }, found "hunter2…"'],
    ],
    [
      "an owner with a space",
      { token: { owner: "the app" } },
      [/^secrets\.token\.owner: expected the name or number of a user, found/],
    ],
    [
      "an owner that is an option",
      { token: { owner: "-R" } },
      [/^secrets\.token\.owner: expected the name or number of a user, found/],
    ],
    [
      "a group of nothing",
      { token: { group: "" } },
      [/^secrets\.token\.group: expected the name or number of a group, found ""/],
    ],
    ...["4400", "0800", "rw", "", 400].map((mode): Case => [
      `the mode ${JSON.stringify(mode)}`,
      { token: { mode } },
      [`secrets.token.mode: expected a mode such as "0400" or "0440", found ${JSON.stringify(mode)}`],
    ]),
    ...["etc/key", "/", "/etc/", "/etc//key", "/etc/a b", "/etc/../x", "/etc/.", "/dev", "/proc/1/x", "/nix/store/x"]
      .concat("/run/skep/secrets/x", "/run/skep", "/etc/naïve", "/etc/a\nb")
      .map((path): Case => [
        `the path ${JSON.stringify(path)}`,
        { token: { path } },
        [new RegExp(`^secrets\\.token\\.path: expected ${PATH.replaceAll(/[/."]/g, "\\$&")}, found `)],
      ]),
    [
      "a unit without a suffix",
      { token: { restart: ["api"] } },
      [`secrets.token.restart[0]: expected ${UNIT}, found "api"`],
    ],
    [
      "a template",
      { token: { reload: ["worker@.service"] } },
      [`secrets.token.reload[0]: expected ${UNIT}, found "worker@.service"`],
    ],
    [
      "one unit outside a list",
      { token: { restart: "api.service" } },
      ['secrets.token.restart: expected a list of units, found "api.service"'],
    ],
    [
      "a unit to restart and to reload",
      { token: { restart: ["api.service"], reload: ["web.service", "api.service"] } },
      ['secrets.token.reload[1]: expected a unit that is not in restart as well, found "api.service"'],
    ],
    [
      "nobody to open it",
      { token: { open: "hots" } },
      ['secrets.token.open: expected "host" or "operator", found "hots", did you mean "host"?'],
    ],
    ...["../x", "/x", "a//b", "a/", ".x", "a b", "token.age", "x".repeat(201)].map((name): Case => [
      `the name ${JSON.stringify(name.slice(0, 20))}`,
      { [name]: {} },
      [new RegExp(`^secrets\\[?.*: expected ${NAME.replaceAll(/[/."]/g, "\\$&")}, found "`)],
    ]),
    [
      "a secret below another",
      { db: {}, "db/password": {}, "db-2": {} },
      ['secrets["db/password"]: expected a name that does not lie below "db", a secret too, found "db/password"'],
    ],
    [
      "one path for two",
      { one: { path: "/etc/key" }, two: { path: "/etc/key" } },
      ['secrets.two.path: expected another path than that of "one", found "/etc/key"'],
    ],
    [
      "a path below another's",
      { one: { path: "/etc/key/one" }, two: { path: "/etc/key" } },
      ['secrets.one.path: expected a path that does not lie below that of "two", found "/etc/key/one"'],
    ],
    [
      "everything at once",
      { token: { open: 1, mode: 1 }, "x y": {} },
      [/^secrets\.token\.mode/, /^secrets\.token\.open/, /^secrets\["x y"\]/],
    ],
  ])("%s", (_what, secrets, lines) => {
    const found = problemsOf({ secrets }).map((line) => line.replace("  hosts.web-1.", ""));
    expect(found).toEqual(
      lines.map((line) => (typeof line === "string" ? line : (expect.stringMatching(line) as unknown))),
    );
  });

  it("in the defaults, where they are said", () => {
    expect(problemsOf({}, { secrets: { token: { mod: "0400" } } })).toEqual([
      '  defaults.secrets.token.mod: unknown key, did you mean "mode"?',
    ]);
    const defaults = { secrets: { one: { path: "/etc/key" }, two: { path: "/etc/key" } } };
    expect(problemsOf({}, defaults)).toEqual([
      '  defaults.secrets.two.path: expected another path than that of "one", found "/etc/key"',
    ]);
    expect(problemsOf({ secrets: { two: { path: "/etc/key" } } }, defaults)).toEqual([
      '  hosts.web-1.secrets.two.path: expected another path than that of "one", found "/etc/key"',
    ]);
  });

  it.each([
    ["/etc/app/key", { "app/key": "" }, "a path that is not the system's own, as /etc/app/key is"],
    ["/etc/app/key", { app: "" }, "a path that is not the system's own, as /etc/app is"],
    ["/etc/app", { "app/key": "" }, "a path below which the system has no files of its own"],
  ])("a path %s of a system that has %j", (path, etc, expected) => {
    expect(problemsOf({ system: system({ etc }), secrets: { token: { path } } })).toEqual([
      `  hosts.web-1.secrets.token.path: expected ${expected}, found "${path}"`,
    ]);
    expect(problemsOf({ system: system({ etc }), secrets: { token: { path: "/etc/other" } } })).toEqual([]);
  });

  it.each([
    ["no list", "/key", 'identityPaths: expected a list of paths, found "/key"'],
    ["no path", [], "identityPaths: expected at least one path, found an empty list"],
    ["a relative path", ["/key", "key"], `identityPaths[1]: expected ${KEY}, found "key"`],
    ["a key itself", ["-----BEGIN"], `identityPaths[0]: expected ${KEY}, found "-----BEGIN"`],
    ["a path with a space", ["/my key"], `identityPaths[0]: expected ${KEY}, found "/my key"`],
  ])("%s as identity paths", (_what, identityPaths, line) => {
    expect(problemsOf({ identityPaths })).toEqual([`  hosts.web-1.${line}`]);
  });
});
