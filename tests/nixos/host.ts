import { execFile, execFileSync, spawn } from "node:child_process";
import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { evaluate, nixString } from "./evaluate.ts";
import type { ActivationScript, NixosSystem } from "./evaluate.ts";

export type Shell = "/bin/bash" | "/bin/dash";

export interface Result {
  readonly exitCode: number | string;
  readonly stdout: string;
  readonly stderr: string;
}

export interface ActivateOptions {
  /** As switch-to-configuration says it; none at boot. */
  readonly action?: "switch" | "test" | "dry-activate" | undefined;
}

/** A NixOS with a `/run`, a `/var/lib` and users of its own, in a mount namespace; it has one host key. */
export interface NixosHost extends AsyncDisposable {
  readonly directory: string;
  readonly identity: string;
  /** Encrypts to the host, or to a stranger, and tells the file as a Nix string. */
  seal(text: string, options?: { readonly to?: "host" | "stranger" }): Promise<string>;
  evaluate(module: string): Promise<NixosSystem>;
  /** Runs the activation scripts of a system as NixOS does: in their order, and past those that fail. */
  activate(system: string | NixosSystem, options?: ActivateOptions): Promise<Result>;
  /** Runs a script of bash on the host. */
  run(script: string, environment?: Readonly<Record<string, string>>): Promise<Result>;
  /** The output of a script that succeeds. */
  tell(script: string): Promise<string>;
  /** The units that a switch is told of since the last time; in an activation of that action. */
  units(action?: "" | "dry-"): Promise<{ restart: string[]; reload: string[] }>;
}

export async function nixosHost(shell: Shell): Promise<NixosHost> {
  const directory = await mkdtemp(join(tmpdir(), "skep nixos-"));
  const keys = { host: join(directory, "host keys/ssh_host_ed25519_key"), stranger: join(directory, "stranger") };
  await mkdir(dirname(keys.host));
  for (const key of Object.values(keys)) execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", key]);

  const packages = await mkdtemp(join(tmpdir(), "skep-packages-"));
  await mkdir(join(packages, "bin"));
  const age = execFileSync("/bin/sh", ["-c", "command -v age"], { encoding: "utf8" }).trim();
  await symlink(age, join(packages, "bin/age"));
  await writeFile(join(packages, "bin/systemctl"), `#!/bin/sh\necho "$*" >>/run/systemctl-calls\n`);
  await chmod(join(packages, "bin/systemctl"), 0o755);

  await writeFile(join(directory, "passwd"), "root:x:0:0::/root:/bin/sh\n");
  await writeFile(join(directory, "group"), "root:x:0:\n");
  const namespace = await mountNamespace(`
    set -e
    mount -t tmpfs none /run
    mount -t tmpfs none /var/lib
    mount --bind '${directory}/passwd' /etc/passwd
    mount --bind '${directory}/group' /etc/group
  `);

  let sealed = 0;
  const host: NixosHost = {
    directory,
    identity: keys.host,
    seal(text, { to = "host" } = {}) {
      const file = join(directory, `${String(sealed++)}.age`);
      execFileSync("age", ["-R", `${keys[to]}.pub`, "-o", file], { input: text });
      return Promise.resolve(nixString(file));
    },
    evaluate(module) {
      const withKey = `{ imports = [ (${module}) ]; age.identityPaths = [ ${nixString(keys.host)} "/no such key" ]; }`;
      return evaluate(withKey, { directory: packages, packages, runtimeShell: shell });
    },
    async activate(system, { action } = {}) {
      const { activationScripts, problems } = typeof system === "string" ? await host.evaluate(system) : system;
      if (problems.length > 0) throw new Error(problems.join("\n"));
      const dry = action === "dry-activate";
      const script = activationScript(activationScripts, (one) => !dry || one.supportsDryActivation);
      return host.run(script, action === undefined ? {} : { NIXOS_ACTION: action });
    },
    run(script, environment = {}) {
      const env = { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", ...environment };
      const args = [`--mount=/proc/${String(namespace.pid)}/ns/mnt`, "/bin/bash", "--norc", "-c", script];
      return new Promise((resolve) => {
        execFile("nsenter", args, { env }, (error, stdout, stderr) => {
          resolve({ exitCode: error === null ? 0 : (error.code ?? error.signal ?? "unknown"), stdout, stderr });
        });
      });
    },
    async tell(script) {
      const { exitCode, stdout, stderr } = await host.run(script);
      if (exitCode !== 0) throw new Error(`${script} failed (${String(exitCode)}): ${stderr}`);
      return stdout.trimEnd();
    },
    async units(action = "") {
      const list = `/run/nixos/${action}activation`;
      const take = (verb: string) => host.tell(`cat ${list}-${verb}-list 2>/dev/null; rm -f ${list}-${verb}-list`);
      const lines = (text: string) => text.split("\n").filter((line) => line !== "");
      return { restart: lines(await take("restart")), reload: lines(await take("reload")) };
    },
    async [Symbol.asyncDispose]() {
      await namespace.end();
      for (const folder of [directory, packages]) await rm(folder, { recursive: true, force: true });
    },
  };
  return host;
}

/** NixOS's frame around the snippets: a failing command fails the activation and stops nothing. */
function activationScript(
  scripts: Readonly<Record<string, ActivationScript>>,
  runs: (script: ActivationScript) => boolean,
): string {
  const snippets = inOrder(scripts).map((name) => {
    const script = scripts[name];
    if (script === undefined) throw new Error(`no activation script ${name}`);
    return runs(script)
      ? `_localstatus=0\n${script.text}\nif (( _localstatus > 0 )); then echo "snippet '${name}' failed ($_localstatus)"; fi`
      : "";
  });
  return `
    make_groups() {
      grep -q ^keys: /etc/group || printf '%s\\n' keys:x:96: web:x:990: >>/etc/group
    }
    make_users() {
      cat /run/agenix/hashed-password >/run/seen-when-users-were-made 2>/dev/null || true
      grep -q ^web: /etc/passwd || echo web:x:990:990::/:/bin/false >>/etc/passwd
    }
    _status=0
    trap "_status=1 _localstatus=\\$?" ERR
    umask 0022
    ${snippets.join("\n")}
    exit $_status
  `;
}

function inOrder(scripts: Readonly<Record<string, ActivationScript>>): string[] {
  const done: string[] = [];
  const visit = (name: string): void => {
    if (done.includes(name)) return;
    for (const dependency of scripts[name]?.deps ?? []) visit(dependency);
    done.push(name);
  };
  for (const name of Object.keys(scripts)) visit(name);
  return done;
}

async function mountNamespace(setUp: string): Promise<{ pid: number; end(): Promise<void> }> {
  const script = `${setUp}\necho ready\nexec cat`;
  const child = spawn("unshare", ["--mount", "--propagation", "private", "/bin/sh", "-c", script], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const closed = new Promise<void>((resolve) =>
    child.once("close", () => {
      resolve();
    }),
  );
  await new Promise<void>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", () => {
      reject(new Error("the mount namespace could not be made"));
    });
    child.stdout.once("data", () => {
      resolve();
    });
  });
  return {
    pid: Number(child.pid),
    end() {
      child.stdin.end();
      return closed;
    },
  };
}
