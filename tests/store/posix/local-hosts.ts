import { execFileSync, spawn, spawnSync } from "node:child_process";
import { chownSync, mkdtempSync, symlinkSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Transform } from "node:stream";
import { afterAll } from "vitest";
import type { Argv, CommandChannel, CommandExit, CommandRunner, RunOptions } from "#core";

/** A way to be a host: a shell, the programs beside it, and who runs them. */
export interface HostKind {
  readonly name: string;
  /** Why it cannot be tried here. */
  readonly unavailable: string | undefined;
  readonly path: string;
  readonly uid?: number;
}

const NOBODY = 65_534;
const isRoot = process.getuid?.() === 0;
const notRoot = isRoot ? undefined : "only root can become another user";

const shells = mkdtempSync(join(tmpdir(), "skep-shells-"));
// Of each file of tests that is this one's: a worker that is ended tells no process of its exit.
afterAll(() => rm(shells, { recursive: true }));

const made = new Map<string, string>();

/** GNU programs under three shells, busybox for everything, and both without the rights of root. */
export const hostKinds: readonly HostKind[] = [
  { name: "dash", ...linked("dash") },
  { name: "bash", ...linked("bash") },
  { name: "busybox", ...busybox() },
  { name: "dash as nobody", ...linked("dash"), ...(isRoot ? { uid: NOBODY } : { unavailable: notRoot }) },
  { name: "busybox as nobody", ...busybox(), ...(isRoot ? { uid: NOBODY } : { unavailable: notRoot }) },
];

/** Those that can be tried here. */
export const availableHosts = hostKinds.filter(({ unavailable }) => unavailable === undefined);

export interface LocalHost extends AsyncDisposable {
  readonly root: string;
  readonly runner: CommandRunner;
}

/** A folder of this machine as the root of a host. */
export async function openLocalHost(kind: HostKind | undefined = availableHosts[0]): Promise<LocalHost> {
  if (kind === undefined) throw new Error("no host can be tried here");
  const root = await mkdtemp(join(tmpdir(), "skep host-"));
  if (kind.uid !== undefined) chownSync(root, kind.uid, kind.uid);
  return {
    root,
    runner: localHostRunner(kind),
    async [Symbol.asyncDispose]() {
      spawnSync("chmod", ["-R", "u+w", root]);
      await rm(root, { recursive: true, force: true });
    },
  };
}

export interface LocalRunnerOptions {
  /** Stands between us and the standard input of each command, and may end it early. */
  readonly cut?: (argv: Argv) => Transform | undefined;
  readonly onStart?: (argv: Argv, pid: number) => void;
  readonly env?: Readonly<Record<string, string>>;
}

export function localHostRunner(
  { path, uid }: HostKind,
  { cut, onStart, env = {} }: LocalRunnerOptions = {},
): CommandRunner {
  const open = (argv: Argv): Promise<CommandChannel> => {
    const [program, ...args] = argv;
    const child = spawn(program, args, {
      stdio: ["pipe", "pipe", "pipe"],
      env: { ...env, PATH: path },
      cwd: "/",
      // A group of its own, to be killed with all that it started.
      detached: true,
      ...(uid === undefined ? {} : { uid, gid: uid }),
    });
    const exited = new Promise<CommandExit>((resolve, reject) => {
      child.once("error", reject);
      child.once("close", (exitCode, signal) => {
        resolve(exitCode === null ? { exitCode, signal: signal ?? "unknown" } : { exitCode });
      });
    });
    exited.catch(() => undefined);
    if (child.pid !== undefined) onStart?.(argv, child.pid);
    const between = cut?.(argv);
    between?.pipe(child.stdin);
    child.stdin.on("error", () => undefined);
    return Promise.resolve({
      argv,
      stdin: between ?? child.stdin,
      stdout: child.stdout,
      stderr: child.stderr,
      exited,
      // As a lost connection does it: the streams close, and the command finds out.
      async [Symbol.asyncDispose]() {
        child.stdin.destroy();
        await exited.catch(() => undefined);
      },
    });
  };
  return { open: (argv) => open(argv), run: (argv, options) => runByOpening(open, argv, options) };
}

async function runByOpening(
  open: (argv: Argv) => Promise<CommandChannel>,
  argv: Argv,
  { stdin }: RunOptions = {},
): ReturnType<CommandRunner["run"]> {
  await using channel = await open(argv);
  channel.stdin.end(stdin);
  const [stdout, stderr, exit] = await Promise.all([
    channel.stdout.setEncoding("utf8").toArray(),
    channel.stderr.setEncoding("utf8").toArray(),
    channel.exited,
  ]);
  return { argv, exit, stdout: stdout.join(""), stderr: stderr.join("") };
}

/** The PATH of a host whose `sh` is that shell. */
function linked(shell: string): Pick<HostKind, "path" | "unavailable"> {
  const program = locate(shell);
  if (program === undefined) return { path: "", unavailable: `${shell} is not on PATH` };
  return { path: `${folderOf(shell, { sh: program })}:${process.env.PATH ?? ""}`, unavailable: undefined };
}

function busybox(): Pick<HostKind, "path" | "unavailable"> {
  const program = locate("busybox");
  if (program === undefined) return { path: "", unavailable: "busybox is not on PATH" };
  const applets = execFileSync(program, ["--list"], { encoding: "utf8" }).trim().split("\n");
  const links = Object.fromEntries(applets.map((applet) => [applet, program]));
  return { path: folderOf("busybox", links), unavailable: undefined };
}

function folderOf(name: string, links: Readonly<Record<string, string>>): string {
  const before = made.get(name);
  if (before !== undefined) return before;
  const folder = mkdtempSync(join(shells, `${name}-`));
  for (const [link, target] of Object.entries(links)) symlinkSync(target, join(folder, link));
  execFileSync("chmod", ["755", shells, folder]);
  made.set(name, folder);
  return folder;
}

function locate(program: string): string | undefined {
  const { stdout, status } = spawnSync("sh", ["-c", 'command -v "$1"', "sh", program], { encoding: "utf8" });
  return status === 0 ? stdout.trim() : undefined;
}
