import { describe, expect, it } from "vitest";
import type { WavePolicy } from "#hive";
import { nixos, parseHive } from "#hive";
import type { Prepared, Run } from "#rollout";
import { planRollout, runRollout } from "#rollout";
import type { RolloutHappening } from "#rollout";
import { makeClosure, parsePathInfos, parseStorePath } from "#store";
import { policy, wave } from "./policy.ts";

const hive = parseHive(
  {
    hosts: { "web-1": { system: nixos({ flake: "github:o/r" }) }, "db-1": { system: nixos({ flake: "github:o/r" }) } },
  },
  { directory: "/hive" },
);
const TOPLEVEL = parseStorePath("/nix/store/0c4x2abc4x2abc4x2abc4x2abc4x2abc-system");
const closure = makeClosure(
  TOPLEVEL,
  parsePathInfos(
    JSON.stringify([
      {
        path: TOPLEVEL,
        narHash: "sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
        narSize: 120,
        references: [],
        valid: true,
      },
    ]),
  ),
);
const run: Run = {
  id: "20260131-142501-3f9a",
  goal: "build",
  startedAt: 0,
  operator: "alice@laptop",
  revision: { name: "hive", revision: null, dirty: false },
  stealLease: false,
};
const error = { code: "nix/evaluate", message: "cannot evaluate", host: "db-1" };

function plan(goal: Run["goal"], waves: readonly WavePolicy[] = []) {
  const [web, db] = hive.hosts;
  const prepared = new Map<NonNullable<typeof web>["name"], Prepared>();
  if (web !== undefined) prepared.set(web.name, { closure });
  if (db !== undefined) prepared.set(db.name, { error });
  return planRollout(
    { ...run, goal },
    { hosts: hive.hosts, policy: policy({ waves }), prepared, secrets: new Map(), limits: hive.limits },
  );
}

async function carryOut(
  goal: Run["goal"],
  { stopped, waves }: { readonly stopped: boolean; readonly waves?: readonly WavePolicy[] },
) {
  const stop = new AbortController();
  if (stopped) stop.abort();
  const events: RolloutHappening[] = [];
  const leave = new AbortController().signal;
  const report = await runRollout(plan(goal, waves), {
    emit: (event) => events.push(event),
    ssh: {},
    stop: stop.signal,
    leave,
  });
  return { events, report };
}

describe("planRollout()", () => {
  it("keeps hive order, and gives each host its steps or the reason why there are none", () => {
    expect(
      plan("switch")
        .waves.flatMap(({ hosts }) => hosts)
        .map((host) => [host.host.name, "steps" in host ? host.steps.at(-1) : host.error]),
    ).toEqual([
      ["web-1", "commit"],
      ["db-1", error],
    ]);
  });
});

describe("runRollout()", () => {
  it("touches no host for the goal build, and reports the one that could not be built", async () => {
    const { report, events } = await carryOut("build", { stopped: false });
    expect(report.hosts).toMatchObject([
      { host: "web-1", outcome: "deployed", to: TOPLEVEL, logins: 0 },
      { host: "db-1", outcome: "failed", error },
    ]);
    expect(events.at(-1)).toEqual({ type: "run-finished", report });
  });

  it("skips the waves after one that did not go well, and says which host it was", async () => {
    const [web, db] = hive.hosts;
    const waves = [db, web].map((host) => wave(`only ${host!.name}`, { selection: host!.name }));
    const { report } = await carryOut("build", { stopped: false, waves });
    expect(report.hosts).toMatchObject([
      { host: "db-1", outcome: "failed" },
      { host: "web-1", outcome: "skipped", reason: "db-1 of wave only db-1 failed" },
    ]);
  });

  it("begins no host once it was stopped", async () => {
    const { report } = await carryOut("switch", { stopped: true });
    expect(report).toMatchObject({ interrupted: true });
    expect(report.hosts.map((host) => host.outcome)).toEqual(["skipped", "failed"]);
  });
});
