import { beforeEach } from "vitest";
import { runningSystem } from "../sandbox/systems-of-host.ts";
import { useScene } from "./scene.ts";

export const HOSTS = ["web-1", "web-2"] as const;

/** A hive of two sandbox hosts in a folder of its own, anew for each test. */
export function useCiScene() {
  const { machine, sshConfigFile, at, read, write, writeRules, start } = useScene(HOSTS);
  beforeEach(() => {
    hive("1.0");
  });

  function hive(version: string, { broken, down }: { readonly broken?: string; readonly down?: string } = {}): void {
    const hosts = HOSTS.map((name) => {
      const check = name === broken ? `command(["false"], { period: "50ms", deadline: "200ms" })` : "";
      const target = { ...machine(name).target, ...(name === down ? { port: 1 } : {}) };
      return `"${name}": { target: ${JSON.stringify(target)}, system: system({ etc: { motd: "${version}" } }), checks: [${check}] }`;
    });
    write(
      "hive.ts",
      `import { command, defineHive, system } from "skep";
       export default defineHive({ name: "fleet", hosts: { ${hosts.join(", ")} } });`,
    );
  }
  const runs = (name: string): string | undefined => {
    try {
      return runningSystem(machine(name));
    } catch {
      return undefined;
    }
  };
  const skep = (argv: readonly string[], env: Readonly<Record<string, string>> = {}) =>
    start([...argv, "--ssh-config", sshConfigFile()], { env }).ended;
  /** The job's own files of GitHub. */
  const github = (): Record<string, string> => ({
    GITHUB_ACTIONS: "true",
    GITHUB_STEP_SUMMARY: at("summary.md"),
    GITHUB_OUTPUT: at("outputs"),
  });

  return { at, read, write, writeRules, hive, runs, skep, github, sshConfigFile };
}
