import type { HiveDefinition, HostInput, SystemSource } from "skep";
import type { RolloutInput } from "#hive";
import { command, defineHive, defineHost, http, nixos, tcp, unit } from "skep";
import { describe, expectTypeOf, it } from "vitest";

const system = nixos({ flake: "." });

describe("the types of a hive file", () => {
  it("accept what the documentation shows", () => {
    const hive = defineHive({
      name: "meadow",
      defaults: { tags: ["prod"], elevation: "none", activation: { timeout: "5m", confirmTimeout: 90_000 } },
      limits: { parallel: 5 },
      hosts: {
        "web-1": {
          target: "root@10.0.0.1",
          system,
          checks: [http({ port: 8080, status: 204 }), unit("nginx.service", { passes: 3 })],
        },
        "db-1": {
          target: { user: "deploy", port: 22, identityFile: undefined },
          system: nixos({ file: "./hosts.nix", attribute: "db" }),
          checks: [tcp({ port: 5432, from: "host" }), command(["pg_isready", "-q"], { deadline: "2m" })],
          secrets: { "db/password": { owner: "postgres", restart: ["api.service"], open: "operator" }, token: {} },
          identityPaths: ["/var/lib/keys/host"],
        },
      },
    });
    expectTypeOf(hive).toEqualTypeOf<HiveDefinition>();
    expectTypeOf(system).toExtend<SystemSource>();
    expectTypeOf(defineHost({ system })).toEqualTypeOf<HostInput>();
    expectTypeOf(defineHive).toBeCallableWith(async () => Promise.resolve({ hosts: {} }));
  });

  it("accept what the documentation shows of a rollout", () => {
    const rollout = {
      waves: [
        "@canary",
        1,
        "10%",
        { size: "10%", soak: "5m", gate: command(["./error-rate-is-low"]) },
        { hosts: "@web", size: 2, gate: async ({ hosts }) => Promise.resolve(hosts.length < 10 || "too many") },
        { gate: { timeout: "8h", ask: () => undefined } },
        { hosts: "rest", gate: "confirm", maxFailures: 0, maxUnavailable: "50%", pause: 1_000, name: "all" },
      ],
      pause: "2m",
      soak: 500,
      order: [["@web", "@edge"]],
      maxUnavailable: { "*": "25%", "@db": 1 },
      maxFailures: 2,
      onFailure: "revert-wave",
    } satisfies RolloutInput;
    expectTypeOf(defineHive).toBeCallableWith({ hosts: {}, rollout });
  });

  it("refuse what is wrong in a rollout", () => {
    // @ts-expect-error wavs is not waves
    defineHive({ hosts: {}, rollout: { wavs: [] } });
    // @ts-expect-error one wave outside a list
    defineHive({ hosts: {}, rollout: { waves: "@canary" } });
    // @ts-expect-error host is not hosts
    defineHive({ hosts: {}, rollout: { waves: [{ host: "@web" }] } });
    // @ts-expect-error a share without its sign
    defineHive({ hosts: {}, rollout: { maxFailures: "5" } });
    // @ts-expect-error an order of one
    defineHive({ hosts: {}, rollout: { order: [["@db"]] } });
    // @ts-expect-error another check for a gate
    defineHive({ hosts: {}, rollout: { waves: [{ gate: http() }] } });
    // @ts-expect-error a gate that answers with a number
    defineHive({ hosts: {}, rollout: { waves: [{ gate: () => 1 }] } });
    // @ts-expect-error an unknown consequence
    defineHive({ hosts: {}, rollout: { onFailure: "revert" } });
  });

  it("refuse misspelt keys", () => {
    // @ts-expect-error hots is not hosts
    defineHive({ hots: {} });
    // @ts-expect-error limits.parallell
    defineHive({ hosts: {}, limits: { parallell: 1 } });
    // @ts-expect-error tgas is not tags
    defineHost({ system, tgas: ["web"] });
    // @ts-expect-error target.hots is not target.host
    defineHost({ system, target: { hots: "a" } });
    // @ts-expect-error activation.confirm
    defineHost({ system, activation: { confirm: "1m" } });
    // @ts-expect-error ownr is not owner
    defineHost({ system, secrets: { token: { ownr: "app" } } });
    // @ts-expect-error prot is not port
    http({ prot: 80 });
    // @ts-expect-error from, of another check
    unit("nginx.service", { from: "host" });
    // @ts-expect-error flke is not flake
    nixos({ flke: "." });
  });

  it("refuse values of the wrong kind", () => {
    // @ts-expect-error a host without a system
    defineHost({ target: "web" });
    // @ts-expect-error a system without nixos()
    defineHost({ system: { flake: "." } });
    // @ts-expect-error a port in text
    tcp({ port: "5432" });
    // @ts-expect-error a tcp check without a port
    tcp({});
    // @ts-expect-error a command in one word
    command("pg_isready -q");
    // @ts-expect-error a command without a program
    command([]);
    // @ts-expect-error an unknown place
    http({ from: "outside" });
    // @ts-expect-error a mode in digits
    defineHost({ system, secrets: { token: { mode: 400 } } });
    // @ts-expect-error nobody opens it
    defineHost({ system, secrets: { token: { open: "nobody" } } });
    // @ts-expect-error an unknown elevation
    defineHost({ system, elevation: "doas" });
    // @ts-expect-error one tag outside a list
    defineHost({ system, tags: "web" });
    // @ts-expect-error a check's function that was not called
    defineHost({ system, checks: [http] });
    // @ts-expect-error two ways to name one system
    nixos({ flake: ".", file: "./hosts.nix" });
    // @ts-expect-error an attribute belongs in a flake's fragment
    nixos({ flake: ".", attribute: "web" });
    // @ts-expect-error a hive that is no object
    defineHive(() => "hosts");
  });
});
