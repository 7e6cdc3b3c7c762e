import { HiveError, http, nixos, parseHive, tcp, unit } from "#hive";
import { describe, expect, it } from "vitest";

const system = nixos({ flake: "." });
const HOST_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ0CwBCMsTDIGFwM4tgFCBM0MDJ2YcaBnWsLFyYmYD9y";

/** The lines that parsing complains with, or nothing. */
function problemsOf(input: unknown): readonly string[] {
  try {
    parseHive(input, { directory: "/fleet/meadow" });
    return [];
  } catch (error) {
    if (!(error instanceof HiveError)) throw error;
    expect(error.code).toBe("hive/invalid");
    return error.message.split("\n").slice(1);
  }
}

describe("parseHive() says exactly what is wrong", () => {
  const host = (settings: object) => ({ hosts: { "web-1": { system, ...settings } } });

  it.each<[what: string, input: unknown, lines: readonly string[]]>([
    ["no hive", "hosts", [`hive: expected an object made by defineHive({ hosts: { … } }), found "hosts"`]],
    ["no hosts", {}, ["hosts: expected the hosts by name, as an object, found nothing"]],
    ["an empty hive", { hosts: {} }, ["hosts: expected at least one host, found an empty object"]],
    ["hosts in a list", { hosts: [{ system }] }, ["hosts: expected the hosts by name, as an object, found a list"]],
    [
      "a misspelt key of the hive",
      { hots: {}, hosts: { "web-1": { system } } },
      [`hots: unknown key, did you mean "hosts"?`],
    ],
    [
      "a key that is near to nothing",
      { deployment: {}, hosts: { "web-1": { system } } },
      ["deployment: unknown key, known are name, hosts, defaults, rollout, limits"],
    ],
    ["a misspelt key of a host", host({ tgas: ["web"] }), [`hosts.web-1.tgas: unknown key, did you mean "tags"?`]],
    [
      "a host's name with capitals",
      { hosts: { "Web 1": { system } } },
      [
        `hosts["Web 1"]: expected a host's name of 1 to 64 lower case letters, digits, "-", "_" and ".", the first a letter or a digit, found "Web 1"`,
      ],
    ],
    [
      "a host whose name is too long",
      { hosts: { ["w".repeat(65)]: { system } } },
      [
        `hosts["wwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwww…"]: expected a host's name of 1 to 64 lower case letters, digits, "-", "_" and ".", the first a letter or a digit, found "wwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwww…"`,
      ],
    ],
    ["a host that is a function", { hosts: { "web-1": () => 1 } }, ["hosts.web-1: expected a host, found a function"]],
    [
      "a host without a system",
      { hosts: { "web-1": {} } },
      [`hosts.web-1.system: expected a system such as nixos({ flake: "." }), found nothing`],
    ],
    [
      "a system without nixos()",
      { hosts: { "web-1": { system: { flake: "." } } } },
      [`hosts.web-1.system: expected a system such as nixos({ flake: "." }), found an object with flake`],
    ],
    [
      "a system of another kind",
      { hosts: { "web-1": { system: { kind: "nix-flak", flake: "." } } } },
      [
        `hosts.web-1.system.kind: expected "nix-flake", "nix-file", "store-path" or "native", found "nix-flak", did you mean "nix-flake"?`,
      ],
    ],
    [
      "a misspelt word in nixos()",
      { hosts: { "web-1": { system: nixos({ flke: "." } as never) } } },
      [
        `hosts.web-1.system.flake: expected a flake reference without a fragment such as "." or "github:owner/repo", found nothing`,
        `hosts.web-1.system.flke: unknown key, did you mean "flake"?`,
      ],
    ],
    [
      "two ways to name one system",
      { hosts: { "web-1": { system: nixos({ flake: ".", file: "a.nix" } as never) } } },
      ["hosts.web-1.system.flake: does not go with a Nix file"],
    ],
    [
      "a flake that is a number",
      { hosts: { "web-1": { system: nixos({ flake: 5 } as never) } } },
      [
        `hosts.web-1.system.flake: expected a flake reference without a fragment such as "." or "github:owner/repo", found 5`,
      ],
    ],
    [
      "an attribute path with a hole",
      { hosts: { "web-1": { system: nixos({ file: "a.nix", attribute: "a..b" }) } } },
      [`hosts.web-1.system.attribute: expected an attribute path such as "nixosConfigurations.web-1", found "a..b"`],
    ],
    [
      "a store path of no store",
      { hosts: { "web-1": { system: nixos({ storePath: "./result" }) } } },
      [
        `hosts.web-1.system.storePath: expected a store path such as "/nix/store/<digest>-nixos-system-web-1", found "./result"`,
      ],
    ],
    [
      "a target's port out of range",
      host({ target: "web:70000" }),
      [
        `hosts.web-1.target: expected a target such as "root@10.0.0.5", "deploy@web.example.org:2222" or "[2001:db8::1]:22", found "web:70000"`,
      ],
    ],
    [
      "a target with a password, which is not shown",
      host({ target: "root:hunter2@web" }),
      [
        `hosts.web-1.target: expected a target such as "root@10.0.0.5", "deploy@web.example.org:2222" or "[2001:db8::1]:22", found "root:…@web"`,
      ],
    ],
    [
      "a misspelt key of a target",
      host({ target: { hots: "a" } }),
      [`hosts.web-1.target.hots: unknown key, did you mean "host"?`],
    ],
    [
      "a target that is a number",
      host({ target: 22 }),
      [`hosts.web-1.target: expected a target such as "root@10.0.0.5", or an object, found 22`],
    ],
    [
      "a private key in place of its path",
      host({ target: { identityFile: "-----BEGIN OPENSSH PRIVATE KEY-----\nb3Blbn" } }),
      [
        `hosts.web-1.target.identityFile: expected the path of a private key file, found "-----BEGIN OPENSSH PRIVATE KEY-----…"`,
      ],
    ],
    [
      "a host key whose bytes are of another type",
      host({ target: { hostKey: HOST_KEY.replace("ssh-ed25519", "ssh-rsa") } }),
      [
        `hosts.web-1.target.hostKey: expected a public key such as "ssh-ed25519 AAAA…", found "ssh-rsa AAAAC3NzaC1lZDI1NTE5AAAAIJ0CwBCM…"`,
      ],
    ],
    [
      "two hosts on one machine",
      { hosts: { "web-1": { system, target: "root@10.0.0.5" }, "web-2": { system, target: "10.0.0.5" } } },
      [`hosts.web-2.target: expected another machine than that of web-1, found "10.0.0.5"`],
    ],
    [
      "a bad tag and one that is there twice",
      host({ tags: ["web", "@db", "web"] }),
      [
        `hosts.web-1.tags[1]: expected a tag of 1 to 64 lower case letters, digits, "-", "_" and ".", the first a letter or a digit, found "@db"`,
        `hosts.web-1.tags[2]: expected each tag once, found "web"`,
      ],
    ],
    ["tags that are no list", host({ tags: "web" }), [`hosts.web-1.tags: expected a list of tags, found "web"`]],
    [
      "a misspelt literal",
      host({ elevation: "sud" }),
      [`hosts.web-1.elevation: expected "none" or "sudo", found "sud", did you mean "sudo"?`],
    ],
    ["yes for true", host({ substitute: "yes" }), [`hosts.web-1.substitute: expected true or false, found "yes"`]],
    ["null", host({ checks: null }), ["hosts.web-1.checks: expected a list of checks, found null"]],
    [
      "a check's function that was not called",
      host({ checks: [http] }),
      [
        "hosts.web-1.checks[0]: expected a check made by http(), tcp(), unit(), command(), baseline() or check(), found a function",
      ],
    ],
    [
      "a check of an unknown kind",
      host({ checks: [{ kind: "htpp" }] }),
      [
        `hosts.web-1.checks[0].kind: expected "http", "tcp", "unit", "command", "baseline" or "custom", found "htpp", did you mean "http"?`,
      ],
    ],
    [
      "a port in text",
      host({ checks: [tcp({ port: 5432 }), { kind: "http", port: "80" }] }),
      [`hosts.web-1.checks[1].port: expected a whole number from 1 to 65535, found "80"`],
    ],
    [
      "a misspelt key of a check",
      host({ checks: [{ kind: "http", prot: 80 }] }),
      [`hosts.web-1.checks[0].prot: unknown key, did you mean "port"?`],
    ],
    [
      "a misspelt place",
      host({ checks: [http({ from: "hots" as never })] }),
      [`hosts.web-1.checks[0].from: expected "operator" or "host", found "hots", did you mean "host"?`],
    ],
    [
      "a port beside a url",
      host({ checks: [http({ url: "http://web/", port: 80 })] }),
      ["hosts.web-1.checks[0].port: expected no port beside a url, found 80"],
    ],
    [
      "a url with a password, which is not shown",
      host({ checks: [http({ url: "http://me:hunter2@web/" })] }),
      [
        `hosts.web-1.checks[0].url: expected a URL such as "https://web.example.org/healthz", without a password in it, found "http://…@web/"`,
      ],
    ],
    [
      "a path that is none",
      host({ checks: [http({ path: "healthz" })] }),
      [`hosts.web-1.checks[0].path: expected a path such as "/healthz", found "healthz"`],
    ],
    [
      "a command in one word",
      host({ checks: [{ kind: "command", argv: "pg_isready -q" }] }),
      [
        `hosts.web-1.checks[0].argv: expected a program and its arguments as a list of words such as ["pg_isready", "-q"], found "pg_isready -q"`,
      ],
    ],
    [
      "a command without words",
      host({ checks: [{ kind: "command", argv: [] }] }),
      ["hosts.web-1.checks[0].argv[0]: expected a program, found nothing"],
    ],
    [
      "a unit that is a glob",
      host({ checks: [unit("nginx*")] }),
      [`hosts.web-1.checks[0].unit: expected the name of a systemd unit such as "nginx.service", found "nginx*"`],
    ],
    [
      "two checks of one name",
      host({ checks: [unit("a"), unit("a.service")] }),
      [`hosts.web-1.checks[1].name: expected a name that checks[0] has not, found "unit a.service"`],
    ],
    [
      "a duration without a unit",
      host({ checks: [unit("a", { deadline: "30" })] }),
      [`hosts.web-1.checks[0].deadline: expected a duration from 100ms to 24h, such as "90s" or "5m", found "30"`],
    ],
    [
      "a number of seconds",
      host({ activation: { timeout: 30 } }),
      [
        `hosts.web-1.activation.timeout: expected a duration from 1s to 24h, such as "90s" or "5m" (a number is milliseconds), found 30`,
      ],
    ],
    [
      "a duration that is far too long",
      host({ activation: { timeout: "40d" } }),
      [`hosts.web-1.activation.timeout: expected a duration from 1s to 24h, such as "90s" or "5m", found "40d"`],
    ],
    [
      "an attempt longer than the deadline",
      host({ checks: [unit("a", { timeout: "2m" })] }),
      [`hosts.web-1.checks[0].timeout: expected an attempt to end within its deadline of 1m, found "2m"`],
    ],
    [
      "more passes than there is time for",
      host({ checks: [unit("a", { passes: 8, period: "10s" })] }),
      [
        "hosts.web-1.checks[0].passes: expected at most 6, which is what a period of 10s leaves time for within its deadline of 1m, found 8",
      ],
    ],
    [
      "checks that outlast the confirmation",
      host({ checks: [unit("a")], activation: { confirmTimeout: "45s" } }),
      [
        `hosts.web-1.activation.confirmTimeout: expected more than the 1m that check "unit a.service" of web-1 may take, found "45s"`,
      ],
    ],
    [
      "shared checks that outlast the shared confirmation",
      { defaults: { checks: [unit("a")], activation: { confirmTimeout: "60s" } }, hosts: { "web-1": { system } } },
      [
        `defaults.activation.confirmTimeout: expected more than the 1m that check "unit a.service" of web-1 may take, found "1m"`,
      ],
    ],
    [
      "a limit of nothing, and half of one",
      { ...host({}), limits: { parallel: 0, build: 1.5, copi: 1 } },
      [
        "limits.parallel: expected a whole number from 1 to 1000, found 0",
        "limits.build: expected a whole number from 1 to 1000, found 1.5",
        `limits.copi: unknown key, did you mean "copy"?`,
      ],
    ],
    [
      "a name of two lines",
      { ...host({}), name: "meadow\nnorth" },
      [`name: expected a name of one line, at most 100 characters, found "meadow…"`],
    ],
    [
      "a key with a dot, and a long value that turns the line around",
      { hosts: { "web.example.org": { system, elevation: `\u202e${"x".repeat(50)}` } } },
      [
        `hosts["web.example.org"].elevation: expected "none" or "sudo", found "\\u{202e}xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…"`,
      ],
    ],
    [
      "everything at once, each in its place",
      {
        name: 5,
        defaults: { tags: 1 },
        limits: [],
        hosts: {
          a: 1,
          b: { system, checks: [{}] },
          c: { system, checks: [unit("a")], activation: { confirmTimeout: 1_000 } },
        },
      },
      [
        "name: expected a name of one line, at most 100 characters, found 5",
        "limits: expected an object of limits, found an empty list",
        "defaults.tags: expected a list of tags, found 1",
        "hosts.a: expected a host, found 1",
        "hosts.b.checks[0]: expected a check made by http(), tcp(), unit(), command(), baseline() or check(), found an empty object",
        `hosts.c.activation.confirmTimeout: expected more than the 1m that check "unit a.service" of c may take, found "1s"`,
      ],
    ],
  ])("%s", (_what, input, lines) => {
    expect(problemsOf(input)).toEqual(lines.map((line) => `  ${line}`));
  });
});

it("parseHive() counts the problems under a line that names the file", () => {
  const options = { directory: "/fleet/meadow", file: "hive.ts" };
  expect(() => parseHive({}, options)).toThrow(/^hive\.ts is not valid, 1 problem:\n {2}hosts: /);
  expect(() => parseHive({ name: 1 }, options)).toThrow(
    /^hive\.ts is not valid, 2 problems:\n {2}name: .*\n {2}hosts: /,
  );
});
