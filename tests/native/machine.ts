import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { NativeSource } from "#hive";
import type { FileTree, StorePath } from "#store";
import { dumpTree, parseNar } from "#store";
import { hostOf, openEvaluator } from "./evaluating.ts";

/** A shell with its tools. */
export type Shell = "dash" | "busybox" | "bash";

export interface Run {
  readonly exitCode: number | null;
  readonly stdout: readonly string[];
  readonly stderr: string;
  /** What systemctl, systemd-sysusers and the keeper of secrets were told to do, in order; questions are left out. */
  readonly calls: readonly string[];
}

/** A folder that passes for a machine with systemd, for switch-to-configuration to work on. */
export interface Machine extends Disposable {
  readonly root: string;
  /** Evaluates a system and puts it into the store. */
  install(system: NativeSource): Promise<StorePath>;
  /** @param options.dieAt the program call, counted from 1, at which the script is killed. */
  run(toplevel: StorePath, action: string, options?: { dieAt?: number; env?: Record<string, string> }): Promise<Run>;
  /** Everything below /etc: contents, `→ target` for links, with the mode of files. */
  etc(): Readonly<Record<string, string>>;
  /** The units that run, with the file each was started from. */
  running(): Readonly<Record<string, string>>;
  /** Units that fail when they are started. */
  breakUnits(...units: readonly string[]): void;
  /** Makes systemd-sysusers fail, or work again. */
  breakSysusers(broken: boolean): void;
  /** Puts the keeper of secrets where an installation puts it; it ends with this exit code. */
  placeKeeper(exitCode?: number): void;
  /** What systemd does at boot, without skep's own unit: everything is stopped, and what is wanted is started. */
  reboot(): void;
  currentSystem(): string | undefined;
}

/** Keeps units as files: `loaded` is what was read by daemon-reload, `active` what each unit was started from. */
const SYSTEMCTL = `#!/bin/sh
state=$SKEP_ROOT/run/systemd-state
units=$SKEP_ROOT/etc/systemd/system
load() {
  rm -rf "$state/loaded"; mkdir -p "$state/loaded" "$state/active"
  for link in "$units"/*; do
    case $link in *.wants | *.requires) continue ;; esac
    if [ -L "$link" ]; then readlink "$link" >"$state/loaded/\${link##*/}"; fi
  done
}
[ -d "$state" ] || load
block= verb=
while [ $# -gt 0 ]; do
  case $1 in --no-block) block=" --no-block" ;; -*) ;; *) [ -n "$verb" ] && break; verb=$1 ;; esac
  shift
done
is_broken() { grep -qxF "$1" "$SKEP_ROOT/run/broken" 2>/dev/null; }
case $verb in
  is-active)
    if [ -e "$state/active/$1" ]; then echo active; exit 0; fi
    if [ -e "$state/active/$1.failed" ]; then echo failed; else echo inactive; fi
    exit 3
    ;;
  status) echo "status of $1"; exit 3 ;;
esac
echo "$verb$block\${*:+ $*}" >>"$SKEP_ROOT/run/calls"
code=0
case $verb in
  daemon-reload) load ;;
  stop) for unit; do rm -f "$state/active/$unit" "$state/active/$unit.failed"; done ;;
  reload) for unit; do [ -e "$state/active/$unit" ] && cp "$state/loaded/$unit" "$state/active/$unit" || code=1; done ;;
  start | restart)
    for unit; do
      rm -f "$state/active/$unit.failed"
      if [ $verb = start ] && [ -e "$state/active/$unit" ]; then continue; fi
      rm -f "$state/active/$unit"
      if is_broken "$unit"; then : >"$state/active/$unit.failed"; code=1
      elif [ -e "$state/loaded/$unit" ]; then cp "$state/loaded/$unit" "$state/active/$unit"
      else code=5; fi
    done
    ;;
esac
exit $code
`;

/** The real one, on the folder. Links into the store lead nowhere outside of it, so it gets their text. */
const SYSUSERS = `#!/bin/sh
PATH=/usr/bin:/bin
echo "sysusers $(echo "$@" | sed "s|$SKEP_ROOT||g")" >>"$SKEP_ROOT/run/calls"
if [ -e "$SKEP_ROOT/run/broken-sysusers" ]; then exit 3; fi
for file; do cat "$SKEP_ROOT$(readlink "$file")"; done | systemd-sysusers --root="$SKEP_ROOT" - 2>/dev/null
`;

/** Whether systems that declare users can be tried here. */
export const noSysusers = process.getuid?.() !== 0 || !existsSync("/usr/bin/systemd-sysusers");

/** Programs that change something: before each of them the script may be killed. */
const CHANGING = ["mv", "rm", "cp", "ln", "mkdir", "rmdir", "chmod", "chown"];

