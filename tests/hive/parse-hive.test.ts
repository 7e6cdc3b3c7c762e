import { command, defineHive, defineHost, http, nixos, parseHive, tcp, unit } from "#hive";
import { homedir } from "node:os";
import { describe, expect, it } from "vitest";

const system = nixos({ flake: "." });

function parse(input: unknown) {
  return parseHive(input, { directory: "/fleet/meadow" });
}

/** The one host of a hive. */
function parseHost(host: object, defaults: object = {}) {
  const [only] = parse({ defaults, hosts: { "web-1": { system, ...host } } }).hosts;
  if (only === undefined) throw new Error("expected a host");
  return only;
}

describe("parseHive()", () => {
  it("fills in every default", () => {
    expect(parse({ hosts: { "web-1": { system } } })).toEqual({
      name: "meadow",
      directory: "/fleet/meadow",
      hosts: [
        {
          name: "web-1",
          target: {
            host: "web-1",
            user: undefined,
            port: undefined,
            identityFile: undefined,
            proxyJump: undefined,
            hostKey: undefined,
            root: "",
          },
          tags: [],
          elevation: "sudo",
          system: { kind: "nix-flake", flake: "/fleet/meadow", attribute: undefined },
          checks: [],
          activation: { timeoutMs: 300_000, confirmTimeoutMs: 30_000 },
          substitute: false,
          store: "auto",
          secrets: [],
          identityPaths: ["/etc/ssh/ssh_host_ed25519_key", "/etc/ssh/ssh_host_rsa_key"],
        },
      ],
      rollout: {
        waves: [
          {
            name: "rest",
            selection: undefined,
            size: undefined,
            soakMs: 0,
            pauseMs: 0,
            maxFailures: { hosts: 0 },
            maxUnavailable: undefined,
            gate: undefined,
          },
        ],
        maxUnavailable: undefined,
        maxUnavailableOf: [],
        maxFailures: { hosts: 0 },
        order: [],
        onFailure: "stop",
      },
      limits: { parallel: 10, evaluate: 1, evaluateMemoryMiB: undefined, build: 2, copy: 10, activate: 10 },
    });
  });

  it("takes the hive's own name before the given one before the folder's", () => {
    const hosts = { "web-1": { system } };
    const options = { directory: "/fleet/meadow", name: "given" };
    expect(parseHive({ name: "own", hosts }, options).name).toBe("own");
    expect(parseHive({ hosts }, options).name).toBe("given");
    expect(parseHive({ hosts }, { directory: "/" }).name).toBe("hive");
  });

  it("takes what defineHive() and its siblings make", () => {
    const hive = defineHive({
      hosts: {
        "web-1": defineHost({ system, checks: [http(), tcp({ port: 1 }), unit("a"), command(["b"])] }),
      },
      limits: { parallel: 3, evaluateMemoryMiB: 2048 },
    });
    expect(parse(hive)).toMatchObject({ limits: { parallel: 3, evaluateMemoryMiB: 2048, build: 2 } });
  });

  it("keeps the order of the hosts", () => {
    const hosts = { web: { system }, db: { system }, edge: { system } };
    expect(parse({ hosts }).hosts.map(({ name }) => name)).toEqual(["web", "db", "edge"]);
  });

  it("freezes the hive to the bottom, and leaves the input as it was", () => {
    const input = { hosts: { "web-1": { system, tags: ["web"], checks: [command(["true"])] } } };
    const hive = parse(input);
    const unfrozen: unknown[] = [];
    const visit = (value: unknown): void => {
      if (typeof value !== "object" || value === null) return;
      if (!Object.isFrozen(value)) unfrozen.push(value);
      Object.values(value).forEach(visit);
    };
    visit(hive);
    expect(unfrozen).toEqual([]);
    expect(Object.isFrozen(input.hosts["web-1"].tags)).toBe(false);
  });
});

