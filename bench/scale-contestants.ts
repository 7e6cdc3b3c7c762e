import { cp, mkdir, readdir, readlink, rm } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import type { Argv } from "#core";
import type { HostReport, RolloutReport } from "#rollout";
import type { Result } from "./contestants.ts";
import { measure } from "./measure.ts";
import type { ScaleFleet } from "./scale-fleet.ts";
import type { ScaleHost } from "./scale-hosts.ts";

/** A fleet that is to be brought up to date. */
export interface ScaleJob {
  readonly fleet: ScaleFleet;
  /** Whether the hosts have what they are to have. */
  readonly isUpToDate: boolean;
  /** What a shell is to bring: made by deploying the same to a host of its own. */
  readonly parcel: Parcel;
}

/** Store paths in a folder, and the system they make. */
export interface Parcel {
  readonly folder: string;
  readonly toplevel: string;
}

export interface Deployer {
  readonly name: string;
  /** Brings every host of the fleet up to date. @throws when one is not. */
  deploy(job: ScaleJob): Promise<readonly Result[]>;
}

/** A shell's ways at a time; skep's default is the same. */
const AT_ONCE = 10;
const SIMPLE_LOGINS = 1;
const PROVEN_LOGINS = 2;

function skepAt(name: string, parallel: number | undefined): Deployer {
  const limits = ["--parallel", "--limit-copy", "--limit-activate"].flatMap((option) => [option, String(parallel)]);
  return {
    name,
    async deploy({ fleet, isUpToDate }) {
      const words = ["deploy", "--json", "--ssh-config", fleet.configFile, ...(parallel === undefined ? [] : limits)];
      const { wallSeconds, cpuSeconds, peakBytes, stdout } = await fleet.skep(...words);
      const report = readReport(stdout);
      const [outcome, logins] = isUpToDate ? ["unchanged", SIMPLE_LOGINS] : ["deployed", PROVEN_LOGINS];
      const wrong = report.hosts.find((host) => host.outcome !== outcome || host.logins !== logins);
      if (report.hosts.length !== fleet.hosts.length || wrong !== undefined) throw new Error(describe(report, wrong));
      return [{ tool: name, seconds: wallSeconds, cpuSeconds, peakBytes, logins }];
    },
  };
}

/** The defaults: ten at a time. */
export const skep = skepAt("skep", undefined);
export const skepAtFifty = skepAt("skep --parallel 50", 50);

/** What a user does today: three steps, and a login for each. */
export const xargsSsh: Deployer = {
  name: `xargs -P${AT_ONCE} ssh`,
  async deploy({ fleet, isUpToDate, parcel }) {
    const running = await fleet.running();
    const lines = fleet.hosts.map(({ name, target }) => {
      const wanted = isUpToDate ? (running.get(name) ?? "") : parcel.toplevel;
      return [name, String(target.port), target.identityFile, wanted].join(" ");
    });
    const argv: Argv = ["sh", "-c", EACH_HOST, "sh", lines.join("\n"), ONE_HOST, fleet.configFile, parcel.folder];
    const { wallSeconds, cpuSeconds, stdout } = await measure(argv, { env: process.env });
    const done = stdout.trimEnd().split("\n");
    const logins = isUpToDate ? 1 : 3;
    const now = await fleet.running();
    const isWrong = ({ name }: ScaleHost): boolean =>
      now.get(name) !== (isUpToDate ? running.get(name) : parcel.toplevel) || !done.includes(`${name} ${logins}`);
    const wrong = fleet.hosts.find(isWrong);
    if (wrong !== undefined) throw new Error(`xargs did not bring ${wrong.name} up to date`);
    return [{ tool: this.name, seconds: wallSeconds, cpuSeconds, logins }];
  },
};

const EACH_HOST = `printf '%s\\n' "$1" | xargs -P${AT_ONCE} -L1 sh -c "$2" "$3" "$4"`;
/** `$0` is the ssh_config, `$1` the parcel; then a host's name, port, key and wanted system. Prints its logins. */
const ONE_HOST = `
parcel=$1 name=$2 toplevel=$5
at() { ssh -F "$CONFIG" -p "$PORT" -i "$KEY" root@127.0.0.1 "$1"; }
CONFIG=$0 PORT=$3 KEY=$4
if [ "$(at 'readlink "$SKEP_ROOT/run/current-system"')" = "$toplevel" ]; then echo "$name 1"; exit; fi
tar -C "$parcel" -cf - . | at 'tar -C "$SKEP_ROOT/nix/store" -xpf -' || exit
at "ln -sfn $toplevel \\"\\$SKEP_ROOT/nix/var/nix/profiles/skep\\" && \\"\\$SKEP_ROOT$toplevel/bin/switch-to-configuration\\" switch >/dev/null" || exit
echo "$name 3"
`;

/** Brings a change to a fleet of one host, and takes from its store what came. */
export async function makeParcel(seed: ScaleFleet, word: string): Promise<Parcel> {
  const [host] = seed.hosts;
  if (host === undefined) throw new Error("a parcel is made on a host");
  const { root } = host.target;
  const store = join(root, "nix/store");
  const before = new Set(await readdir(store));
  await seed.release(word);
  await seed.skep("deploy", "--json", "--ssh-config", seed.configFile);
  const folder = join(seed.folder, "parcel");
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder);
  for (const name of await readdir(store)) {
    if (!before.has(name)) await cp(join(store, name), join(folder, name), { recursive: true, verbatimSymlinks: true });
  }
  return { folder, toplevel: await readlink(join(root, "run/current-system")) };
}

/** The last line that skep prints is the event that closes the run. */
function readReport(ndjson: string): RolloutReport {
  const event = JSON.parse(ndjson.slice(ndjson.lastIndexOf("\n") + 1)) as { readonly report: RolloutReport };
  return event.report;
}

function describe({ hosts }: RolloutReport, wrong: HostReport | undefined): string {
  if (wrong === undefined) return `skep's report is of ${hosts.length} hosts`;
  const why = "error" in wrong ? `: ${wrong.error.message}` : "";
  return `${wrong.host} ended ${wrong.outcome} after ${wrong.logins} logins${why}`;
}
