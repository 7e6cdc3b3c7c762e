import process from "node:process";
import { join } from "node:path";
import { compile, ROOT } from "./compile.ts";
import type { HeldMemory } from "./connected-once.ts";
import type { Result } from "./contestants.ts";
import { measure } from "./measure.ts";
import type { ScaleFleet } from "./scale-fleet.ts";

/** Holds a connection to every host of a fleet at the same time. */
export interface Holder {
  readonly name: string;
  hold(fleet: ScaleFleet): Promise<readonly Result[]>;
}

function holder(name: string, wordsFor: (fleet: ScaleFleet) => readonly string[]): Holder {
  return {
    name,
    async hold(fleet) {
      const program = await compile("connected-once.ts", ["--expose-gc"]);
      const argv = [...program, ...wordsFor(fleet)] as const;
      const { stdout, wallSeconds, cpuSeconds } = await measure(argv, { env: process.env, cwd: ROOT });
      const { heldBytes } = JSON.parse(stdout.trimEnd().split("\n").at(-1) ?? "") as HeldMemory;
      return [{ tool: name, seconds: wallSeconds, cpuSeconds, peakBytes: heldBytes }];
    },
  };
}

const inHosts = ({ folder }: ScaleFleet): string => join(folder, "all.json");

export const plainSsh2 = holder("ssh2 alone", (fleet) => ["ssh2", inHosts(fleet)]);
export const skepConnected = holder("skep, logged in", (fleet) => ["skep", inHosts(fleet)]);
/** Each host at the point where its deployment holds the most: activated, proven by a login, not committed. */
export const skepDeploying = holder("skep", (fleet) => {
  const at = String(fleet.hosts.length);
  const limits = ["--parallel", at, "--limit-activate", at];
  return [
    "deploying",
    inHosts(fleet),
    "deploy",
    "--quiet",
    "--hive",
    fleet.folder,
    "--ssh-config",
    fleet.configFile,
    ...limits,
  ];
});
