import { lstatSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import type { FleetPlan, PlannedHostChange } from "#rollout";
import { sshKeygen } from "../secrets/tools.ts";
import { runningSystem } from "../sandbox/systems-of-host.ts";
import { useScene } from "./scene.ts";

const HOSTS = ["web-1", "web-2", "db-1"] as const;

describe("skep plan and skep deploy --plan", { timeout: 180_000 }, () => {
  const { machine, at, read, write, writeRules, skep } = useScene(HOSTS);
  beforeEach(() => {
    const hosts = { "db-1": machine("db-1").target.hostKey };
    writeRules({ hosts, rules: { "db/password": {}, "db/user": {} } });
    hive("1.0");
  });

  interface HiveWords {
    readonly secrets?: object;
    readonly tags?: Readonly<Record<string, string>>;
    readonly port?: number;
  }
  function hive(version: string, { secrets = {}, tags = {}, port }: HiveWords = {}): void {
    const hosts = HOSTS.map((name) => {
      const target = { ...machine(name).target, ...(port === undefined || name !== "web-2" ? {} : { port }) };
      const [kind] = name.split("-");
      const words = { target, tags: [tags[name] ?? kind], ...(name === "db-1" ? { secrets } : {}) };
      return `${JSON.stringify(name)}: { ...${JSON.stringify(words)}, system: ${kind} }`;
    });
    write(
      "hive.ts",
      `import { defineHive, service, system, text } from "skep";
       const web = system({
         packages: { ${JSON.stringify(`site-${version}`)}: text("${version}".repeat(${version === "1.0" ? 10 : 9_000})) },
         etc: { motd: "web ${version}", same: "same", ${version === "1.0" ? "gone" : "fresh"}: "x" },
         units: {
           "web.service": service({ exec: ["/bin/sleep", "100${version}"] }),
           "idle.service": service({ exec: ["/bin/sleep", "1000"] }),
         },
       });
       const db = system({ etc: { motd: "db" } });
       export default defineHive({
         name: "fleet",
         rollout: { waves: ["@db", "@web"], order: [["@db", "@web"]] },
         hosts: { ${hosts.join(", ")} },
       });`,
    );
  }
  const planFile = (): FleetPlan => JSON.parse(read("plan.json")) as FleetPlan;
  const runningOf = (name: string): string => runningSystem(machine(name));
  async function deployed(version: string, words?: HiveWords): Promise<void> {
    hive(version, words);
    expect(await skep("deploy", "--quiet")).toMatchObject({ exitCode: 0 });
  }

  it("shows what is the same on several hosts once, and after it was deployed there is nothing to do", async () => {
    await deployed("1.0");
    hive("2.0");
    const run = await skep("plan", "--quiet");
    expect(run).toMatchObject({ exitCode: 10, stderr: "" });
    const digests = /[0-9a-z]{7} -> [0-9a-z]{7}/g;
    expect(run.stdout.replace(/^plan .*\n/, "").replaceAll(digests, "0000000 -> 1111111")).toBe(`
web-1, web-2
  packages  added    fresh
            removed  gone
            up       site  1.0 -> 2.0  +26.3 KiB
            rebuilt  motd, unit-web.service
  units     restart  web.service
  /etc      added    fresh
            changed  motd, systemd/system/web.service
            removed  gone

HOST   WAVE  SYSTEM                                GENERATION  COPY               CLOSURE
web-1  @web  0000000 -> 1111111 skep-system-web-1  1 -> 2      5 paths, 29.0 KiB  23.0 KiB -> 49.3 KiB
web-2  @web  0000000 -> 1111111 skep-system-web-2  1 -> 2      5 paths, 29.0 KiB  23.0 KiB -> 49.3 KiB

wave 1  @db   db-1
wave 2  @web  web-1, web-2
order  web-1, web-2 after db-1

switch: 2 to change, 1 unchanged
`);
    expect(await skep("deploy", "--quiet")).toMatchObject({ exitCode: 0 });
    const after = await skep("plan", "--quiet");
    expect(after.exitCode).toBe(0);
    expect(after.stdout).toContain("switch: 3 unchanged: there is nothing to do\n");
  });

  it("changes nothing on any host: no file, no lease, no time of change", async () => {
    await deployed("1.0");
    hive("2.0");
    const before = HOSTS.map((name) => snapshot(machine(name).root));
    expect(await skep("plan", "--out", "plan.json")).toMatchObject({ exitCode: 10 });
    expect(HOSTS.map((name) => snapshot(machine(name).root))).toEqual(before);
    // As a proof that it would have been seen.
    expect(await skep("deploy", "push", "--on", "web-1", "--quiet")).toMatchObject({ exitCode: 0 });
    expect(snapshot(machine("web-1").root)).not.toEqual(before[0]);
  });

  it("deploys byte for byte the paths of the plan, and once more does nothing", async () => {
    await deployed("1.0");
    hive("2.0");
    await skep("plan", "--out", "plan.json");
    const planned = planFile().hosts as readonly PlannedHostChange[];
    const { exitCode, stderr } = await skep("deploy", "--plan", "plan.json");
    expect({ exitCode, stderr }).toEqual({
      exitCode: 0,
      stderr: expect.stringContaining("2 deployed, 1 unchanged") as string,
    });
    for (const { host, to } of planned) expect(runningOf(host)).toBe(to.toplevel);
    for (const { host, to } of planned) {
      const profile = readlinkSync(join(machine(host).root, "nix/var/nix/profiles/skep"));
      expect(profile).toBe(`skep-${to.generation ?? 0}-link`);
    }
    expect((await skep("deploy", "--plan", "plan.json")).stderr).toContain("3 unchanged");
  });

  it("is refused as a whole when a host has moved, and says who moved it", async () => {
    await deployed("1.0");
    hive("2.0");
    await skep("plan", "--out", "plan.json");
    await deployed("3.0", {});
    hive("2.0");
    const web2 = runningOf("web-2");
    const run = await skep("deploy", "--plan", "plan.json");
    expect(run.exitCode).toBe(5);
    expect(run.stderr).toMatch(
      /web-1: it has moved since the plan was made: it ran \/nix\/store\/\S+, and runs \/nix\/store\/\S+; \S+@\S+ deployed it \(switch\) at 20\S+Z, run \d{8}-\d{6}-[0-9a-f]{4} \[rollout\/moved\]/,
    );
    expect(run.stderr).toContain("db-1: skipped: the plan is refused as a whole, because of 2 hosts");
    expect(runningOf("web-2")).toBe(web2);
  });

  it("calls what moved a host back a rollback, as its history does", async () => {
    await deployed("1.0");
    await deployed("2.0");
    hive("3.0");
    await skep("plan", "--out", "plan.json", "--quiet");
    expect(await skep("rollback", "--on", "web-1", "--quiet")).toMatchObject({ exitCode: 0 });
    const run = await skep("deploy", "--plan", "plan.json", "--quiet");
    expect(run).toMatchObject({
      exitCode: 5,
      stderr: expect.stringContaining(" deployed it (rollback) at ") as string,
    });
  });

  it("is refused as a whole also when the host that has moved cannot tell who moved it", async () => {
    await skep("plan", "--out", "plan.json", "--quiet");
    hive("2.0");
    await skep("deploy", "--on", "web-2", "--quiet");
    const records = join(machine("web-2").root, "var/lib/skep/deployments");
    writeFileSync(join(records, "20991231-235959-ffff.json"), " ".repeat(17 * 1024 * 1024));
    hive("1.0");
    const run = await skep("deploy", "--plan", "plan.json", "--quiet");
    expect(run).toMatchObject({ exitCode: 5, stderr: expect.stringContaining("[rollout/moved]") as string });
    const isTouched = (name: string): boolean =>
      readdirSync(join(machine(name).root, "run")).includes("current-system");
    expect(HOSTS.filter(isTouched)).toEqual(["web-2"]);
  });

  it("is refused when its systems come out as others, when waves or addresses are others, when a host failed in it", async () => {
    await skep("plan", "--out", "plan.json");
    const refused = async (): Promise<string> => {
      const run = await skep("deploy", "--plan", "plan.json");
      expect(run.exitCode).not.toBe(0);
      return /\[rollout\/(\S+)\]/.exec(run.stderr)?.[1] ?? run.stderr;
    };
    hive("2.0");
    expect(await refused()).toBe("plan-paths");
    hive("1.0", { tags: { "web-1": "db" } });
    expect(await refused()).toBe("plan-hive");
    hive("1.0", { port: 1 });
    expect(await refused()).toBe("plan-hive");
    hive("1.0");
    using _ = machine("web-1").faults.refuseLogins();
    const partial = await skep("plan", "--out", "plan.json", "--quiet");
    expect(partial.exitCode).toBe(5);
    expect(partial.stdout).toContain("switch: 2 to change, 1 that cannot be planned");
    expect(partial.stdout).toMatch(/^cannot be planned: web-1: .* \[ssh\/auth-refused\]$/m);
    expect(await refused()).toBe("plan-incomplete");
    expect(readdirSync(join(machine("db-1").root, "nix/store"))).toEqual([]);
  });

  it("is refused when it is too old, or when the command line says otherwise", async () => {
    await skep("plan", "--out", "plan.json", "--on", "db-1");
    expect(await skep("deploy", "--plan", "plan.json", "--max-age", "1ms")).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining("at most 0.0 s are allowed [rollout/plan-too-old]") as string,
    });
    for (const more of [
      ["--on", "web-1"],
      ["boot"],
      ["--wave", "rest"],
      ["--sandbox"],
      ["--reboot", "always"],
      ["--reboot", "never"],
      ["--signer", "ann"],
    ]) {
      expect(await skep("deploy", ...more, "--plan", "plan.json")).toMatchObject({
        exitCode: 2,
        stderr: expect.stringContaining("[cli/usage]") as string,
      });
    }
    expect((await skep("deploy", "--plan", "nowhere.json")).stderr).toContain("[rollout/plan-file]");
    expect((await skep("deploy", "--plan", "hive.ts")).stderr).toContain(
      `${at("hive.ts")} is not a plan of this version of skep: it is not JSON`,
    );
    expect((await skep("deploy", "--allowed-signers", "x")).stderr).toContain("--allowed-signers is for --plan");
  });

  it("is refused with a byte less of a character that stands for bytes that were none", async () => {
    write(
      "hive.ts",
      `import { defineHive, system } from "skep";
       const odd = system({ hooks: { after: [["echo", "\\ufffd"]] } });
       export default defineHive({ hosts: { "web-1": { target: ${JSON.stringify(machine("web-1").target)}, system: odd } } });`,
    );
    await skep("plan", "--out", "plan.json");
    const bytes = readFileSync(at("plan.json"));
    const character = bytes.indexOf("\ufffd");
    expect(character).toBeGreaterThan(0);
    writeFileSync(at("plan.json"), Buffer.concat([bytes.subarray(0, character + 2), bytes.subarray(character + 3)]));
    const { exitCode, stderr } = await skep("deploy", "--plan", "plan.json");
    expect(stderr).toContain("was altered after skep wrote it");
    expect(exitCode).toBe(2);
  });

  it("is deployed only with the right signature where one is asked for", async () => {
    const [ann = "", eve = ""] = ["ann", "eve"].map(at);
    const allowed = `ann@example.org ${sshKeygen(ann, { type: "ed25519" })}\n`;
    sshKeygen(eve, { type: "ed25519" });
    write("allowed", allowed);
    const deploy = (...more: string[]) =>
      skep("deploy", "--plan", "plan.json", "--allowed-signers", "allowed", "--quiet", ...more);
    const plan = (...more: string[]) => skep("plan", "--on", "db-1", "--out", "plan.json", "--quiet", ...more);
    const refusal = (text: string) => ({ exitCode: 2, stderr: expect.stringContaining(text) as string });

    await plan();
    expect(await deploy()).toMatchObject(refusal("the plan is not signed"));
    expect(await skep("deploy", "--plan", "plan.json", "--allowed-signers", "nofile", "--quiet")).toMatchObject(
      refusal(`cannot read the allowed signers in ${at("nofile")}: no such file or directory [cli/usage]`),
    );
    await plan("--sign", eve);
    expect(await deploy()).toMatchObject(refusal("the plan's signature was made by no key that"));
    await plan("--sign", ann);
    expect(await deploy("--signer", "ben@example.org")).toMatchObject(
      refusal("by ann@example.org, and not by ben@example.org"),
    );
    const signed = JSON.parse(read("plan.json")) as { signature: string };
    await plan();
    const other = JSON.parse(read("plan.json")) as object;
    write("plan.json", `${JSON.stringify({ ...other, signature: signed.signature }, undefined, 2)}\n`);
    expect(await deploy()).toMatchObject(refusal("for something else"));
    expect((await plan("--sign", at("no-such-key"))).stderr).toContain("cannot sign the plan with");

    await plan("--sign", ann);
    const run = await deploy("--signer", "ann@example.org");
    expect(run).toMatchObject({ exitCode: 0, stderr: expect.stringContaining("signed by ann@example.org") as string });
  });

  it("tells of secrets by their names, and is refused when they are others by the time it is deployed", async () => {
    const uses = { "db/password": {}, "db/user": {} };
    // Whoever consumes a secret when it is generated can read it.
    hive("1.0", { secrets: uses });
    for (const name of Object.keys(uses)) await skep("secrets", "generate", name);
    await deployed("1.0", { secrets: { "db/password": {} } });
    hive("1.0", { secrets: { "db/user": { mode: "0440" } } });
    const other = await skep("plan", "--quiet");
    expect(other.stdout).toMatch(/^db-1\n {2}secrets {2}added {4}db\/user\n {11}removed {2}db\/password$/m);

    hive("1.0", { secrets: uses });
    await skep("secrets", "generate", "db/password", "--replace");
    const more = await skep("plan", "--out", "plan.json", "--quiet");
    expect(more.stdout).toMatch(/^db-1\n {2}secrets {2}added {4}db\/user\n {11}changed {2}db\/password$/m);
    expect(read("plan.json")).not.toContain("age-encryption");
    await skep("secrets", "generate", "db/user", "--replace");
    expect((await skep("deploy", "--plan", "plan.json")).stderr).toMatch(
      /db-1: its secrets are not the ones of the plan any more \[rollout\/plan-hive\]/,
    );
    await skep("plan", "--out", "plan.json", "--quiet");
    expect(await skep("deploy", "--plan", "plan.json")).toMatchObject({ exitCode: 0 });
    expect(await skep("plan", "--quiet")).toMatchObject({ exitCode: 0 });
  });

  it("is the same as JSON and as a file, and as Markdown is safe from what hosts and names say", async () => {
    await skep("plan", "--out", "plan.json");
    const { stdout } = await skep("plan", "--json", "--quiet");
    const withoutNames = ({ id: _id, madeAt: _at, digest: _digest, ...rest }: FleetPlan & { digest?: string }) => rest;
    expect(withoutNames(JSON.parse(stdout) as FleetPlan)).toEqual(withoutNames(planFile()));
    const markdown = (await skep("plan", "--markdown", "--quiet")).stdout;
    expect(markdown).toContain("### switch: 3 to change");
    expect(markdown).toContain("| units | start | `web.service`, `idle.service` |  |  |");
    expect(markdown).toContain("| 2 | `@web` | web-1, web-2 |  |");
    expect(markdown).not.toMatch(/[^`](?:@|&#64;)web/);
    expect(await skep("plan", "--json", "--markdown")).toMatchObject({ exitCode: 2 });
    expect(await skep("plan", "--sign", "key")).toMatchObject({ exitCode: 2 });
  });
});

/** Every file below a folder, with what tells that it was touched. */
function snapshot(root: string): readonly string[] {
  return (
    readdirSync(root, { recursive: true, encoding: "utf8" })
      // Where programs of the sandbox itself talk to each other.
      .filter((path) => !path.startsWith("run/skep-sandbox"))
      .map((path) => {
        const { mode, size, mtimeMs, ctimeMs, ino } = lstatSync(join(root, path));
        return [path, mode, size, mtimeMs, ctimeMs, ino].join(" ");
      })
      .sort()
  );
}
