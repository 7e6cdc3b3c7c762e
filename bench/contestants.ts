import type { Argv } from "#core";
import { compile, ROOT } from "./compile.ts";
import type { CopyReport } from "./copy-once.ts";
import type { Measured } from "./measure.ts";
import { measure, measureTogether } from "./measure.ts";

/** One copy to be made. */
export interface CopyJob {
  readonly toplevel: string;
  readonly hosts: readonly string[];
  readonly configFile: string;
  /** The folder of the operator's Nix store. */
  readonly root: string;
  readonly env: NodeJS.ProcessEnv;
}

/** What a run is counted as: one contestant may be measured in several ways at once. */
export interface Result {
  readonly tool: string;
  readonly seconds: number;
  readonly cpuSeconds?: number | undefined;
  readonly peakBytes?: number | undefined;
  /** To each host; the attempt fails when they were not the same everywhere. */
  readonly logins?: number | undefined;
}

export interface Contestant {
  readonly name: string;
  copy(job: CopyJob): Promise<readonly Result[]>;
}

export const skep: Contestant = {
  name: "skep",
  async copy(job) {
    const { toplevel, hosts, configFile, root } = job;
    const argv: Argv = [...(await compile("copy-once.ts")), configFile, root, toplevel, ...hosts];
    const { stdout, cpuSeconds } = await measure(argv, { env: environmentOf(job), cwd: ROOT });
    const { seconds, readClosureSeconds, copySeconds, peakBytes } = JSON.parse(stdout) as CopyReport;
    return [
      { tool: "skep", seconds, cpuSeconds, peakBytes },
      { tool: "skep, logged in already", seconds: copySeconds },
      { tool: "skep, with nix path-info", seconds: readClosureSeconds + seconds },
    ];
  },
};

/** The same command once for each host, all at the same time. */
function commandFor(name: string, argvOf: (host: string, toplevel: string) => Argv): Contestant {
  return {
    name,
    async copy(job) {
      const argvs = job.hosts.map((host) => argvOf(host, job.toplevel));
      const { wallSeconds, cpuSeconds }: Measured = await measureTogether(argvs, { env: environmentOf(job) });
      return [{ tool: name, seconds: wallSeconds, cpuSeconds }];
    },
  };
}

export const nixCopySshNg = commandFor("nix copy --to ssh-ng://", nixCopyTo("ssh-ng"));
export const nixCopySsh = commandFor("nix copy --to ssh://", nixCopyTo("ssh"));
export const nixCopyClosure = commandFor("nix-copy-closure", (host, toplevel) => [
  "nix-copy-closure",
  "--to",
  host,
  toplevel,
]);

function nixCopyTo(scheme: string): (host: string, toplevel: string) => Argv {
  return (host, toplevel) => ["nix", "copy", "--no-check-sigs", "--to", `${scheme}://${host}`, toplevel];
}

function environmentOf({ configFile, root, env }: CopyJob): NodeJS.ProcessEnv {
  return {
    ...env,
    NIX_REMOTE: root,
    NIX_SSHOPTS: `-F ${configFile}`,
    NIX_CONFIG: `${env.NIX_CONFIG ?? ""}\nexperimental-features = nix-command\n`,
  };
}
