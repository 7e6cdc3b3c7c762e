import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Unit } from "#hive";
import { service, socket, system, target, timer } from "#hive";
import { compareEtc, parseManifest, planUnits, unitsToAsk } from "#native";
import type { StorePath } from "#store";
import { hostOf, openEvaluator } from "./evaluating.ts";
import type { Machine } from "./machine.ts";
import { openMachine } from "./machine.ts";

const manifestOf = (machine: Machine, toplevel: StorePath) =>
  parseManifest(readFileSync(join(machine.root, toplevel, "manifest"), "utf8"));

/** What the host would tell: its record of units, or, since a boot, the units of the system it runs. */
function recordOf(machine: Machine, last: StorePath | undefined): ReadonlyMap<string, string> {
  const file = join(machine.root, "run/skep/units");
  if (existsSync(file)) {
    return new Map(
      readFileSync(file, "utf8")
        .split("\n")
        .map((line) => line.split("\t") as [string, string])
        .filter(([name]) => name !== ""),
    );
  }
  return new Map(last === undefined ? [] : manifestOf(machine, last).units.map(({ name, text }) => [name, text]));
}

function statesOf(machine: Machine, units: readonly string[]): ReadonlyMap<string, string> {
  const active = machine.running();
  return new Map(units.map((unit) => [unit, Object.hasOwn(active, unit) ? "active" : "inactive"]));
}

const anyUnits = fc.record(
  {
    "web.service": fc.record({ text: fc.nat(2), change: fc.constantFrom("restart", "reload", "keep") }),
    "tidy.service": fc.nat(1),
    "tidy.timer": fc.nat(1),
    "gate.socket": fc.nat(2),
    "gate.service": fc.nat(1),
    "job@.service": fc.nat(1),
    "site.target": fc.nat(1),
  },
  { requiredKeys: [] },
);
type AnyUnits = typeof anyUnits extends fc.Arbitrary<infer T> ? T : never;

function unitsOf(given: AnyUnits): Record<string, Unit> {
  const units: Record<string, Unit> = {};
  const { "web.service": web, "tidy.service": tidy, "tidy.timer": daily, "gate.socket": gate } = given;
  if (web !== undefined) {
    const change = {
      restart: {},
      keep: { restartIfChanged: false },
      reload: { reloadIfChanged: true, execReload: ["/bin/kill"] },
    };
    units["web.service"] = service({ exec: ["/bin/web", String(web.text)], ...change[web.change as "keep"] });
  }
  if (tidy !== undefined) units["tidy.service"] = service({ exec: ["/bin/tidy", String(tidy)], wantedBy: [] });
  if (daily !== undefined) units["tidy.timer"] = timer({ onCalendar: "daily", description: String(daily) });
  if (gate !== undefined) {
    units["gate.socket"] = socket({ listenStream: `/run/gate-${gate}` });
    units["gate.service"] = service({
      exec: ["/bin/gate", String(given["gate.service"] ?? 0)],
      wantedBy: gate === 2 ? ["multi-user.target"] : [],
    });
  }
  if (given["job@.service"] !== undefined)
    units["job@.service"] = service({ exec: ["/bin/job", String(given["job@.service"])] });
  if (given["site.target"] !== undefined) units["site.target"] = target({ description: String(given["site.target"]) });
  return units;
}

describe("planUnits() and compareEtc()", { timeout: 120_000 }, () => {
  it("say of any two systems what switch-to-configuration dry-activate says on the host", async () => {
    const step = fc.record({
      units: anyUnits,
      etc: fc.dictionary(fc.constantFrom("motd", "app/a", "app/b"), fc.constantFrom("1", "2")),
      then: fc.constantFrom("stay", "stay", "reboot"),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 3 }), fc.boolean(), async (steps, hasOwnWeb) => {
        using machine = openMachine("dash");
        let last: StorePath | undefined;
        // A unit of the host's own runs by that name.
        const active = join(machine.root, "run/systemd-state/active");
        if (hasOwnWeb) mkdirSync(active, { recursive: true });
        if (hasOwnWeb) writeFileSync(join(active, "web.service"), "its own\n");
        for (const { units, etc, then } of steps) {
          const toplevel = await machine.install(system({ units: unitsOf(units), etc }));
          const wanted = manifestOf(machine, toplevel);
          const host = { recorded: recordOf(machine, last), states: statesOf(machine, unitsToAsk(wanted)) };
          const { stop, reload, restart, start } = planUnits(wanted, host);
          const { added, changed, removed } = compareEtc(
            last === undefined ? new Map<string, string>() : manifestOf(machine, last).etc,
            wanted.etc,
          );
          const said = (verb: string, names: readonly string[]): string[] =>
            names.length === 0 ? [] : [`would ${verb} ${names.join(" ")}`];
          const { stdout } = await machine.run(toplevel, "dry-activate");
          expect(stdout.filter((line) => !line.includes("/etc/"))).toEqual([
            ...[...said("stop", stop), ...said("reload", reload), ...said("restart", restart), ...said("start", start)],
            ...(stdout.includes("would change nothing") ? ["would change nothing"] : []),
          ]);
          const places = (verb: string): string[] =>
            stdout
              .filter((line) => line.startsWith(`would ${verb} /etc/`))
              .map((line) => line.slice(`would ${verb} /etc/`.length));
          expect(places("place").sort()).toEqual([...added, ...changed].sort());
          expect(places("remove").sort()).toEqual(removed);
          await machine.run(toplevel, "test");
          last = toplevel;
          if (then === "reboot") machine.reboot();
        }
      }),
      { numRuns: 15 },
    );
  });
});

describe("NativeEvaluator.manifestOf()", () => {
  it("gives what the host's own switch-to-configuration goes by", async () => {
    await using evaluator = openEvaluator();
    const { toplevel } = await evaluator.evaluate(
      hostOf(
        system({
          etc: { motd: "hi" },
          units: { "web.service": service({ exec: ["/bin/web"] }) },
          hooks: { after: [["true"]] },
        }),
      ),
    );
    const manifest = evaluator.manifestOf(toplevel);
    expect([...(manifest?.etc.keys() ?? [])]).toEqual([
      "motd",
      "systemd/system/web.service",
      "systemd/system/multi-user.target.wants/web.service",
    ]);
    expect(manifest?.units).toMatchObject([{ name: "web.service", onChange: "restart", started: true }]);
    expect(manifest?.hooks).toEqual({ before: [], after: ["true"] });
    expect(evaluator.manifestOf("/nix/store/00000000000000000000000000000000-nix" as StorePath)).toBeUndefined();
  });
});
