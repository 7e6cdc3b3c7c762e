import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Redacted } from "#core";
import type { HostReport, JournalRead, ResumeRunOptions, RolloutEvent } from "#rollout";
import { listRuns, resumeRun, rollOut, runsFolder } from "#rollout";
import type { Sandbox, SandboxHost } from "#sandbox";
import { startSandbox } from "#sandbox";
import { startTypeScript } from "../sandbox/typescript-process.ts";
import type { RebootWords } from "./reboot-hive.ts";
import { makeRebootHive } from "./reboot-hive.ts";

/** An operator who is gone when something happens. */
const OPERATOR = `
const { rollOut } = await load("#rollout");
const { Redacted } = await load("#core");
const { makeRebootHive } = await load(process.cwd() + "/tests/rollout/reboot-hive.ts");
const { words, options, dies } = JSON.parse(process.argv[1]);
let { times = 1, ...last } = dies;
const hive = makeRebootHive(words);
const never = new AbortController().signal;
const secrets = { read: async () => ({ open: "operator", ciphertext: Buffer.from("sealed"), plaintext: new Redacted(Buffer.from("from the operator")) }) };
const report = await rollOut(hive, {
  goal: "switch", ...options, hosts: hive.hosts, journal: true, stop: never, leave: never, secrets,
  onEvent(event) {
    if (Object.entries(last).every(([key, value]) => event[key] === value) && --times === 0) {
      process.kill(process.pid, "SIGKILL");
    }
  },
});
process.stderr.write(JSON.stringify(report.hosts));
`;