describe("parseHive() puts the defaults under each host", () => {
  it("so that the host's own settings win and the tags are added", () => {
    const defaults = {
      tags: ["prod", "web"],
      elevation: "none",
      substitute: true,
      checks: [unit("sshd")],
      activation: { timeout: "1m", confirmTimeout: "2m" },
    };
    expect(parseHost({ tags: ["web", "blue"], activation: { timeout: "9m" } }, defaults)).toMatchObject({
      tags: ["web", "blue", "prod"],
      elevation: "none",
      substitute: true,
      checks: [{ name: "unit sshd.service" }],
      activation: { timeoutMs: 540_000, confirmTimeoutMs: 120_000 },
    });
    expect(parseHost({ elevation: "sudo", substitute: false, store: "auto", checks: [] }, defaults)).toMatchObject({
      elevation: "sudo",
      substitute: false,
      store: "auto",
      checks: [],
    });
  });

  it("and waits for the confirmation 30 s longer than the slowest check may take", () => {
    const checks = [unit("a", { deadline: "10s" }), unit("b", { deadline: "2m" }), unit("c")];
    expect(parseHost({ checks }).activation.confirmTimeoutMs).toBe(150_000);
    expect(parseHost({}, { checks }).activation.confirmTimeoutMs).toBe(150_000);
  });
});

describe("parseHive() reads targets", () => {
  it.each([
    ["10.0.0.5", { host: "10.0.0.5" }],
    ["root@10.0.0.5", { host: "10.0.0.5", user: "root" }],
    ["deploy@web.example.org:2222", { host: "web.example.org", user: "deploy", port: 2222 }],
    ["web-alias", { host: "web-alias" }],
    ["me@corp.example@web:22", { host: "web", user: "me@corp.example", port: 22 }],
    ["[2001:db8::1]:22", { host: "2001:db8::1", port: 22 }],
    ["root@[2001:db8::1]", { host: "2001:db8::1", user: "root" }],
    ["root@2001:db8::1", { host: "2001:db8::1", user: "root" }],
    ["fe80::1%eth0", { host: "fe80::1%eth0" }],
    ["ssh://root@web:2222", { host: "web", user: "root", port: 2222 }],
    ["ssh://web/", { host: "web" }],
  ])("%s", (text, target) => {
    const nothing = { user: undefined, port: undefined, identityFile: undefined, proxyJump: undefined };
    expect(parseHost({ target: text }).target).toEqual({ ...nothing, hostKey: undefined, root: "", ...target });
  });

  it.each([
    "",
    " ",
    "web:",
    "web:0",
    "web:65536",
    "web:ssh",
    "@web",
    "a b@web",
    "-oProxyCommand=x",
    "root@-x",
    "we b",
    "[web]",
    "[::1",
    "::1]:22",
    "web/path",
    "http://web",
    "root:secret@web",
    "a@b:1:2",
    "web\n",
  ])("but not %j", (text) => {
    expect(() => parseHost({ target: text })).toThrow(/1 problem:\n {2}hosts\.web-1\.target: expected a target/);
  });

  it("from objects, with the identity file relative to the hive or the home folder", () => {
    const target = { user: "deploy", port: 22, proxyJump: "me@bastion:2222,inner", hostKey: HOST_KEY };
    expect(parseHost({ target }).target).toEqual({ root: "", host: "web-1", identityFile: undefined, ...target });
    expect(parseHost({ target: { identityFile: "keys/id" } }).target.identityFile).toBe("/fleet/meadow/keys/id");
    expect(parseHost({ target: { identityFile: "/etc/id" } }).target.identityFile).toBe("/etc/id");
    expect(parseHost({ target: { identityFile: "~/.ssh/id" } }).target.identityFile).toBe(`${homedir()}/.ssh/id`);
  });
});

const HOST_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ0CwBCMsTDIGFwM4tgFCBM0MDJ2YcaBnWsLFyYmYD9y";

