import { mkdir, readlink, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import type { Argv } from "#core";
import { compile, ROOT } from "./compile.ts";
import type { Measured } from "./measure.ts";
import { measure } from "./measure.ts";
import type { ScaleHost } from "./scale-hosts.ts";
import type { SkepMemory } from "./skep-once.ts";

/** A hive of so many hosts, and what the operator needs to reach them, with skep or with OpenSSH. */
export interface ScaleFleet {
  readonly hosts: readonly ScaleHost[];
  /** The hive's folder. */
  readonly folder: string;
  /** For `ssh -F`: names no host. */
  readonly configFile: string;
  /** Changes what the hive says each host is to be. */
  release(word: string): Promise<void>;
  /** The commands of `skep` that are given to the hive. */
  skep(...words: readonly string[]): Promise<SkepRun>;
  /**
   * Makes every host say that it runs what the hive gives it, and would boot that. Nobody looks further when a host is
   * up to date, and to deploy to a thousand would take longer than all that is measured.
   */
  settle(): Promise<void>;
  /** The system each host runs; undefined where it runs none. */
  running(): Promise<ReadonlyMap<string, string | undefined>>;
}

/** One `skep` from its start to its end. */
export interface SkepRun extends Measured, SkepMemory {}

const FILES = 20;
const FILE_BYTES = 10 * 1024;

const HIVE = `import { check, defineHive, directory, system } from "skep";
import hosts from "./hosts.json";
import { release } from "./release.json";

const site = directory("./site");
// Of the program that holds connections; see connected-once.ts.
const hold = globalThis.holdInCheck;
const checks = hold === undefined ? [] : [check("hold", ({ host }) => hold(host), { timeout: "10m", deadline: "20m" })];
export default defineHive({
  hosts: Object.fromEntries(
    hosts.map(({ name, target }) => [
      name,
      { target, checks, system: system({ packages: { site }, etc: { release: \`\${release}\\n\`, motd: \`this is \${name}\\n\` } }) },
    ]),
  ),
});
`;

/** Makes the hive in a folder of its own. Its hosts' keys are known as they usually are: by known_hosts. */
export async function makeScaleFleet(folder: string, hosts: readonly ScaleHost[]): Promise<ScaleFleet> {
  await rm(folder, { recursive: true, force: true });
  await mkdir(join(folder, "site"), { recursive: true });
  const knownHostsFile = join(folder, "known_hosts");
  const configFile = join(folder, "ssh_config");
  const targets = hosts.map(({ name, target: { hostKey: _hostKey, ...target } }) => ({ name, target }));
  await writeFile(join(folder, "hosts.json"), JSON.stringify(targets));
  await writeFile(join(folder, "all.json"), JSON.stringify(hosts));
  await writeFile(
    knownHostsFile,
    hosts.map(({ target: { host, port, hostKey } }) => `[${host}]:${port} ${hostKey}\n`).join(""),
  );
  await writeFile(configFile, `IdentitiesOnly yes\nIdentityAgent none\nUserKnownHostsFile ${knownHostsFile}\n`);
  for (let file = 1; file <= FILES; file += 1) {
    await writeFile(join(folder, "site", `page-${file}.html`), Buffer.alloc(FILE_BYTES, `page ${file}\n`));
  }
  await writeFile(join(folder, "hive.ts"), HIVE);
  const program = await compile("skep-once.ts");
  const skep = async (...words: readonly string[]): Promise<SkepRun> => {
    const argv: Argv = [...program, ...words, "--hive", folder];
    const measured = await measure(argv, { env: process.env, cwd: ROOT });
    const lines = measured.stdout.trimEnd().split("\n");
    const { peakBytes } = JSON.parse(lines.pop() ?? "") as SkepMemory;
    return { ...measured, stdout: lines.join("\n"), peakBytes };
  };
  return {
    hosts,
    folder,
    configFile,
    async release(word) {
      await writeFile(join(folder, "release.json"), JSON.stringify({ release: word }));
      await writeFile(join(folder, "site", "release.txt"), `${word}\n`);
    },
    skep,
    async settle() {
      const { stdout } = await skep("build", "--quiet");
      const systems = new Map(stdout.split("\n").map((line) => line.split(/\s+/) as [string, string]));
      await Promise.all(
        hosts.map(async ({ name, target: { root } }) => {
          const profiles = join(root, "nix/var/nix/profiles");
          await replaceLink(systems.get(name) ?? "", join(root, "run/current-system"));
          await replaceLink(systems.get(name) ?? "", join(profiles, "skep-1-link"));
          await replaceLink("skep-1-link", join(profiles, "skep"));
        }),
      );
    },
    async running() {
      const links = hosts.map(async ({ name, target: { root } }) => {
        const system = await readlink(join(root, "run/current-system")).catch(() => undefined);
        return [name, system] as const;
      });
      return new Map(await Promise.all(links));
    },
  };
}

async function replaceLink(to: string, link: string): Promise<void> {
  await rm(link, { force: true });
  await symlink(to, link);
}
