import { execFile } from "node:child_process";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { NativeSource } from "#hive";
import { service, system, text } from "#hive";
import type { StorePath } from "#store";
import { hostOf, openEvaluator } from "../native/evaluating.ts";
import { placePath } from "../native/machine.ts";
import type { Fleet, FleetHost } from "./harness/index.ts";
import { fleetUnavailable, startFleet } from "./harness/index.ts";

const run = promisify(execFile);

function version(answer: string): NativeSource {
  return system({
    packages: { page: text(`${answer}\n`) },
    etc: {
      motd: { text: `${answer}\n`, takeOver: true },
      ...(answer === "v1"
        ? { "gone/with-v1": "" }
        : { "app/key": { text: "k", mode: "0640", user: "nobody", group: "adm" } }),
    },
    units: {
      "page.service": service({
        exec: ["sleep", "infinity"],
        environment: ({ packages }) => ({ PAGE: packages.page }),
      }),
      "steady.service": service({ exec: ["sleep", "infinity"], environment: { WORDS: 'a "b" $c %d \\e' } }),
      ...(answer === "v1" ? { "old.service": service({ exec: ["sleep", "infinity"] }) } : {}),
      ...(answer === "broken" ? { "broken.service": service({ exec: ["false"], type: "oneshot" }) } : {}),
    },
  });
}

describe.skipIf(fleetUnavailable() !== undefined)("a system without Nix on a host with systemd and without Nix", () => {
  let fleet: Fleet;
  let host: FleetHost;
  beforeAll(async () => {
    fleet = await startFleet([{ name: "web-1", suite: "bookworm-without-nix" }]);
    host = fleet.host("web-1");
  });
  afterAll(() => fleet[Symbol.asyncDispose]());

  /** Evaluates a system, and brings its paths to the host as a tar archive. */
  const bring = async (source: NativeSource): Promise<StorePath> => {
    await using evaluator = openEvaluator();
    const closure = await evaluator.evaluate(hostOf(source));
    const folder = join(fleet.folder, "closure");
    await rm(folder, { recursive: true, force: true });
    for (const { path } of closure.paths) await placePath(folder, path, evaluator.locate(path));
    await run("tar", ["-cf", `${folder}.tar`, "-C", folder, "--owner=0", "--group=0", "nix"]);
    await mkdir(join(host.root, "root"), { recursive: true });
    await run("cp", [`${folder}.tar`, join(host.root, "root/closure.tar")]);
    await host.read(["tar", "-xf", "/root/closure.tar", "-C", "/", "--skip-old-files"]);
    return closure.toplevel;
  };
  const activate = (toplevel: StorePath, action = "test") =>
    host.inside([`${toplevel}/bin/switch-to-configuration`, action]);
  const pidOf = async (unit: string) => host.read(["systemctl", "show", "--property=MainPID", "--value", unit]);
  const commit = async (toplevel: StorePath): Promise<void> => {
    await host.read([
      "sh",
      "-c",
      'mkdir -p /nix/var/nix/profiles && ln -sfn "$0" /nix/var/nix/profiles/skep',
      toplevel,
    ]);
    expect(await activate(toplevel, "boot")).toMatchObject({ exitCode: 0 });
  };

  let v1: StorePath;
  let v2: StorePath;

  it("v1 comes up", async () => {
    await writeFile(join(host.root, "etc/motd"), "theirs\n");
    v1 = await bring(version("v1"));
    expect(await activate(v1)).toMatchObject({ exitCode: 0, stderr: "" });
    await commit(v1);
    expect(await host.read(["cat", "/etc/motd"])).toBe("v1");
    expect(await host.read(["systemctl", "is-active", "page.service", "steady.service", "old.service"])).toBe(
      "active\nactive\nactive",
    );
    expect(await host.read(["systemctl", "show", "--property=FragmentPath,Names", "page.service"])).toBe(
      "Names=page.service\nFragmentPath=/etc/systemd/system/page.service",
    );
    const environment = await host.read(["sh", "-c", `tr '\\0' '\\n' </proc/${await pidOf("steady.service")}/environ`]);
    expect(environment).toContain('WORDS=a "b" $c %d \\e');
  });

  it("v2 restarts what changed and nothing else, and what v1 alone had is gone", async () => {
    v2 = await bring(version("v2"));
    const [page, steady] = [await pidOf("page.service"), await pidOf("steady.service")];
    expect(await activate(v2)).toMatchObject({ exitCode: 0, stderr: "" });
    expect(await pidOf("page.service")).not.toBe(page);
    expect(await pidOf("steady.service")).toBe(steady);
    expect((await host.inside(["systemctl", "is-active", "old.service"])).stdout.trim()).toBe("inactive");
    expect((await host.inside(["test", "-e", "/etc/gone"])).exitCode).toBe(1);
    expect(await host.read(["stat", "--format=%a %U %G", "/etc/app/key"])).toBe("640 nobody adm");
    const again = await activate(v2);
    expect(again).toMatchObject({ exitCode: 0, stdout: "", stderr: "" });
  });

  it("a reboot before v2 was committed comes up on v1, one after it on v2", async () => {
    await host.reboot();
    expect(await host.read(["readlink", "/run/current-system", "/run/booted-system"])).toBe(`${v1}\n${v1}`);
    expect(await host.read(["systemctl", "is-active", "page.service", "old.service"])).toBe("active\nactive");
    expect(await host.read(["cat", "/etc/motd"])).toBe("v1");
    expect(await activate(v2)).toMatchObject({ exitCode: 0 });
    await commit(v2);
    await host.reboot();
    expect(await host.read(["readlink", "/run/current-system"])).toBe(v2);
    expect(await host.read(["systemctl", "is-active", "page.service"])).toBe("active");
    expect((await host.inside(["systemctl", "is-failed", "skep-boot.service"])).exitCode).toBe(1);
  });

  it("a broken v3 exits 4 and v2 comes back; without a system, everything is as it was", async () => {
    const steady = await pidOf("steady.service");
    const broken = await activate(await bring(version("broken")));
    expect(broken.exitCode).toBe(4);
    expect(broken.stderr).toContain("these units failed: broken.service");
    expect(await activate(v2)).toMatchObject({ exitCode: 0 });
    expect(await pidOf("steady.service")).toBe(steady);
    expect(await activate(await bring(system({})))).toMatchObject({ exitCode: 0 });
    expect(await host.read(["cat", "/etc/motd"])).toBe("theirs");
    expect((await host.inside(["systemctl", "is-active", "steady.service"])).exitCode).not.toBe(0);
  });
});