describe("parseHive() makes sources absolute", () => {
  it.each([
    [".", "/fleet/meadow"],
    ["./infra", "/fleet/meadow/infra"],
    ["../infra?dir=nix", "/fleet/infra?dir=nix"],
    ["..", "/fleet"],
    ["/etc/nixos", "/etc/nixos"],
    ["path:./infra", "path:/fleet/meadow/infra"],
    ["path:infra", "path:/fleet/meadow/infra"],
    ["git+file:.", "git+file:/fleet/meadow"],
    ["git+file:///srv/infra", "git+file:///srv/infra"],
    ["~/infra", `${homedir()}/infra`],
    ["github:owner/repo", "github:owner/repo"],
    ["git+ssh://git@example.org/infra?ref=main", "git+ssh://git@example.org/infra?ref=main"],
    ["nixpkgs", "nixpkgs"],
  ])("flake %s → %s", (flake, absolute) => {
    expect(parseHost({ system: nixos({ flake }) }).system).toMatchObject({ flake: absolute });
  });

  it.each([
    [".#web", "nixosConfigurations.web"],
    [".#nixosConfigurations.web", "nixosConfigurations.web"],
    [`.#"web.example.org"`, `nixosConfigurations."web.example.org"`],
    [".#", undefined],
    [".", undefined],
  ])("flake %s names the attribute %s", (flake, attribute) => {
    expect(parseHost({ system: nixos({ flake }) }).system).toEqual({
      kind: "nix-flake",
      flake: "/fleet/meadow",
      attribute,
    });
  });

  it("files too, but not store paths", () => {
    const file = nixos({ file: "./hosts.nix", attribute: "hosts.web-1" });
    expect(parseHost({ system: file }).system).toEqual({
      kind: "nix-file",
      file: "/fleet/meadow/hosts.nix",
      attribute: "hosts.web-1",
    });
    const storePath = `/nix/store/${"0".repeat(32)}-nixos-system-web-1-24.11`;
    expect(parseHost({ system: nixos({ storePath }) }).system).toEqual({ kind: "store-path", storePath });
  });
});

describe("parseHive() reads checks", () => {
  const timing = { periodMs: 1_000, timeoutMs: 5_000, deadlineMs: 60_000, passes: 1, failures: 3, required: false };
  const web = {
    kind: "http",
    url: undefined,
    port: 80,
    path: "/",
    method: "GET",
    status: undefined,
    headers: [],
    body: undefined,
    tls: undefined,
    from: "operator",
  };

  it.each([
    [http(), { ...timing, ...web, name: "http :80/" }],
    [
      http({ port: 8080, path: "/healthz" }),
      { ...timing, ...web, port: 8080, path: "/healthz", name: "http :8080/healthz" },
    ],
    [
      http({ url: "https://web/up", status: 204 }),
      { ...timing, ...web, url: "https://web/up", status: 204, name: "http https://web/up" },
    ],
    [
      tcp({ port: 5432 }),
      { ...timing, kind: "tcp", port: 5432, address: undefined, from: "operator", name: "tcp :5432" },
    ],
    [
      tcp({ port: 53, address: "::1", from: "host" }),
      { ...timing, kind: "tcp", port: 53, address: "::1", from: "host", name: "tcp [::1]:53" },
    ],
    [unit("nginx.service"), { ...timing, kind: "unit", unit: "nginx.service", name: "unit nginx.service" }],
    [unit("nginx"), { ...timing, kind: "unit", unit: "nginx.service", name: "unit nginx.service" }],
    [
      unit("backup@db.timer", { passes: 3 }),
      { ...timing, passes: 3, kind: "unit", unit: "backup@db.timer", name: "unit backup@db.timer" },
    ],
    [
      command(["/usr/bin/pg_isready", "-q"]),
      { ...timing, kind: "command", argv: ["/usr/bin/pg_isready", "-q"], on: "host", name: "command pg_isready" },
    ],
    [
      command(["./smoke-test"], { on: "operator", name: "smoke" }),
      { ...timing, kind: "command", argv: ["./smoke-test"], on: "operator", name: "smoke" },
    ],
  ])("%j", (input, check) => {
    expect(parseHost({ checks: [input] }).checks).toEqual([check]);
  });

  it("with durations as text or milliseconds", () => {
    const check = unit("a", { period: 500, timeout: "1.5s", deadline: "1m30s" });
    expect(parseHost({ checks: [check] }).checks).toMatchObject([
      { periodMs: 500, timeoutMs: 1_500, deadlineMs: 90_000 },
    ]);
  });

  it("and lets no attempt outlast a short deadline", () => {
    expect(parseHost({ checks: [unit("a", { deadline: "2s" })] }).checks).toMatchObject([{ timeoutMs: 2_000 }]);
  });
});
