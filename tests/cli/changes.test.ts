import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { PassThrough } from "node:stream";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { runCli } from "#cli";
import type { FleetPlan, RolloutEvent } from "#rollout";
import { knownOf } from "#rollout";
import type { Sandbox } from "#sandbox";
import { startSandbox } from "#sandbox";
import { sshKeygen } from "../secrets/tools.ts";

const HOSTS = ["web-1", "web-2", "db-1"] as const;

type Changes = Extract<RolloutEvent, { type: "changes" }>;

describe("what changed", { timeout: 180_000 }, () => {
  let sandbox: Sandbox;
  let folder = "";
  beforeEach(async () => {
    sandbox = await startSandbox({ hosts: HOSTS });
    folder = mkdtempSync(join(tmpdir(), "skep-changes-"));
    mkdirSync(join(folder, ".ssh"));
    const ann = sshKeygen(join(folder, ".ssh/id_ed25519"), { type: "ed25519" });
    const hosts = { "db-1": sandbox.host("db-1").target.hostKey };
    const rules = { admins: { ann }, hosts, rules: { "db/password": {} } };
    const text = `import { defineSecrets } from "skep";\nexport default defineSecrets(${JSON.stringify(rules)});`;
    write("secrets/secrets.ts", text);
  });
  afterEach(async () => {
    await sandbox[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true });
  });

  function write(path: string, text: string): void {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  function hive(version: string, { secrets = {}, broken = false }: { secrets?: object; broken?: boolean } = {}): void {
    const hosts = HOSTS.map((name) => {
      const { target } = sandbox.host(name);
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
  async function skep(...argv: string[]) {
    const [stdout, stderr] = [new PassThrough(), new PassThrough()];
    const env = { PATH: process.env.PATH, HOME: folder };
    const isLocal = argv[0] === "secrets" || argv[0] === "report";
    const words = isLocal ? argv : [...argv, "--ssh-config", sandbox.sshConfigFile];
    const exitCode = await runCli(words, { stdout, stderr, env, cwd: folder });
    const text = (stream: PassThrough): string => String((stream.read() as Buffer | null) ?? "");
    return { exitCode, stdout: text(stdout), stderr: text(stderr) };
  }
  /** What the newest journal says of it. */
  function changes(): readonly Changes[] {
    const runs = join(folder, ".skep/runs");
    const [newest = ""] = readdirSync(runs).sort().reverse();
    const lines = readFileSync(join(runs, newest), "utf8").trimEnd().split("\n");
    return lines.map((line) => JSON.parse(line) as RolloutEvent).filter((event) => event.type === "changes");
  }

  it("is told of a plain deployment as a plan tells it, once for hosts on which it is the same", async () => {
    hive("1.0");
    expect(await skep("deploy", "--quiet")).toMatchObject({ exitCode: 0 });
    hive("2.0");
    await skep("plan", "--quiet", "--out", "plan.json");
    const plan = JSON.parse(readFileSync(join(folder, "plan.json"), "utf8")) as FleetPlan;
    expect(await skep("deploy", "--quiet")).toMatchObject({ exitCode: 0 });
  });
});
