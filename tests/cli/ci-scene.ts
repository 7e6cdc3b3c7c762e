import { existsSync, mkdirSync, mkdtempSync, readFileSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach } from "vitest";
import type { Sandbox } from "#sandbox";
import { startSandbox } from "#sandbox";
import { runSkep } from "./run-skep.ts";

export const HOSTS = ["web-1", "web-2"] as const;

/** A hive of two sandbox hosts in a folder of its own, anew for each test. */
export function useCiScene() {
  let sandbox: Sandbox;
  let folder = "";
  beforeEach(async () => {
    sandbox = await startSandbox({ hosts: HOSTS });
    folder = mkdtempSync(join(tmpdir(), "skep-ci-"));
    hive("1.0");
  });
  afterEach(async () => {
    await sandbox[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true });
  });

  const at = (path: string): string => join(folder, path);
  const read = (path: string): string => readFileSync(at(path), "utf8");
  function write(path: string, text: string): void {
    mkdirSync(dirname(at(path)), { recursive: true });
    writeFileSync(at(path), text);
  }
  function hive(version: string, { broken, down }: { readonly broken?: string; readonly down?: string } = {}): void {
    const hosts = HOSTS.map((name) => {
      const check = name === broken ? `command(["false"], { period: "50ms", deadline: "200ms" })` : "";
      const target = { ...sandbox.host(name).target, ...(name === down ? { port: 1 } : {}) };
      return `"${name}": { target: ${JSON.stringify(target)}, system: system({ etc: { motd: "${version}" } }), checks: [${check}] }`;
    });
    write(
      "hive.ts",
      `import { command, defineHive, system } from "skep";
       export default defineHive({ name: "fleet", hosts: { ${hosts.join(", ")} } });`,
    );
  }
  const runs = (name: string): string | undefined => {
    const link = join(sandbox.host(name).root, "run/current-system");
    return existsSync(dirname(link)) && existsSync(join(sandbox.host(name).root, "run"))
      ? safeReadlink(link)
      : undefined;
  };
  const skep = (argv: readonly string[], env: Readonly<Record<string, string>> = {}) =>
    runSkep([...argv, "--ssh-config", sandbox.sshConfigFile], {
      cwd: folder,
      env: { PATH: process.env.PATH, HOME: folder, ...env },
    });
  /** The job's own files of GitHub. */
  const github = (): Record<string, string> => ({
    GITHUB_ACTIONS: "true",
    GITHUB_STEP_SUMMARY: at("summary.md"),
    GITHUB_OUTPUT: at("outputs"),
  });

  return { at, read, write, hive, runs, skep, github, sandbox: () => sandbox };
}

function safeReadlink(link: string): string | undefined {
  try {
    return readlinkSync(link);
  } catch {
    return undefined;
  }
}
