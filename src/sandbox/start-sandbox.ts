import { randomBytes } from "node:crypto";
import { mkdir, mkdtemp, readdir, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { messageOf } from "#core";
import { startReaper } from "./end-processes.ts";
import { SandboxError } from "./errors.ts";
import { lockFolder } from "./lock-folder.ts";
import type { SandboxHost } from "./sandbox-host.ts";
import { startSandboxHost } from "./sandbox-host.ts";
import { createPipeMaker } from "./ssh/host-pipes.ts";
import { generateKeyPair } from "./ssh/keys.ts";
import { formatKnownHosts, formatSshConfig, readKnownPorts } from "./ssh/ssh-files.ts";
import { makeTmpfsFolder } from "./tmpfs-folder.ts";
import { linkTools } from "./tool-links.ts";

export interface SandboxOptions {
  /** The names of the hosts, as a hive could have them. */
  readonly hosts: readonly string[];
  /**
   * Where the hosts' files are to lie and stay: a new or empty folder, or that of an earlier sandbox, whose hosts are
   * then booted as they were left. Default: a temporary folder, removed in the end.
   */
  readonly folder?: string | undefined;
  /** False: as on a machine without a tmpfs, where hosts have no memory to keep secrets in. Default: as this machine is. */
  readonly tmpfs?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Throw-away hosts on this machine's loopback. Disposing it ends every process that was started on them, at once, as
 * if their power was cut. The same happens when this process ends in any other way, `SIGKILL` included.
 */
export interface Sandbox extends AsyncDisposable {
  readonly hosts: readonly SandboxHost[];
  /** @throws SandboxError `sandbox/hosts` when there is no such host. */
  host(name: string): SandboxHost;
  readonly folder: string;
  /** Whether secrets can be installed on its hosts: they are kept in memory only, and not every machine has a tmpfs. */
  readonly holdsSecrets: boolean;
  /** The hosts' keys, as known_hosts(5) has them. */
  readonly knownHostsFile: string;
  /** The private key that logs in to all of them. */
  readonly identityFile: string;
  /** For `ssh -F`: knows every host by its name, and nothing else. */
  readonly sshConfigFile: string;
}

/** Says that a folder is a sandbox's, whose hosts' files may be changed. */
const MARK = "skep-sandbox";
const NAME = /^[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?$/;

/**
 * Starts sandbox hosts: real SSH on loopback ports, commands in plain `sh` as the present user in a folder of each
 * host's own, with a `systemctl` that really runs services. Needs no root, no network, no systemd and no Nix.
 * @throws SandboxError.
 */
export async function startSandbox({
  hosts: names,
  folder: wanted,
  tmpfs = true,
  signal,
}: SandboxOptions): Promise<Sandbox> {
  signal?.throwIfAborted();
  refuseOddNames(names);
  const folder = await makeFolder(wanted);
  // Nobody else knows of a temporary one.
  const lock = wanted === undefined ? undefined : await lockFolder(folder);
  const id = randomBytes(12).toString("hex");
  const tmpfsFolder = tmpfs ? await makeTmpfsFolder() : undefined;
  const temporary = [wanted === undefined ? folder : undefined, tmpfsFolder];
  const reaper = startReaper(
    id,
    temporary.filter((path) => path !== undefined),
  );
  const hosts: (SandboxHost & AsyncDisposable)[] = [];
  const dispose = async (): Promise<void> => {
    await Promise.all(hosts.map((host) => host[Symbol.asyncDispose]()));
    await reaper.reap();
    await lock?.[Symbol.asyncDispose]();
  };
  try {
    const client = generateKeyPair();
    const identityFile = join(folder, "id_ed25519");
    const knownHostsFile = join(folder, "known_hosts");
    const sshConfigFile = join(folder, "ssh_config");
    await rm(identityFile, { force: true });
    await writeFile(identityFile, client.privateKey, { mode: 0o600 });
    await writeFile(`${identityFile}.pub`, `${client.publicKey}\n`);
    const tools = join(folder, "tools");
    const pipeFolder = join(folder, "pipes");
    for (const own of [tools, pipeFolder]) await rm(own, { recursive: true, force: true });
    await mkdir(pipeFolder);
    linkTools(tools);
    const shared = {
      ...{ tools, tmpfsFolder, identityFile },
      authorizedKey: client.publicKey,
      pipes: createPipeMaker(pipeFolder),
      lastPorts: await readKnownPorts(knownHostsFile),
    };
    const started = await Promise.allSettled(
      names.map(async (name) => {
        const root = join(folder, "hosts", name);
        hosts.push(await startSandboxHost({ ...shared, name, root, marker: `${id}/${name}` }));
      }),
    );
    const failed = started.find((result) => result.status === "rejected");
    if (failed !== undefined) throw failed.reason;
    signal?.throwIfAborted();
    hosts.sort((a, b) => names.indexOf(a.name) - names.indexOf(b.name));
    await writeFile(knownHostsFile, formatKnownHosts(hosts));
    await writeFile(sshConfigFile, formatSshConfig(hosts, { knownHostsFile }));
    return {
      hosts,
      host(name) {
        const found = hosts.find((host) => host.name === name);
        if (found === undefined) throw new SandboxError("sandbox/hosts", `the sandbox has no host "${name}"`);
        return found;
      },
      folder,
      holdsSecrets: tmpfsFolder !== undefined,
      knownHostsFile,
      identityFile,
      sshConfigFile,
      [Symbol.asyncDispose]: dispose,
    };
  } catch (error) {
    await dispose();
    throw error;
  }
}

function refuseOddNames(names: readonly string[]): void {
  if (names.length === 0) throw new SandboxError("sandbox/hosts", "a sandbox of no hosts was asked for");
  names.forEach((name, index) => {
    if (!NAME.test(name)) {
      throw new SandboxError("sandbox/hosts", `"${name}" cannot be the name of a sandbox host`, {
        hint: 'use lower case letters, digits, "-", "_" and "."',
      });
    }
    if (names.indexOf(name) !== index) throw new SandboxError("sandbox/hosts", `two sandbox hosts are to be "${name}"`);
  });
}

async function makeFolder(wanted: string | undefined): Promise<string> {
  if (wanted === undefined) return realpath(await mkdtemp(join(tmpdir(), "skep-sandbox-")));
  const path = resolve(wanted);
  try {
    await mkdir(path, { recursive: true });
    const folder = await realpath(path);
    const found = await readdir(folder);
    if (found.length > 0 && !found.includes(MARK)) {
      throw new SandboxError("sandbox/folder", `${path} is not empty and is no sandbox's folder`, {
        hint: "give a new or an empty folder, or one that a sandbox has left",
      });
    }
    await writeFile(
      join(folder, MARK),
      "The hosts of a skep sandbox. Remove the folder when you are done with them.\n",
    );
    return folder;
  } catch (error) {
    if (error instanceof SandboxError) throw error;
    throw new SandboxError("sandbox/folder", `making the sandbox's folder ${path}: ${messageOf(error)}`, {
      cause: error,
    });
  }
}
