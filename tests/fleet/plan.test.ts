import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { FleetPlan } from "#rollout";
import type { FleetHost } from "./harness/index.ts";
import { fleetUnavailable } from "./harness/index.ts";
import type { Scene } from "./scene.ts";
import { openScene, stateOf } from "./scene.ts";
import type { SkepRun } from "./skep.ts";
import { skep } from "./skep.ts";

const NAMES = ["old-nix", "new-nix"] as const;

/**
 * Every file of skep's and Nix's with when it was changed. A Nix that is asked anything, whatever it be, sets the modes of
 * its per-user folders anew and writes beside its database.
 */
const WATCHED = `
  for folder in /nix /var/lib/skep /run/skep /etc /boot; do
    [ ! -e "$folder" ] || find "$folder" ! -name 'db.sqlite-*' ! -path /nix/var/nix/db ! -path '*/per-user*' -printf '%p %i %s %m %C@\\n'
  done | sort
`;

describe.skipIf(fleetUnavailable() !== undefined)("skep plan on hosts with Nix 2.8 and 2.26", () => {
  let scene: Scene;
  beforeAll(async () => {
    scene = await openScene([
      { name: NAMES[0], suite: "bookworm" },
      { name: NAMES[1], suite: "trixie" },
    ]);
    await scene.wantAll("v1");
    expect((await scene.deploy()).exitCode).toBe(0);
  });
  afterAll(() => scene[Symbol.asyncDispose]());

  const plan = (...argv: readonly string[]): Promise<SkepRun> =>
    skep(scene.fleet, ["plan", "--quiet", ...argv, "--ssh-config", scene.fleet.client.configFile], {
      cwd: scene.folder,
    });
  const planFile = (): FleetPlan => JSON.parse(readFileSync(join(scene.folder, "plan.json"), "utf8")) as FleetPlan;
  const watch = (): Promise<readonly string[]> =>
    Promise.all(scene.fleet.hosts.map((host: FleetHost) => host.read(["sh", "-c", WATCHED])));

  it("tells packages and units, and no file of a host is another afterwards", async () => {
    expect(await plan()).toMatchObject({ exitCode: 0 });
    await scene.wantAll("v2");
    const before = await watch();
    expect(await plan("--out", "plan.json")).toMatchObject({ exitCode: 10, stderr: "" });
    expect(await watch()).toEqual(before);
    const { changes, hosts } = planFile();
    expect(changes.map(({ units }) => units)).toEqual([null]);
    const told = changes[0]?.packages.map(({ kind, name }) => `${kind} ${name}`);
    expect(told).toEqual(expect.arrayContaining(["removed skep-app-v1", "added skep-app-v2"]));
    expect(hosts.map((host) => (host.status === "changes" ? host.copy.paths > 0 : host))).toEqual([true, true]);
    await scene.deploy("push");
    await plan("--out", "plan.json");
    const pushed = planFile();
    expect(pushed.hosts.map((host) => (host.status === "changes" ? host.copy.paths : host))).toEqual([0, 0]);
    expect(pushed.changes[0]?.units).not.toBeNull();
  });

  it("is deployed byte for byte, and refused when somebody else was there first", async () => {
    await scene.wantAll("v2");
    expect(await plan("--out", "plan.json")).toMatchObject({ exitCode: 10 });
    await scene.wantAll("v3");
    expect(await scene.deploy("--on", NAMES[0])).toMatchObject({ exitCode: 0 });
    const refused = await scene.deploy("--plan", "plan.json");
    expect(refused.exitCode).toBe(5);
    expect(refused.outcomes).toEqual({ [NAMES[0]]: "failed", [NAMES[1]]: "skipped" });
    expect(refused.host(NAMES[0])).toMatchObject({
      error: { code: "rollout/moved", message: expect.stringMatching(/\S+@\S+ deployed it \(switch\) at/) as string },
    });

    expect(await plan("--out", "plan.json")).toMatchObject({ exitCode: 10 });
    await scene.wantAll("v4");
    expect(await scene.deploy("--plan", "plan.json")).toMatchObject({ exitCode: 0 });
    for (const host of scene.fleet.hosts) expect((await stateOf(host)).answer).toBe("v3");
  });
});
