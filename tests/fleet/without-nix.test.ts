import { cp, mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Fleet, FleetHost } from "./harness/index.ts";
import { fleetUnavailable, startFleet, waitUntil, writeSystems } from "./harness/index.ts";
import type { RunningSkep, SkepRun } from "./skep.ts";
import { skep, startSkep } from "./skep.ts";

/** What a host of the test's hive is to have. */
interface Wanted {
  readonly version: string;
  /** Whether the service has nothing to serve, so that its check fails. */
  readonly broken?: boolean;
  /** Whether it also has an entry of /etc and a unit that others do not. */
  readonly extra?: boolean;
  /** MiB of a package that only makes the copy long. */
  readonly ballastMiB?: number;
  /** A store path that Nix built, to be part of the system. */
  readonly nixPackage?: string;
  /** A folder on the host to deploy below. */
  readonly root?: string;
}

const HIVE = `
import { readFileSync } from "node:fs";
import { defineHive, directory, file, http, service, storePath, system } from "skep";

const wanted = JSON.parse(readFileSync(new URL("wanted.json", import.meta.url), "utf8"));

function host(name, { version, broken, extra, ballastMiB, nixPackage, root }) {
  return {
    target: { host: name, root },
    system: system({
      packages: {
        busybox: file("./busybox", { executable: true }),
        site: directory(broken ? "./sites/empty" : \`./sites/\${version}\`),
        ...(ballastMiB ? { ballast: file(\`./ballast-\${ballastMiB}\`) } : {}),
        ...(nixPackage ? { nix: storePath(nixPackage) } : {}),
      },
      etc: {
        "skep-test/version": \`\${version}\\n\`,
        "skep-test/secretive": { text: version, mode: "0640", user: "root", group: "daemon" },
        ...(extra ? { "skep-test-extra/extra.conf": "extra\\n" } : {}),
        ...(ballastMiB ? { "skep-test/ballast": { linkTo: ({ packages }) => packages.ballast } } : {}),
        ...(nixPackage ? { "skep-test/nix": { linkTo: ({ packages }) => packages.nix } } : {}),
      },
      units: {
        "web.service": service({
          exec: ({ packages }) => [\`\${packages.busybox}/bin/busybox\`, "httpd", "-f", "-p", "8080", "-h", packages.site],
        }),
        "steady.service": service({ exec: ({ packages }) => [\`\${packages.busybox}/bin/busybox\`, "sleep", "100000"] }),
        ...(extra
          ? { "extra.service": service({ exec: ({ packages }) => [\`\${packages.busybox}/bin/busybox\`, "sleep", "200000"] }) }
          : {}),
      },
    }),
    checks: root ? [] : [http({ port: 8080, period: "200ms", timeout: "2s", deadline: "4s" })],
    activation: { timeout: "20s", confirmTimeout: "8s" },
  };
}

export default defineHive({
  name: "without-nix",
  hosts: Object.fromEntries(Object.entries(wanted).map(([name, want]) => [name, host(name, want)])),
});
`;

const SUITES = { edge: "bookworm-without-nix", "old-nix": "bookworm", "new-nix": "trixie" } as const;
const NAMES = ["edge", "old-nix", "new-nix"] as const;

