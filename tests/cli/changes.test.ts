import { readdirSync, rmSync } from "node:fs";
import { beforeEach, describe, expect, it } from "vitest";
import type { FleetPlan, KnownChange, RolloutEvent, SystemChange } from "#rollout";
import { changeId, knownOf, listRuns, runsFolder } from "#rollout";
import { useScene } from "./scene.ts";

const HOSTS = ["web-1", "web-2", "db-1"] as const;

type Changes = Extract<RolloutEvent, { type: "changes" }>;

describe("what changed", { timeout: 180_000 }, () => {
  const { machine, at, read, write, writeRules, skep } = useScene(HOSTS);
  beforeEach(() => {
    writeRules({ hosts: { "db-1": machine("db-1").target.hostKey }, rules: { "db/password": {} } });
  });

  function hive(version: string, { secrets = {}, broken = false }: { secrets?: object; broken?: boolean } = {}): void {
    const hosts = HOSTS.map((name) => {
      const { target } = machine(name);
      const checks = broken && name === "web-2" ? 'checks: [command(["false"], { deadline: "200ms" })], ' : "";
      const words = `target: ${JSON.stringify(target)}, ${checks}secrets: ${JSON.stringify(name === "db-1" ? secrets : {})}`;
      return `${JSON.stringify(name)}: { ${words}, system: ${name.split("-")[0] ?? ""} }`;
    });
    write(
      "hive.ts",
      `import { command, defineHive, service, system, text } from "skep";
       const web = system({
         packages: { ${JSON.stringify(`site-${version}`)}: text("${version}".repeat(${version === "1.0" ? 10 : 9_000})) },
         etc: { motd: "web ${version}", same: "same", ${version === "1.0" ? "gone" : "fresh"}: "x" },
         units: { "web.service": service({ exec: ["/bin/sleep", "100${version}"] }) },
         hooks: { after: [["sh", "-c", "echo start web.service; echo stop db.service; exit 0"]] },
       });
       const db = system({ etc: { motd: "db" } });
       export default defineHive({ name: "fleet", hosts: { ${hosts.join(", ")} } });`,
    );
  }
  /** What the newest journal says of it. */
  async function journalled(): Promise<readonly Changes[]> {
    const [newest] = await listRuns(runsFolder({ directory: at(".") }));
    return newest?.events.filter((event) => event.type === "changes") ?? [];
  }

  async function deployed(version: string, more?: Parameters<typeof hive>[1]): Promise<void> {
    hive(version, more);
    expect(await skep("deploy", "--quiet")).toMatchObject({ exitCode: 0 });
  }
  async function planned(version: string): Promise<FleetPlan> {
    hive(version);
    expect(await skep("plan", "--quiet", "--out", "plan.json")).toMatchObject({ exitCode: 10 });
    return JSON.parse(read("plan.json")) as FleetPlan;
  }
  const told = (host: string, id: string, change?: KnownChange): object =>
    expect.objectContaining(change === undefined ? { host, id } : { host, id, change }) as object;

  it("is told of a plain deployment as a plan tells it, once for hosts on which it is the same", async () => {
    await deployed("1.0");
    const { changes } = await planned("2.0");
    const change = withoutUndefined(knownOf(theOnly(changes)));
    expect(await skep("deploy", "--quiet")).toMatchObject({ exitCode: 0 });
    const events = (await journalled()).toSorted((one, other) => one.host.localeCompare(other.host));
    const [first, second] = events[0]?.change === undefined ? [undefined, change] : [change, undefined];
    expect(events).toEqual([told("web-1", changeId(change), first), told("web-2", changeId(change), second)]);
    expect(events.filter((event) => event.change !== undefined)).toHaveLength(1);
  });

  it("is what the plan says where one is deployed, whatever this machine knows of systems", async () => {
    await deployed("1.0");
    const plan = await planned("2.0");
    rmSync(at(".skep/systems"), { recursive: true });
    expect(await skep("deploy", "--quiet", "--plan", "plan.json")).toMatchObject({ exitCode: 0 });
    const id = changeId(knownOf(theOnly(plan.changes)));
    expect((await journalled()).map((event) => event.id)).toEqual([id, id]);
  });

  it("is left out as far as this machine does not know, and fails no deployment", async () => {
    await deployed("1.0");
    for (const name of readdirSync(at(".skep/systems"))) write(`.skep/systems/${name}`, '{"v":1,"paths":[["/nix/st');
    await deployed("2.0");
    const change = (await journalled()).find((event) => event.change !== undefined)?.change;
    expect(change).toMatchObject({ units: { restart: ["web.service"], start: [], stop: [] } });
    expect(Object.keys(change ?? {})).toEqual(["units", "hooks", "secrets"]);
    expect((await skep("report", "--markdown")).stdout).toContain(
      "| packages | not known | `this machine does not know both systems` |",
    );
  });

  it("is told of a host that goes back, without what it printed on its way", async () => {
    await deployed("1.0");
    hive("2.0", { broken: true });
    expect((await skep("deploy", "--quiet")).exitCode).toBe(6);
    const back = (await journalled()).find(({ host }) => host === "web-2")?.change;
    expect(back?.packages?.map(({ name }) => name)).toContain("site");
    expect(back).not.toHaveProperty("units");
    const { stdout } = await skep("report", "--markdown");
    expect(stdout).toMatch(/### What changed: `web-2` \(rolled back: `web-2`\)\n/);
  });

  it("names secrets, and holds nothing of what is in them", async () => {
    await deployed("1.0");
    hive("1.0", { secrets: { "db/password": {} } });
    expect(await skep("secrets", "generate", "db/password")).toMatchObject({ exitCode: 0 });
    const secret = (await skep("secrets", "view", "db/password")).stdout.trim();
    expect(secret).toMatch(/^\S{8,}$/);
    await deployed("1.0", { secrets: { "db/password": {} } });
    expect(await journalled()).toEqual([
      expect.objectContaining({ host: "db-1", change: expect.objectContaining({ secrets: NEW_SECRET }) as object }),
    ]);
    for (const format of ["--html", "--markdown"]) {
      const { stdout } = await skep("report", format);
      expect(stdout).toContain("db/password");
      expect(stdout).not.toContain(secret);
    }
  });

  it("is told of a dry activation by what the host says that it would do", async () => {
    await deployed("1.0");
    hive("2.0");
    expect(await skep("deploy", "dry-activate", "--quiet")).toMatchObject({ exitCode: 0, stderr: "" });
    // What runs it already would not change.
    expect(new Set((await journalled()).map(({ host }) => host))).toEqual(new Set(["web-1", "web-2"]));
    const change = (await journalled()).find((event) => event.change !== undefined)?.change;
    expect(change?.units?.restart).toEqual(["web.service"]);
    expect((await skep("report", "--markdown")).stdout).toContain("### What would change: `web-1, web-2`\n");
  });

  it("is printed of a dry activation, the secrets too", async () => {
    await deployed("1.0");
    hive("2.0", { secrets: { "db/password": {} } });
    expect(await skep("secrets", "generate", "db/password")).toMatchObject({ exitCode: 0 });
    const { exitCode, stderr } = await skep("deploy", "dry-activate");
    expect(exitCode, stderr).toBe(0);
    const [, announced] = /\n\n([^]*?)\n\nHOST /.exec(stderr) ?? [];
    expect(announced).toBe(`\
web-1, web-2:
  would remove /etc/gone
  would place /etc/motd
  would place /etc/fresh
  would place /etc/systemd/system/web.service
  would restart web.service
  would run sh -c 'echo start web.service; echo stop db.service; exit 0'
db-1:
  secret db/password changes
  would change nothing of the system`);
  });
});

const NEW_SECRET = { added: ["db/password"], changed: [], mayChange: [], broughtAgain: [], removed: [] };

function theOnly(changes: readonly SystemChange[]): SystemChange {
  const [change] = changes;
  if (change === undefined || changes.length > 1) throw new Error(`the plan has ${changes.length} changes`);
  return change;
}

function withoutUndefined<T>(value: T): T {
  return JSON.parse(JSON.stringify(value)) as T;
}
