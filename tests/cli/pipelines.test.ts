import { execFile } from "node:child_process";
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { sshKeygen } from "../secrets/tools.ts";
import { HOSTS, useCiScene } from "./ci-scene.ts";
import { runSkep } from "./run-skep.ts";

const ROOT = join(import.meta.dirname, "../..");

describe("a pipeline's steps, run as runners run them", { timeout: 180_000 }, () => {
  const { at, read, write, hive, runs, github, sshConfigFile } = useCiScene();

  interface Step {
    readonly name: string;
    readonly run: string;
    readonly env?: Readonly<Record<string, string>>;
  }

  it.skipIf(!existsSync(join(ROOT, "dist/cli/main.js")))(
    "action.yml: its steps, run as the runner runs them",
    async () => {
      const action = parse(readFileSync(join(ROOT, "action.yml"), "utf8")) as {
        readonly inputs: Readonly<Record<string, { readonly default: string }>>;
        readonly runs: { readonly steps: readonly Step[] };
      };
      const key = at("key");
      sandboxKey(key);
      const inputs: Record<string, string> = {
        ...Object.fromEntries(Object.entries(action.inputs).map(([name, { default: value }]) => [name, value])),
        ...{
          deploy: "true",
          "ssh-key": readFileSync(key, "utf8"),
          arguments: `--ssh-config\n${sshConfigFile()}`,
        },
      };
      const job: Record<string, string> = {
        ...{ PATH: process.env.PATH ?? "", HOME: at("."), RUNNER_TEMP: at("temp"), GITHUB_ENV: at("env") },
        ...{ GITHUB_PATH: at("path"), ...github() },
      };
      mkdirSync(at("temp"));
      const value = (text: string): string =>
        text.replace(/\$\{\{ (inputs\.([\w-]+)|github\.action_path) \}\}/g, (_, __, input?: string) =>
          input === undefined ? ROOT : (inputs[input] ?? ""),
        );
      for (const file of ["env", "path", "outputs", "summary.md"]) write(file, "");
      for (const { name, run, env = {} } of action.runs.steps) {
        const given = Object.fromEntries(Object.entries(env).map(([word, text]) => [word, value(text)]));
        const fromFiles = Object.fromEntries(
          read("env")
            .split("\n")
            .filter(Boolean)
            .map((line) => [line.replace(/=.*/, ""), line.replace(/^[^=]*=/, "")]),
        );
        const path = [...read("path").split("\n").filter(Boolean), job.PATH].join(":");
        const ended = await shell(["--noprofile", "--norc", "-eo", "pipefail", "-c", run], {
          ...{ cwd: at("."), env: { ...job, ...fromFiles, ...given, PATH: path } },
        });
        expect({ name, status: ended.status, stderr: ended.status === 0 ? "" : ended.stderr }).toEqual({
          ...{ name, status: 0, stderr: "" },
        });
        if (name === "Take keys") expect(read("env")).toContain("SSH_AUTH_SOCK=/dev/shm/");
        expect(ended.stdout + ended.stderr).not.toContain(inputs["ssh-key"]?.split("\n")[1]);
      }
      expect(read("outputs")).toMatch(/changes=true\n.*\nrun=.*\nexit-code=0\n/s);
      expect(HOSTS.map(runs).every((system) => system !== undefined)).toBe(true);
      const memory = /^SKEP_CI_MEMORY=(.*)$/m.exec(read("env"))?.[1] ?? "";
      expect(memory).toMatch(/^\/dev\/shm\/skep\./);
      expect(existsSync(memory)).toBe(false);
    },
  );

  describe.skipIf(!existsSync(join(ROOT, "dist/cli/main.js")))("the pipelines of skep init", () => {
    let base: Record<string, string> = {};
    beforeEach(() => {
      sandboxKey(at("key"));
      // The one of npm's commands that a pipeline has: what is installed is the skep of this repository.
      write("bin/npm", `#!/bin/sh\n[ "$1" = ci ] && mkdir -p node_modules/.bin && ln -sfn ${ROOT} node_modules/skep\n`);
      appendFileSync(at("bin/npm"), "ln -sfn ../skep/dist/cli/main.js node_modules/.bin/skep\n");
      chmodSync(at("bin/npm"), 0o755);
      chmodSync(join(ROOT, "dist/cli/main.js"), 0o755);
      // The hosts' own keys are in the hive.
      base = { PATH: `${at("bin")}:${process.env.PATH ?? ""}`, HOME: at(".") };
    });
    const key = (): string => readFileSync(at("key"), "utf8");
    /** A line that no other key has. */
    const ownLine = (): string => key().split("\n")[3] ?? "";
    async function init(kind: "github" | "gitlab"): Promise<string> {
      rmSync(at("hive.ts"));
      const recipient = sshKeygen(at("ann"), { type: "ed25519" });
      const run = await runSkep(["init", "--linux", "--ci", kind, "--recipient", recipient], {
        cwd: at("."),
        env: { HOME: at(".") },
      });
      expect(run, run.stderr).toMatchObject({ exitCode: 0 });
      rmSync(at("secrets"), { recursive: true });
      hive("1.0");
      return read(kind === "github" ? ".github/workflows/skep.yml" : ".gitlab-ci.yml");
    }
    /** The folders of a job that a key must not be in. */
    const isOnDisk = (): boolean => {
      const line = ownLine();
      const files = readdirSync(at("."), { recursive: true, encoding: "utf8" }).filter((name) => name !== "key");
      return files.some((name) => {
        const path = at(name);
        return !name.startsWith("node_modules") && statSync(path).isFile() && readFileSync(path, "utf8").includes(line);
      });
    };

    it.each(["pull_request", "push"])("GitHub's steps, run as the runner runs them: %s", async (event) => {
      const { jobs } = parse(await init("github")) as { jobs: { skep: { steps: readonly GithubStep[] } } };
      const given: Readonly<Record<string, string>> = {
        ...{ "secrets.SKEP_SSH_KEY": key(), "vars.SKEP_KNOWN_HOSTS": readFileSync(knownHosts(), "utf8") },
        "github.event_name == 'push' && secrets.SKEP_AGE_KEY || ''": event === "push" ? "AGE-SECRET-KEY-1TEST" : "",
      };
      for (const file of ["env", "outputs", "summary.md"]) write(file, "");
      const job: Record<string, string> = { ...base, GITHUB_ENV: at("env"), ...github() };
      let told = "";
      for (const { name = "", run, env = {}, if: when } of jobs.skep.steps) {
        if (run === undefined || (when?.startsWith("github.event_name") && !when.includes(event))) continue;
        const words = Object.entries(env).map(([word, text]) => [word, given[text.slice(4, -3)] ?? ""]);
        const set = [...read("env").matchAll(/^(\w+)=(.*)$/gm)].map(([, word = "", value = ""]) => [word, value]);
        const env_ = { ...job, ...(Object.fromEntries([...set, ...words]) as Record<string, string>) };
        const ended = await shell(["--noprofile", "--norc", "-eo", "pipefail", "-c", run], { cwd: at("."), env: env_ });
        expect({ name, status: ended.status, stderr: ended.status === 0 ? "" : ended.stderr }).toEqual({
          ...{ name, status: 0, stderr: "" },
        });
        told += ended.stdout + ended.stderr;
        if (name === "Take keys") {
          expect(read("env")).toContain("SSH_AUTH_SOCK=/dev/shm/");
          expect(read("env").includes("SKEP_IDENTITY=/dev/shm/")).toBe(event === "push");
        }
      }
      expect(told).not.toContain(ownLine());
      expect(isOnDisk()).toBe(false);
      expect(existsSync(/^SKEP_CI_MEMORY=(.+)$/m.exec(read("env"))?.[1] ?? "/")).toBe(false);
      expect(HOSTS.map(runs).every((system) => system !== undefined)).toBe(event === "push");
      expect(read("outputs")).toMatch(/exit-code=0\n$/);
    });

    it.each([
      { job: "skep plan", keys: "SKEP_PLAN_SSH_KEY" },
      { job: "skep plan", keys: undefined },
      { job: "skep deploy", keys: "SKEP_SSH_KEY" },
    ])("GitLab's jobs, run as the runner runs them: $job with $keys", async ({ job, keys }) => {
      const jobs = parse(await init("gitlab")) as Readonly<Record<string, GitlabJob>> & {
        variables: Record<string, string>;
      };
      const env = {
        ...{ ...base, ...jobs.variables, GITLAB_CI: "true", CI_JOB_ID: String(process.pid) },
        ...{
          SKEP_KNOWN_HOSTS: knownHosts(),
          ...(job === "skep deploy" ? { SKEP_AGE_KEY: "AGE-SECRET-KEY-1TEST" } : {}),
        },
        ...(keys === undefined ? {} : { [keys]: Buffer.from(key()).toString("base64") }),
      };
      const lines = [...(jobs[".skep"]?.before_script ?? []), ...(jobs[job]?.script ?? [])];
      const ended = await shell(["-eo", "pipefail", "-c", lines.join("\n")], { cwd: at("."), env });
      expect({ status: ended.status, stderr: ended.status === 0 ? "" : ended.stderr }).toEqual({
        status: 0,
        stderr: "",
      });
      // Another shell, which knows nothing of the first.
      const after = await shell(["-eo", "pipefail", "-c", (jobs[".skep"]?.after_script ?? []).join("\n")], {
        ...{ cwd: at("."), env: { ...base, CI_JOB_ID: env.CI_JOB_ID } },
      });
      expect(after).toMatchObject({ status: 0, stderr: "" });
      expect(ended.stdout + ended.stderr).not.toContain(ownLine());
      expect(isOnDisk()).toBe(false);
      expect(existsSync(`/dev/shm/skep-${env.CI_JOB_ID}`)).toBe(false);
      expect(HOSTS.map(runs).every((system) => system !== undefined)).toBe(job === "skep deploy");
      if (keys === undefined) expect(ended.stdout).toMatch(/^web-1 \/nix\/store\//m);
      else expect(existsSync(at("skep-ci/plan.json"))).toBe(true);
      if (job === "skep deploy") expect(ended.stderr).toMatch(/section_start:\d+:/);
    });
  });

  interface GithubStep {
    readonly name?: string;
    readonly if?: string;
    readonly run?: string;
    readonly env?: Readonly<Record<string, string>>;
  }
  interface GitlabJob {
    readonly before_script?: readonly string[];
    readonly script?: readonly string[];
    readonly after_script?: readonly string[];
  }

  /** The key that a sandbox lets in. */
  function sandboxKey(file: string): void {
    const identity = /^\s*IdentityFile\s+"?([^"\n]+)"?/m.exec(readFileSync(sshConfigFile(), "utf8"))?.[1] ?? "";
    writeFileSync(file, readFileSync(identity), { mode: 0o600 });
  }
  function knownHosts(): string {
    return /^\s*UserKnownHostsFile\s+"?([^"\n]+)"?/m.exec(readFileSync(sshConfigFile(), "utf8"))?.[1] ?? "";
  }
});

/** bash to its end, with the sandbox's hosts awake meanwhile. */
function shell(
  args: readonly string[],
  options: { readonly cwd: string; readonly env: NodeJS.ProcessEnv },
): Promise<{ readonly status: number; readonly stdout: string; readonly stderr: string }> {
  return new Promise((resolve) => {
    execFile("bash", args, options, (error, stdout, stderr) => {
      resolve({ status: error === null ? 0 : Number(error.code), stdout, stderr });
    });
  });
}