describe.skipIf(fleetUnavailable() !== undefined)(
  "systems written in TypeScript, on hosts with Nix and without",
  () => {
    let fleet: Fleet;
    let folder = "";
    const edge = (): FleetHost => fleet.host("edge");

    beforeAll(async () => {
      fleet = await startFleet(
        NAMES.map((name) => ({ name, suite: SUITES[name], ...(name === "edge" ? { disk: "400M" } : {}) })),
      );
      folder = join(fleet.folder, "hive");
      await mkdir(join(folder, "sites/empty"), { recursive: true });
      await writeFile(join(folder, "sites/empty/nothing"), "");
      await writeFile(join(folder, "hive.ts"), HIVE);
      await cp("/bin/busybox", join(folder, "busybox"));
    });
    afterAll(() => fleet[Symbol.asyncDispose]());

    async function want(wanted: Readonly<Record<string, Wanted>>): Promise<void> {
      for (const { version, ballastMiB } of Object.values(wanted)) {
        await mkdir(join(folder, "sites", version), { recursive: true });
        await writeFile(join(folder, "sites", version, "index.html"), `${version}\n`);
        if (ballastMiB !== undefined) {
          const line = `${version} ${Math.random()}\n`;
          const bytes = Buffer.alloc(ballastMiB * 1024 * 1024, line);
          await writeFile(join(folder, `ballast-${ballastMiB}`), bytes);
        }
      }
      await writeFile(join(folder, "wanted.json"), JSON.stringify(wanted));
    }
    const wantAll = (wanted: Wanted): Promise<void> => want(Object.fromEntries(NAMES.map((name) => [name, wanted])));
    const deploy = (...argv: readonly string[]): Promise<SkepRun> =>
      skep(fleet, ["deploy", "--json", ...argv], { cwd: folder });
    const begin = (...argv: readonly string[]): RunningSkep =>
      startSkep(fleet, ["deploy", "--json", ...argv], { cwd: folder });
    const pidOf = (host: FleetHost, unit: string): Promise<string> =>
      host.read(["systemctl", "show", "--property=MainPID", "--value", unit]);
    const exists = async (host: FleetHost, path: string): Promise<boolean> =>
      (await host.inside(["test", "-e", path])).exitCode === 0;

    it("v1 reaches every host through the store it has", async () => {
      await wantAll({ version: "v1", extra: true });
      const run = await deploy();
      expect(run.stderr).not.toContain("skep: error");
      expect(run.outcomes).toEqual({ edge: "deployed", "old-nix": "deployed", "new-nix": "deployed" });
      for (const host of fleet.hosts) {
        expect((await host.http())?.body).toBe("v1");
        expect(await host.read(["cat", "/etc/skep-test/version"])).toBe("v1");
        expect(await host.read(["stat", "-c", "%a %U %G", "/etc/skep-test/secretive"])).toBe("640 root daemon");
        expect(await host.read(["readlink", "/nix/var/nix/profiles/skep"])).toBe("skep-1-link");
      }
      expect(new Set(NAMES.map((name) => run.host(name).to?.replace(/^.*-skep-system/, "skep-system"))).size).toBe(3);
    });

    it("v2 changes what changed and nothing else; what it no longer has is gone", async () => {
      const steady = await Promise.all(fleet.hosts.map((host) => pidOf(host, "steady.service")));
      const web = await Promise.all(fleet.hosts.map((host) => pidOf(host, "web.service")));
      await wantAll({ version: "v2" });
      expect((await deploy()).exitCode).toBe(0);
      for (const [index, host] of fleet.hosts.entries()) {
        expect((await host.http())?.body).toBe("v2");
        expect(await pidOf(host, "steady.service")).toBe(steady[index]);
        expect(await pidOf(host, "web.service")).not.toBe(web[index]);
        expect(await exists(host, "/etc/skep-test-extra")).toBe(false);
        expect(await exists(host, "/etc/systemd/system/extra.service")).toBe(false);
        expect((await host.inside(["systemctl", "is-active", "extra.service"])).stdout.trim()).not.toBe("active");
      }
      const again = await deploy();
      for (const name of NAMES) expect(again.host(name)).toMatchObject({ outcome: "unchanged", logins: 1 });
    });

    it("a broken v3 goes back to v2 on every host, running and default", async () => {
      await wantAll({ version: "v3", broken: true, extra: true });
      const run = await deploy();
      expect(run.outcomes).toEqual({ edge: "rolled-back", "old-nix": "rolled-back", "new-nix": "rolled-back" });
      expect(run.exitCode).toBe(6);
      for (const host of fleet.hosts) {
        expect((await host.http())?.body).toBe("v2");
        expect(await exists(host, "/etc/skep-test-extra")).toBe(false);
        expect(await host.read(["readlink", "/nix/var/nix/profiles/skep"])).toBe("skep-2-link");
        expect(await exists(host, "/nix/var/nix/profiles/skep-3-link")).toBe(false);
      }
    });

    it("a reboot comes up on v2", async () => {
      for (const host of [edge(), fleet.host("new-nix")]) {
        await host.reboot();
        await waitUntil(async () => (await host.http())?.body === "v2", {
          timeoutMs: 15_000,
          what: `${host.name} to serve v2`,
        });
        expect(await host.read(["readlink", "/run/current-system"])).toMatch(/^\/nix\/store\/.*-skep-system-/);
        expect(await host.read(["readlink", "/run/booted-system"])).toMatch(/^\/nix\/store\/.*-skep-system-/);
      }
      expect((await deploy()).exitCode).toBe(6);
    });

    it("real Nix takes the paths without a signature, knows how they are addressed, and verifies them", async () => {
      for (const name of ["old-nix", "new-nix"]) {
        const host = fleet.host(name);
        const toplevel = await host.read(["readlink", "/run/current-system"]);
        const info = await host.read([
          ...["nix", "--extra-experimental-features", "nix-command", "path-info", "--recursive", "--json", toplevel],
        ] as [string, ...string[]]);
        expect(info.match(/"ca":\s?"(text|fixed:r):sha256:/g)?.length).toBeGreaterThan(3);
        const verified = await host.inside(["nix-store", "--verify", "--check-contents"]);
        expect(verified).toMatchObject({ exitCode: 0 });
        expect(verified.stderr).not.toMatch(/error|modified|disappeared/);
      }
    });

    it("skep store verify finds what was changed on a host without Nix, and nothing before", async () => {
      const verify = () =>
        skep(fleet, ["store", "verify", "--on", "edge", "--ssh-config", fleet.client.configFile], { cwd: folder });
      expect(await verify()).toMatchObject({ exitCode: 0, stdout: "edge  every path is as it was added\n" });
      const page = `${await edge().read(["sh", "-c", "ls -d /nix/store/*-site | head -n 1"])}/index.html`;
      await edge().read(["sh", "-c", `chmod u+w ${page}; cp -p ${page} /root/page; echo changed >>${page}`]);
      const found = await verify();
      await edge().read(["sh", "-c", `cat /root/page >${page}; chmod 444 ${page}`]);
      expect(found.exitCode).toBe(5);
      expect(found.stdout).toMatch(/^edge {2}\/nix\/store\/.*-site was changed$/m);
    });

    it("a package that Nix built goes to hosts with Nix and without, with all it refers to", async () => {
      const systems = await writeSystems(join(fleet.folder, "systems"), { "web-1": { version: "from-nix" } });
      const toplevel = await systems.build("web-1", { environment: fleet.environment });
      await wantAll({ version: "v4", nixPackage: toplevel });
      expect((await deploy()).exitCode).toBe(0);
      for (const host of fleet.hosts) {
        expect(await host.read(["cat", "/etc/skep-test/nix/etc/motd"])).toBe("web-1 runs from-nix");
      }
    });

    it("a connection that is cut while copying leaves nothing half there, and the next copy goes through", async () => {
      await want({ edge: { version: "v5", ballastMiB: 120 } });
      const running = begin("--on", "edge");
      await running.began("edge", "copy");
      await waitUntil(async () => (await edge().inside(["sh", "-c", "ls -d /nix/store/.skep-*/*"])).exitCode === 0, {
        timeoutMs: 20_000,
        everyMs: 20,
        what: "the copy to begin",
      });
      await edge().read(["sh", "-c", "pkill -KILL -f '^sshd: root@notty' || kill -KILL $(pgrep -f 'sshd: root')"]);
      const cut = await running.ended;
      expect(cut.host("edge").outcome).toBe("failed");
      expect(await edge().read(["sh", "-c", "ls -d /nix/store/*-ballast 2>/dev/null | wc -l"])).toBe("0");
      expect((await edge().http())?.body).toBe("v4");
      await waitUntil(async () => (await deploy("--on", "edge", "--steal-lease")).exitCode === 0, {
        timeoutMs: 60_000,
        what: "v5",
      });
      expect((await edge().http())?.body).toBe("v5");
      expect(await edge().read(["sh", "-c", "ls -A /nix/store | grep -c '^\\.skep-' || true"])).toBe("0");
    });

    it("a disk that fills says so and leaves the old system as it was", async () => {
      await edge().fillDisk({ leaveBytes: 3 * 1024 * 1024 });
      await want({ edge: { version: "v6", ballastMiB: 30 } });
      const run = await deploy("--on", "edge");
      await edge().freeDisk();
      expect(run.host("edge")).toMatchObject({ outcome: "failed", error: { code: "store/disk-full" } });
      expect(run.exitCode).toBe(5);
      expect((await edge().http())?.body).toBe("v5");
      expect((await deploy("--on", "edge")).outcomes).toEqual({ edge: "deployed" });
    });

    it("skep gc keeps what runs and what is asked for, and removes the rest", async () => {
      const gc = (...argv: string[]) =>
        skep(fleet, ["gc", "--on", "edge", "--keep", "1", ...argv, "--ssh-config", fleet.client.configFile], {
          cwd: folder,
        });
      const before = await edge().read(["sh", "-c", "ls -d /nix/store/*-skep-system-edge | wc -l"]);
      expect((await gc("--dry-run")).stdout).toMatch(/^edge {2}would remove \d+ generations?, \d+ paths?, /);
      expect(await edge().read(["sh", "-c", "ls -d /nix/store/*-skep-system-edge | wc -l"])).toBe(before);
      expect(await gc()).toMatchObject({
        exitCode: 0,
        stdout: expect.stringMatching(/^edge {2}removed [1-9]/) as unknown,
      });
      expect(Number(before)).toBeGreaterThan(2);
      expect((await edge().http())?.body).toBe("v6");
      expect((await deploy("--on", "edge")).outcomes).toEqual({ edge: "unchanged" });
    });

    it("prepares an image below a root, touching nothing else on the host", async () => {
      await want({ edge: { version: "v7", root: "/srv/image" } });
      const run = await deploy("--on", "edge");
      expect(run.stderr).not.toContain("skep: error");
      expect(run.outcomes).toEqual({ edge: "deployed" });
      expect(
        await edge().read([
          "sh",
          "-c",
          "readlink /srv/image/nix/var/nix/profiles/skep; cat /srv/image/etc/skep-test/version 2>/dev/null || cat /srv/image$(readlink /srv/image/etc/skep-test/version)",
        ]),
      ).toMatch(/^skep-1-link\nv7$/);
      expect((await edge().http())?.body).toBe("v6");
      expect(await edge().read(["cat", "/etc/skep-test/version"])).toBe("v6");
      await rm(join(edge().root, "srv/image"), { recursive: true, force: true });
    });
  },
);
