import { cp, mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { must } from "./run.ts";

/** What can be wrong with a system under test. */
type Fault =
  /** Activation succeeds; the service answers 500. */
  | "unhealthy"
  /** The service cannot be started, and activation exits 4. */
  | "exit-4"
  /** Activation succeeds; the service fails 0.3 s later. */
  | "unit-fails"
  /** Activation sleeps for an hour once `/run/current-system` is set. */
  | "hang"
  /** Activation takes the host's network down. A good system's activation brings it up again. */
  | "cut-network"
  /** Making it the boot default exits 1. */
  | "boot-fails"
  /** Only a reboot brings it: activating it anywhere else than where it was booted exits 100 and changes nothing. */
  | "only-by-reboot"
  /** Evaluating it throws. */
  | "eval-error"
  /** Evaluating it fails where `tryEval` does not catch. */
  | "eval-type-error"
  /** Its builder prints 30 lines and exits 1. */
  | "build-error";

export interface SystemSpec {
  /** What the service answers, as a line; also in the names of store paths. */
  readonly version: string;
  /** Where the service listens; default 8080. */
  readonly port?: number | undefined;
  readonly fault?: Fault | undefined;
  /** Whether it has a `nixos-version`, as NixOS's toplevel does; default false. */
  readonly nixos?: boolean | undefined;
  /** Makes the closure so much heavier; default 0. */
  readonly ballastMiB?: number | undefined;
}

/** Systems for some hosts in one folder, which is a flake and a file to evaluate at once. */
export interface Systems {
  readonly folder: string;
  /** A flake reference: `<flake>#nixosConfigurations.<host>.config.system.build.toplevel`. */
  readonly flake: string;
  /** A Nix file whose attributes are `hosts.<host>`. */
  readonly file: string;
  /** Builds one host's system with the operator's Nix, and gives its store path. */
  build(host: string, options: { readonly environment: NodeJS.ProcessEnv }): Promise<string>;
}

const EXPRESSIONS = join(dirname(import.meta.dirname), "systems");
const BUSYBOX = "/bin/busybox";

/** Writes the systems' folder, replacing hosts written there before. Evaluating it needs nothing from outside it. */
export async function writeSystems(folder: string, hosts: Readonly<Record<string, SystemSpec>>): Promise<Systems> {
  await mkdir(join(folder, "busybox/bin"), { recursive: true });
  await cp(EXPRESSIONS, folder, { recursive: true });
  await cp(BUSYBOX, join(folder, "busybox/bin/busybox"));
  const specs = Object.entries(hosts).map(([name, { port = 8080, ...spec }]) => [name, { ...spec, port }] as const);
  await writeFile(
    join(folder, "hosts.json"),
    JSON.stringify({ system: nixSystem(), hosts: Object.fromEntries(specs) }),
  );
  const file = join(folder, "default.nix");
  return {
    folder,
    flake: `path:${folder}`,
    file,
    build: async (host, { environment: env }) =>
      must(["nix-build", file, "--attr", `hosts.${host}`, "--no-out-link"], { env }),
  };
}

function nixSystem(): string {
  return `${process.arch === "arm64" ? "aarch64" : "x86_64"}-linux`;
}
