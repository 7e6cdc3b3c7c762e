import { randomUUID } from "node:crypto";
import { setMaxListeners } from "node:events";
import { mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { endHostProcesses } from "./end-processes.ts";
import { hostEnvironment } from "./host-environment.ts";
import { createPortMap } from "./ports.ts";
import { mountSecrets } from "./secrets-mount.ts";
import { loadHostKey } from "./ssh/host-key.ts";
import type { PipeMaker } from "./ssh/host-pipes.ts";
import { startSshServer } from "./ssh/ssh-server.ts";
import { age } from "./stand-ins/age.ts";
import type { AnswerCall } from "./stand-ins/call-pipe.ts";
import { listenForCalls, CALLS_FOLDER } from "./stand-ins/call-pipe.ts";
import { writeStandIns } from "./stand-ins/stand-ins.ts";
import { systemctl } from "./systemd/systemctl.ts";
import type { UnitManager } from "./systemd/unit-manager.ts";
import { createUnitManager } from "./systemd/unit-manager.ts";

/** Where to connect to a sandbox host, as a hive's target says it. */
export interface SandboxTarget {
  readonly host: "127.0.0.1";
  readonly port: number;
  readonly user: "root";
  /** The private key file that alone may log in. */
  readonly identityFile: string;
  /** `ssh-ed25519 AAAA…`. */
  readonly hostKey: string;
  /** The folder that is the host's `/`. */
  readonly root: string;
}

/** What tests do to a host. Each fault lasts until what it returns is disposed of. */
export interface SandboxFaults {
  /** Breaks every SSH connection at once; new ones may be made. */
  cutConnections(): void;
  /** Accepts no key. */
  refuseLogins(): Disposable;
  /** Neither reads nor answers, and closes nothing: a network that swallows packets. */
  freeze(): Disposable;
}

/** One throw-away host: an SSH server in this process, and a folder. */
export interface SandboxHost {
  readonly name: string;
  /** The loopback port of its SSH server. */
  readonly port: number;
  /** The folder that is its `/`. */
  readonly root: string;
  readonly target: SandboxTarget;
  /** The loopback port for its web service: what `PORT` says to commands and to services not told another. */
  readonly httpPort: number;
  /**
   * The loopback port that stands for a port of the host: where a service listens that its unit tells
   * `PORT=<port>` (or `…_PORT=<port>`), and where SSH forwards to `127.0.0.1:<port>` of the host lead.
   */
  portOf(port: number): Promise<number>;
  readonly faults: SandboxFaults;
  /**
   * Stops everything that runs on it, empties `/run`, gives it a new boot id
   * (`<root>/proc/sys/kernel/random/boot_id`), and starts what is enabled at boot. Settles once that has started.
   */
  reboot(): Promise<void>;
}

export interface SandboxHostOptions {
  readonly name: string;
  readonly root: string;
  /** `<sandbox id>/<host name>`. */
  readonly marker: string;
  readonly tools: string;
  readonly pipes: PipeMaker;
  /** Where what must not reach a disk may be; undefined where there is no such place. */
  readonly tmpfsFolder: string | undefined;
  readonly identityFile: string;
  readonly authorizedKey: string;
  /** The SSH ports that hosts had before, by their host keys. */
  readonly lastPorts: ReadonlyMap<string, number>;
}

/** Folders of a host that every Linux has. What Linux mounts as tmpfs is emptied by a reboot. */
const FOLDERS = ["etc/systemd/system", "nix/store", "nix/var/nix/profiles", "var/log", "var/lib", "root", "tmp"];

export async function startSandboxHost(options: SandboxHostOptions): Promise<SandboxHost & AsyncDisposable> {
  const { name, root, marker, tmpfsFolder } = options;
  await Promise.all(FOLDERS.map((folder) => mkdir(join(root, folder), { recursive: true })));
  const hostKey = await loadHostKey(root, name);
  const ports = createPortMap();
  const httpPort = await ports.portOf(80);
  const environment = hostEnvironment({ root, name, marker, tools: options.tools, httpPort });
  // From being switched on to being switched off.
  let power = new AbortController();
  const newManager = (): UnitManager => {
    power = new AbortController();
    setMaxListeners(0, power.signal);
    return createUnitManager({ root, hostName: name, environment, ports, over: power.signal });
  };
  let manager = newManager();
  let isOver = false;
  let calls: Disposable | undefined;
  let secrets: AsyncDisposable | undefined;
  let rebooting: Promise<void> | undefined;

  const boot = async (): Promise<void> => {
    await emptyFolder(join(root, "run"));
    await mkdir(join(root, "run/systemd/system"), { recursive: true });
    await mkdir(join(root, "proc/sys/kernel/random"), { recursive: true });
    await writeFile(join(root, "proc/sys/kernel/random/boot_id"), `${randomUUID()}\n`);
    await writeStandIns(root);
    secrets = tmpfsFolder === undefined ? undefined : await mountSecrets(root, { name, tmpfsFolder });
    calls = await listenForCalls(join(root, CALLS_FOLDER), answer);
  };
  const answer: AnswerCall = (call) =>
    call.program === "age" ? age(call) : systemctl(call.args, { root, manager, onReboot: () => void reboot() });
  await boot();
  const server = await startSshServer({
    hostName: name,
    hostKey,
    wantedPort: options.lastPorts.get(hostKey.publicKey),
    user: "root",
    authorizedKey: options.authorizedKey,
    place: {
      root,
      environment,
      pipes: options.pipes,
      get over() {
        return power.signal;
      },
    },
    portOf: (port) => ports.portOf(port),
  });

  const rebootNow = async (): Promise<void> => {
    const down = server.goDown();
    await manager.shutDown();
    power.abort();
    calls?.[Symbol.dispose]();
    await endHostProcesses(marker);
    await secrets?.[Symbol.asyncDispose]();
    if (isOver) return;
    manager = newManager();
    await boot();
    down[Symbol.dispose]();
    await manager.start("default.target");
  };
  const reboot = (): Promise<void> => {
    rebooting ??= rebootNow().finally(() => {
      rebooting = undefined;
    });
    return rebooting;
  };

  await manager.start("default.target");
  return {
    name,
    port: server.port,
    root,
    target: {
      host: "127.0.0.1",
      port: server.port,
      user: "root",
      identityFile: options.identityFile,
      hostKey: hostKey.publicKey,
      root,
    },
    httpPort,
    portOf: (port) => ports.portOf(port),
    faults: {
      cutConnections: () => {
        server.cutConnections();
      },
      refuseLogins: () => server.refuseLogins(),
      freeze: () => server.freeze(),
    },
    reboot,
    async [Symbol.asyncDispose]() {
      isOver = true;
      power.abort();
      calls?.[Symbol.dispose]();
      await server[Symbol.asyncDispose]();
      ports[Symbol.dispose]();
    },
  };
}

async function emptyFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const name of await readdir(folder)) await rm(join(folder, name), { recursive: true, force: true });
}
