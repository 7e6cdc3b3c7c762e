import { join } from "node:path";
import type { HiveInput, HostInput } from "#hive";
import { http, nixos } from "#hive";
import type { Fleet, FleetHost, FleetHostSpec, Systems, SystemSpec } from "./harness/index.ts";
import { startFleet, writeSystems } from "./harness/index.ts";
import type { RunningSkep, SkepRun } from "./skep.ts";
import { skep, startSkep, writeHive } from "./skep.ts";

/** A fleet, a hive of its hosts, and the systems they are to run. */
export interface Scene extends AsyncDisposable {
  readonly fleet: Fleet;
  /** The hive's folder. */
  readonly folder: string;
  /** Says what each host is to run from now on. */
  want(systems: Readonly<Record<string, SystemSpec>>): Promise<Systems>;
  /** Says that all hosts are to run a version, some of them with something more. */
  wantAll(version: string, but?: Readonly<Record<string, Partial<SystemSpec>>>): Promise<Systems>;
  /** `skep deploy --json …` to its end. */
  deploy(...argv: readonly string[]): Promise<SkepRun>;
  /** `skep deploy --json …` under way. */
  begin(...argv: readonly string[]): RunningSkep;
  /** Writes the hive anew with some hosts changed. */
  rewrite(but: Readonly<Record<string, Partial<HostInput>>>, rollout?: HiveInput["rollout"]): Promise<void>;
}

export interface SceneOptions {
  /** For every host; the checks default to one `http` on port 8080. */
  readonly defaults?: Partial<HiveInput["defaults"]> | undefined;
  readonly hosts?: Readonly<Record<string, Partial<HostInput>>> | undefined;
  readonly limits?: HiveInput["limits"];
}

/** Waits are short, so that a test of what happens when they are over does not take long. */
const DEFAULTS = {
  checks: [http({ port: 8080, period: "200ms", timeout: "2s", deadline: "4s" })],
  activation: { timeout: "8s", confirmTimeout: "8s" },
};

export async function openScene(specs: readonly FleetHostSpec[], options: SceneOptions = {}): Promise<Scene> {
  const fleet = await startFleet(specs);
  const systemsFolder = join(fleet.folder, "systems");
  const folder = join(fleet.folder, "hive");
  const names = specs.map(({ name }) => name);
  const write = async (
    but: Readonly<Record<string, Partial<HostInput>>>,
    rollout?: HiveInput["rollout"],
  ): Promise<void> => {
    const hosts = names.map((name) => {
      const host: HostInput = { system: nixos({ flake: `path:${systemsFolder}` }), ...options.hosts?.[name] };
      return [name, { ...host, ...but[name] }] as const;
    });
    const defaults = { ...DEFAULTS, ...options.defaults };
    await writeHive(folder, {
      name: "fleet",
      defaults,
      limits: options.limits,
      rollout,
      hosts: Object.fromEntries(hosts),
    });
  };
  await write({});
  return {
    fleet,
    folder,
    rewrite: write,
    want: (systems) => writeSystems(systemsFolder, systems),
    wantAll: (version, but = {}) =>
      writeSystems(systemsFolder, Object.fromEntries(names.map((name) => [name, { version, ...but[name] }]))),
    deploy: (...argv) => skep(fleet, ["deploy", "--json", ...argv], { cwd: folder }),
    begin: (...argv) => startSkep(fleet, ["deploy", "--json", ...argv], { cwd: folder }),
    [Symbol.asyncDispose]: () => fleet[Symbol.asyncDispose](),
  };
}

/** What a host runs and would boot, read from inside it and not through skep. */
export interface HostState {
  /** What its service answers. */
  readonly answer: string | undefined;
  /** The name of the system behind /run/current-system, without its digest. */
  readonly running: string;
  /** The same of the profile's default generation. */
  readonly default: string;
  /** The same of every generation, oldest first. */
  readonly generations: readonly string[];
  /** The same of what `boot` was last run for. */
  readonly bootDefault: string;
  /** Names of skep's units that are there. */
  readonly agents: readonly string[];
  readonly leaseIsThere: boolean;
}

export async function stateOf(host: FleetHost, profile = "skep"): Promise<HostState> {
  const script = `
    name() { readlink -f "$1" | sed 's|^/nix/store/[^-]*-||'; }
    echo "running=$(name /run/current-system)"
    echo "default=$(name "/nix/var/nix/profiles/$0")"
    for link in $(ls -v /nix/var/nix/profiles | grep "^$0-.*-link$"); do
      echo "generation=$(name "/nix/var/nix/profiles/$link")"
    done
    echo "boot=$(name /etc/skep-boot-default)"
    [ -e /run/skep/lease ] && echo lease=yes
    systemctl list-units --all --plain --no-legend 'skep-2*' | while read -r unit _; do echo "agent=$unit"; done
  `;
  const text = await host.read(["sh", "-c", script, profile]);
  const all = (key: string): string[] =>
    [...text.matchAll(new RegExp(`^${key}=(.*)$`, "gm"))].map(([, value = ""]) => value);
  const one = (key: string): string => all(key)[0] ?? "";
  return {
    answer: (await host.http())?.body,
    running: one("running"),
    default: one("default"),
    generations: all("generation"),
    bootDefault: one("boot"),
    agents: all("agent"),
    leaseIsThere: all("lease").length > 0,
  };
}