export function openMachine(shell: Shell): Machine {
  const root = mkdtempSync(join(tmpdir(), "skep-machine-"));
  const standIns = join(root, "run/skep-sandbox/bin");
  const tools = join(root, "run/tools");
  mkdirSync(standIns, { recursive: true });
  mkdirSync(tools, { recursive: true });
  mkdirSync(join(root, "etc/systemd/system"), { recursive: true });
  if (shell === "busybox") execFileSync("busybox", ["--install", "-s", tools]);
  const real = shell === "busybox" ? tools : "/usr/bin:/bin";
  const program = (name: string, text: string): void => {
    writeFileSync(join(standIns, name), text);
    chmodSync(join(standIns, name), 0o755);
  };
  const deadly = `#!/bin/sh
if [ -n "\${DIE_AT:-}" ]; then
  count=$(($(cat "$SKEP_ROOT/run/count") + 1))
  echo $count >"$SKEP_ROOT/run/count"
  if [ $count -ge "$DIE_AT" ]; then kill -KILL 0; fi
fi
`;
  program("systemctl", SYSTEMCTL.replace("#!/bin/sh\n", `${deadly}PATH=/usr/bin:/bin\n`));
  program("systemd-sysusers", SYSUSERS.replace("#!/bin/sh\n", deadly));
  for (const name of CHANGING) program(name, `${deadly}PATH=${real}\nexec ${name} "$@"\n`);
  const argv = shell === "busybox" ? ["busybox", "sh"] : [shell];

  return {
    root,
    async install(system) {
      await using evaluator = openEvaluator();
      const closure = await evaluator.evaluate(hostOf(system, { directory: root }));
      for (const { path } of closure.paths) await placePath(root, path, evaluator.locate(path));
      return closure.toplevel;
    },
    async run(toplevel, action, { dieAt, env = {} } = {}) {
      rmSync(join(root, "run/calls"), { force: true });
      writeFileSync(join(root, "run/count"), "0\n");
      const script = join(root, toplevel, "bin/switch-to-configuration");
      const child = spawn("env", [...argv, script, action], {
        detached: true,
        env: {
          PATH: `${standIns}:${real}`,
          SKEP_ROOT: root,
          ...(dieAt === undefined ? {} : { DIE_AT: String(dieAt) }),
          ...env,
        },
        stdio: ["ignore", "pipe", "pipe"],
      });
      let stdout = "";
      let stderr = "";
      child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
      child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
      const [exitCode] = (await once(child, "close")) as [number | null];
      const lines = (text: string): string[] => text.split("\n").filter((line) => line !== "");
      const calls = existsSync(join(root, "run/calls")) ? lines(readFileSync(join(root, "run/calls"), "utf8")) : [];
      return { exitCode, stdout: lines(stdout), stderr, calls };
    },
    etc: () => treeAt(join(root, "etc")),
    running() {
      const active = treeAt(join(root, "run/systemd-state/active"));
      return Object.fromEntries(Object.entries(active).map(([unit, file]) => [unit, file.replace(/^\d+ /, "").trim()]));
    },
    breakUnits(...units) {
      writeFileSync(join(root, "run/broken"), units.map((unit) => `${unit}\n`).join(""));
    },
    breakSysusers(broken) {
      const file = join(root, "run/broken-sysusers");
      if (broken) writeFileSync(file, "");
      else rmSync(file, { force: true });
    },
    placeKeeper(exitCode = 0) {
      mkdirSync(join(root, "var/lib/skep/secrets"), { recursive: true });
      const script = `echo "keeper $1 \${2#"$SKEP_ROOT"}" >>"$SKEP_ROOT/run/calls"; exit ${exitCode}\n`;
      writeFileSync(join(root, "var/lib/skep/secrets/keeper"), script);
    },
    reboot() {
      for (const gone of ["run/skep", "run/systemd-state", "run/current-system"]) {
        rmSync(join(root, gone), { recursive: true, force: true });
      }
      const etc = treeAt(join(root, "etc/systemd/system"));
      const wanted = Object.keys(etc).flatMap((path) => /\.wants\/(.*)$/.exec(path)?.[1] ?? []);
      for (const unit of wanted) {
        execFileSync(join(standIns, "systemctl"), ["start", unit], { env: { PATH: "/usr/bin:/bin", SKEP_ROOT: root } });
      }
    },
    currentSystem() {
      const link = join(root, "run/current-system");
      return existsSync(dirname(link)) && lstatSync(link, { throwIfNoEntry: false }) !== undefined
        ? readlinkSync(link)
        : undefined;
    },
    [Symbol.dispose]() {
      rmSync(root, { recursive: true, force: true });
    },
  };
}

/** Puts the files of a store path below a folder, if they are not there. */
export async function placePath(root: string, path: StorePath, tree: FileTree | StorePath): Promise<void> {
  if (typeof tree === "string") throw new Error(`${path} was not made here`);
  if (!existsSync(join(root, path))) await writeTree(join(root, path), tree);
}

async function writeTree(path: string, tree: FileTree): Promise<void> {
  let file = "";
  let contents: Buffer[] = [];
  let mode = 0;
  const finish = (): void => {
    if (file !== "") writeFileSync(file, Buffer.concat(contents), { mode });
    file = "";
    contents = [];
  };
  mkdirSync(dirname(path), { recursive: true });
  for await (const event of parseNar(dumpTree(tree))) {
    if (event.kind === "contents") {
      contents.push(Buffer.from(event.bytes));
      continue;
    }
    finish();
    const at = event.path.length === 0 ? path : join(path, event.path.toString());
    if (event.kind === "directory") mkdirSync(at);
    if (event.kind === "symlink") symlinkSync(event.target.toString(), at);
    if (event.kind === "file") {
      file = at;
      mode = event.executable ? 0o555 : 0o444;
    }
  }
  finish();
}

function treeAt(folder: string, below = ""): Record<string, string> {
  const found: Record<string, string> = {};
  if (!existsSync(folder)) return found;
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    const name = `${below}${entry.name}`;
    if (entry.isDirectory()) Object.assign(found, { [`${name}/`]: "" }, treeAt(path, `${name}/`));
    else if (entry.isSymbolicLink()) found[name] = `→ ${readlinkSync(path)}`;
    else found[name] = `${(lstatSync(path).mode & 0o7777).toString(8)} ${readFileSync(path, "utf8")}`;
  }
  return found;
}