describe("resumeRun() of a run that reboots", { timeout: 120_000 }, () => {
  let sandbox: Sandbox;
  let machine: SandboxHost;
  let directory = "";
  let old = "";
  const events: RolloutEvent[] = [];
  beforeEach(async () => {
    sandbox = await startSandbox({ hosts: ["web-1"] });
    machine = sandbox.host("web-1");
    directory = mkdtempSync(join(tmpdir(), "skep-resume-reboot-"));
    const hive = makeRebootHive(words({ release: "v1" }));
    const never = new AbortController().signal;
    await rollOut(hive, { goal: "switch", hosts: hive.hosts, stop: never, leave: never, onEvent: () => undefined });
    old = runs();
  });
  afterEach(async () => {
    await sandbox[Symbol.asyncDispose]();
    rmSync(directory, { recursive: true });
  });

  const words = (change: Partial<RebootWords> = {}): RebootWords => ({
    ...{ directory, target: machine.target, release: "v2" },
    ...change,
  });
  const bootId = (): string => readFileSync(join(machine.root, "proc/sys/kernel/random/boot_id"), "utf8");
  const runs = (): string => readlinkSync(join(machine.root, "run/current-system"));
  const boots = (): string => {
    const profiles = join(machine.root, "nix/var/nix/profiles");
    return readlinkSync(join(profiles, readlinkSync(join(profiles, "skep"))));
  };
  const steps = (): string[] => events.flatMap((event) => (event.type === "step-started" ? [event.step] : []));

  /** Deploys until something happens, and is killed then. */
  async function deployUntil(
    dies: Readonly<Record<string, string | number>>,
    { options = { reboot: "always" }, ...change }: Partial<RebootWords> & { readonly options?: object } = {},
  ): Promise<RebootWords> {
    const told = words(change);
    const operator = startTypeScript(OPERATOR, [JSON.stringify({ words: told, options, dies })]);
    let said = "";
    operator.stderr.on("data", (chunk: Buffer) => (said += String(chunk)));
    const [, signal] = (await once(operator, "close")) as [number | null, string | null];
    expect({ signal, said }).toEqual({ signal: "SIGKILL", said: "" });
    return told;
  }
  async function journal(): Promise<JournalRead> {
    const [run] = await listRuns(runsFolder({ directory }));
    if (run === undefined) throw new Error("the operator left no journal");
    return run;
  }
  async function resume(told: RebootWords, change: Partial<ResumeRunOptions> = {}): Promise<HostReport> {
    const never = new AbortController().signal;
    events.length = 0;
    const report = await resumeRun(makeRebootHive(told), await journal(), {
      ...{ wanted: "finish", verify: false, stop: never, leave: never },
      secrets: {
        read: () =>
          Promise.resolve({
            ...{ open: "operator", ciphertext: Buffer.from("sealed") },
            plaintext: new Redacted(Buffer.from("from the operator")),
          } as never),
      },
      onEvent: (event) => events.push(event),
      ...change,
    });
    const [host] = report.hosts;
    if (host === undefined) throw new Error("there is no report");
    return host;
  }
  /** Waits for a reboot that somebody asked for. */
  async function rebooted(from: string): Promise<void> {
    await expect.poll(() => bootIdOr(from), { timeout: 20_000 }).not.toBe(from);
    await expect.poll(() => runsOr(), { timeout: 20_000 }).not.toBe("");
  }
  const bootIdOr = (none: string): string => tryOr(bootId, none);
  const runsOr = (): string => tryOr(runs, "");

  it.each([
    { when: "before it was asked", dies: { type: "step-started", step: "reboot" } },
    { when: "while it goes down", dies: { type: "step-progress", step: "reboot" } },
    { when: "when it is committed", dies: { type: "step-finished", step: "commit" } },
  ])("reboots a host, once, whose operator was killed $when", async ({ dies }) => {
    const before = bootId();
    const told = await deployUntil(dies);
    expect(await resume(told)).toMatchObject({ outcome: "deployed", from: old, to: runs() });
    expect(steps().slice(0, 3)).toEqual(["connect", "probe", "reboot"]);
    expect(boots()).toBe(runs());
    expect(bootId()).not.toBe(before);
    expect(readlinkSync(join(machine.root, "run/booted-system"))).toBe(runs());
    expect(readdirSync(join(machine.root, "run/skep"))).not.toContain("lease");
  });

  it("proves a host that came back from its reboot meanwhile, and reboots it no more", async () => {
    const before = bootId();
    const told = await deployUntil({ type: "step-progress", step: "reboot" }, { secret: true });
    await rebooted(before);
    const booted = bootId();
    expect(await resume(told)).toMatchObject({ outcome: "deployed", from: old, to: runs() });
    expect(bootId()).toBe(booted);
    expect(readFileSync(join(machine.root, "run/skep/secrets/db/password"), "utf8")).toBe("from the operator");
  });

  it("takes a host back that came up ill", async () => {
    const before = bootId();
    const told = await deployUntil({ type: "step-progress", step: "reboot" }, { illOnceBooted: true });
    await rebooted(before);
    const report = await resume(told);
    expect(report).toMatchObject({ outcome: "rolled-back", error: { code: "activation/reboot-unwell" }, from: old });
    expect([runs(), boots()]).toEqual([old, old]);
  });

  it.each([
    { when: "before what it ran is the default again", dies: { type: "step-started", step: "roll-back" } },
    { when: "when it is", dies: { type: "step-finished", step: "roll-back" } },
    {
      when: "while it reboots into it",
      dies: { type: "step-progress", step: "reboot", message: "waiting for it to go down", times: 2 },
    },
  ])("sees a host back whose operator was killed $when", async ({ dies }) => {
    const told = await deployUntil(dies, { illOnceBooted: true });
    const report = await resume(told);
    expect(report).toMatchObject({ outcome: "rolled-back", error: { code: "activation/reboot-unwell" } });
    expect([runs(), boots()]).toEqual([old, old]);
    expect(report).toMatchObject({ from: old });
  });

  it("strands a host that did not come back in time, and says since when", async () => {
    const told = await deployUntil({ type: "step-started", step: "reboot" });
    const { file } = await journal();
    const lines = readFileSync(file, "utf8").split("\n");
    const past = lines.map((line) =>
      line.includes('"step":"reboot"') ? line.replace(/"at":(\d+)/, (_, at) => `"at":${Number(at) - 3_600_000}`) : line,
    );
    writeFileSync(file, past.join("\n"));
    using _refused = machine.faults.refuseLogins();
    expect(await resume(told)).toMatchObject({
      outcome: "stranded",
      error: {
        code: "activation/reboot-not-back",
        message: expect.stringMatching(/since it was asked to reboot 1 h 00 min ago: /) as unknown,
      },
    });
  });

  it("judges by what was ill before, which another operator saw", async () => {
    const told = await deployUntil({ type: "step-started", step: "check" }, { options: {}, illAnyway: true });
    const report = await resume(told);
    expect(report).toMatchObject({ outcome: "deployed" });
    expect(report.notices.join()).toContain("does not pass, and did not before the deployment");
  });

  it("takes back what was to run from a reboot on that did not come", async () => {
    const told = await deployUntil({ type: "step-finished", step: "commit" }, { needsReboot: true });
    expect([runs(), boots() === old]).toEqual([old, false]);
    const before = bootId();
    expect(await resume(told, { wanted: "revert" })).toMatchObject({ outcome: "rolled-back" });
    expect([runs(), boots(), bootId()]).toEqual([old, old, before]);
  });

  it("does not reboot what is to be taken back", async () => {
    const told = await deployUntil({ type: "step-finished", step: "commit" });
    expect(await resume(told, { wanted: "revert" })).toMatchObject({ outcome: "rolled-back" });
    expect([runs(), boots()]).toEqual([old, old]);
    expect(steps().indexOf("reboot")).toBe(steps().lastIndexOf("commit") + 1);
  });
});

function tryOr(read: () => string, otherwise: string): string {
  try {
    return read();
  } catch {
    return otherwise;
  }
}
