import { createHash } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { fleetUnavailable, must } from "./harness/index.ts";
import type { Scene } from "./scene.ts";
import { openScene, stateOf } from "./scene.ts";
import { skep } from "./skep.ts";

describe.skipIf(fleetUnavailable() !== undefined)("a host in trouble says so, and the others are deployed", () => {
  let scene: Scene;
  beforeAll(async () => {
    scene = await openScene([
      { name: "web-1", suite: "trixie" },
      { name: "web-2", suite: "bookworm", disk: "300M" },
    ]);
    await scene.wantAll("v1");
    expect((await scene.deploy()).exitCode).toBe(0);
  });
  afterAll(() => scene[Symbol.asyncDispose]());

  let version = 1;
  /** Deploys a new version to both; web-1 must take it, web-2 must fail untouched. */
  async function deployWithTrouble(...argv: readonly string[]) {
    version += 1;
    await scene.wantAll(`v${version}`);
    const run = await scene.deploy(...argv);
    expect(run.outcomes).toEqual({ "web-1": "deployed", "web-2": "failed" });
    const report = run.host("web-2");
    if (report.outcome !== "failed") throw new Error("web-2 did not fail");
    expect(report.error.host).toBe("web-2");
    expect(run.stderr).toContain("skep: error: web-2: ");
    expect(run.stderr).toContain("skep: hint: ");
    return { run, error: report.error };
  }

  it("a host that is down", async () => {
    const host = scene.fleet.host("web-2");
    await host.powerOff();
    const { run, error } = await deployWithTrouble();
    await host.powerOn();
    expect(error.code).toMatch(/^ssh\/(timeout|unreachable|no-route|refused|connect)/);
    expect(run.exitCode).toBe(5);
  });

  it("a host whose key is not the known one, with both fingerprints", async () => {
    const { knownHostsFile } = scene.fleet.client;
    const known = await readFile(knownHostsFile, "utf8");
    const keyFile = join(scene.fleet.folder, "other-key");
    await must(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", keyFile]);
    const [type, key] = (await readFile(`${keyFile}.pub`, "utf8")).split(" ");
    const { ed25519 } = scene.fleet.host("web-2").hostKeys;
    await writeFile(knownHostsFile, known.replaceAll(ed25519, `${type ?? ""} ${key ?? ""}`));
    const { run, error } = await deployWithTrouble();
    await writeFile(knownHostsFile, known);
    expect(error.code).toBe("ssh/host-key-changed");
    const { ed25519: real } = scene.fleet.host("web-2").hostKeys;
    for (const shown of [fingerprint(real), fingerprint(`${type ?? ""} ${key ?? ""}`)])
      expect(error.message).toContain(shown);
    expect(run.exitCode).toBe(5);
  });

  it("a host whose key is not known, until --accept-new is asked for", async () => {
    const { knownHostsFile } = scene.fleet.client;
    const known = await readFile(knownHostsFile, "utf8");
    const { address } = scene.fleet.host("web-2");
    const without = known.split("\n").filter((line) => !/\bweb-2\b/.test(line) && !line.includes(address));
    await writeFile(knownHostsFile, without.join("\n"));
    const { error } = await deployWithTrouble();
    expect(error.code).toBe("ssh/host-key-unknown");
    const accepted = await scene.deploy("--accept-new", "--on", "web-2");
    expect(accepted.outcomes).toEqual({ "web-2": "deployed" });
    expect((await scene.deploy("--on", "web-2")).outcomes).toEqual({ "web-2": "unchanged" });
    await writeFile(knownHostsFile, known);
  });

  it("a host that refuses our key", async () => {
    const host = scene.fleet.host("web-2");
    await host.read(["mv", "/root/.ssh/authorized_keys", "/root/.ssh/moved"]);
    const { run, error } = await deployWithTrouble();
    await host.read(["mv", "/root/.ssh/moved", "/root/.ssh/authorized_keys"]);
    expect(error.code).toBe("ssh/auth-refused");
    expect(error.message).toContain("SHA256:");
    expect(run.exitCode).toBe(5);
  });

  it("a host whose disk is full, which keeps what it runs and takes the next deployment", async () => {
    const host = scene.fleet.host("web-2");
    const before = await stateOf(host);
    await host.fillDisk({ leaveBytes: 4 * 1024 * 1024 });
    await scene.wantAll("v-heavy", { "web-1": { ballastMiB: 1 }, "web-2": { ballastMiB: 20 } });
    const run = await scene.deploy();
    await host.freeDisk();
    expect(run.outcomes).toEqual({ "web-1": "deployed", "web-2": "failed" });
    expect(run.stderr).toMatch(/web-2: .*(no space left|disk)/i);
    expect(run.exitCode).toBe(5);
    expect(await stateOf(host)).toEqual(before);
    expect((await scene.deploy("--on", "web-2")).outcomes).toEqual({ "web-2": "deployed" });
  });

  it("a host that another run holds, until the lease is stolen or has expired", async () => {
    const host = scene.fleet.host("web-2");
    const lease = (expires: string): string =>
      `mkdir -p /run/skep; read -r up _ </proc/uptime; printf 'run=20260101-000000-aaaa\\nowner=eve@desk\\nreason=skep deploy switch\\ntaken=1767225600\\nexpires=%s\\n' "$((\${up%%.*} ${expires}))" >/run/skep/lease`;
    await host.read(["sh", "-c", lease("+ 600")]);
    const { run, error } = await deployWithTrouble();
    expect(error.code).toBe("activation/lease-held");
    expect(error.message).toMatch(
      /held by eve@desk \(run 20260101-000000-aaaa, skep deploy switch, since 2026-01-01.*for (9|10) min/,
    );
    expect(error.hint).toContain("--steal-lease");
    expect(run.exitCode).toBe(5);

    const stolen = await scene.deploy("--on", "web-2", "--steal-lease");
    expect(stolen.outcomes).toEqual({ "web-2": "deployed" });
    expect(stolen.host("web-2").notices.join()).toContain("took the lease from eve@desk");

    await host.read(["sh", "-c", lease("- 1")]);
    await scene.wantAll("v-after-expiry");
    const expired = await scene.deploy();
    expect(expired.outcomes).toEqual({ "web-1": "deployed", "web-2": "deployed" });
    expect(expired.host("web-2").notices.join()).toContain("expired lease of eve@desk");
    expect(await stateOf(host)).toMatchObject({ leaseIsThere: false });
  });

  it("a run that holds a host with an activation under way goes back when its lease is stolen", async () => {
    const host = scene.fleet.host("web-2");
    await scene.wantAll("v-held", { "web-2": { fault: "hang" } });
    const first = scene.begin("--on", "web-2");
    await first.began("web-2", "test");
    await scene.wantAll("v-thief");
    const second = await scene.deploy("--on", "web-2", "--steal-lease");
    expect(second.outcomes).toEqual({ "web-2": "deployed" });
    const robbed = await first.ended;
    expect(robbed.exitCode).not.toBe(0);
    expect(robbed.host("web-2").outcome).not.toBe("deployed");
    expect(await stateOf(host)).toMatchObject({ answer: "v-thief", default: "skep-test-system-web-2-v-thief" });
  });

  it.each([
    { fault: "eval-error", code: "nix/evaluate", says: "wrong on purpose" },
    { fault: "eval-type-error", code: "nix/evaluate", says: "web-2" },
    { fault: "build-error", code: "nix/build", says: "error: module 30 does not compile" },
  ] as const)("a host whose system has an $fault", async ({ fault, code, says }) => {
    version += 1;
    await scene.wantAll(`v${version}`, { "web-2": { version: `v${version}-broken`, fault } });
    const run = await scene.deploy();
    expect(run.outcomes).toEqual({ "web-1": "deployed", "web-2": "failed" });
    expect(run.host("web-2")).toMatchObject({ error: { code } });
    expect(run.stderr).toContain(says);
    expect(run.exitCode).toBe(3);
    expect(run.host("web-2").logins).toBe(0);
  });

  it("a NixOS host takes no system that is not NixOS, and its own profile for one that is", async () => {
    const host = scene.fleet.host("web-2");
    await host.read(["touch", "/etc/NIXOS"]);
    const { error } = await deployWithTrouble();
    expect(error.code).toBe("activation/not-nixos");
    await scene.wantAll("v-nixos", { "web-2": { nixos: true } });
    const run = await scene.deploy("--on", "web-2");
    expect(run.stderr).not.toContain("skep: error");
    expect(run.host("web-2")).toMatchObject({ outcome: "deployed", generation: 1 });
    expect(await stateOf(host, "system")).toMatchObject({ default: "nixos-system-web-2-v-nixos", answer: "v-nixos" });
    await host.read(["rm", "/etc/NIXOS"]);
  });

  it("nothing selected is an error with a suggestion", async () => {
    const run = await skep(scene.fleet, ["deploy", "--on", "wbe-1"], { cwd: scene.folder });
    expect(run.exitCode).toBe(2);
    expect(run.stderr).toMatch(/did you mean "web-1"\?/);
  });
});

/** As `ssh-keygen -l` shows it. */
function fingerprint(key: string): string {
  const wire = Buffer.from(key.split(" ")[1] ?? "", "base64");
  return `SHA256:${createHash("sha256").update(wire).digest("base64").replace(/=+$/, "")}`;
}
