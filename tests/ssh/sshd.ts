import { execFile, execFileSync, spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { existsSync } from "node:fs";
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir, userInfo } from "node:os";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

export type KeyType = "ed25519" | "ecdsa" | "rsa";

/** A key pair made by ssh-keygen. */
export interface KeyPair {
  readonly type: KeyType;
  readonly privateKeyFile: string;
  /** `ssh-ed25519 AAAA…`, without a comment. */
  readonly publicKey: string;
  /** As OpenSSH prints it: `SHA256:…`. */
  readonly fingerprint: string;
}

export interface SshdOptions {
  /** Types of the host keys it has, one key each; default one ed25519 key. */
  readonly hostKeys?: readonly KeyType[] | undefined;
  /** Public keys that may log in besides {@link Sshd.identityFile}'s. */
  readonly authorizedKeys?: readonly string[] | undefined;
  /** More lines of sshd_config; they come first, so they win. */
  readonly config?: readonly string[] | undefined;
  /** Temporary accounts to make (root only), who may log in as the present user may; removed on disposal. */
  readonly users?: readonly string[] | undefined;
}

/** A real OpenSSH server on a loopback port, with keys and files of its own in a temporary folder. */
export interface Sshd extends AsyncDisposable {
  readonly host: "127.0.0.1";
  readonly port: number;
  /** The account running it, who may log in. */
  readonly user: string;
  readonly hostKeys: readonly KeyPair[];
  /** A client's ssh_config that knows this server as `127.0.0.1` and as `sshd`, and nothing of the real `~/.ssh`. */
  readonly configFile: string;
  readonly knownHostsFile: string;
  readonly identityFile: string;
  /** The temporary folder; gone after disposal. */
  readonly directory: string;
  /** What the server has logged so far (LogLevel VERBOSE unless `config` says otherwise). */
  log(): string;
  /** Ends the server and every session of it at once, as a crash would. */
  kill(): Promise<void>;
}

/** Why {@link startSshd} cannot work here, or undefined when it can. For `describe.skipIf`. */
export const sshdMissing: string | undefined = whatIsMissing();

/** Starts a server and waits until it listens. Dispose it to end it and remove its files. */
export async function startSshd(options: SshdOptions = {}): Promise<Sshd> {
  const directory = await mkdtemp(join(tmpdir(), "skep-sshd-"));
  const { username, uid } = userInfo();
  const users = options.users ?? [];
  for (const user of users) await run("useradd", ["--no-create-home", "--shell", "/bin/sh", user]);
  // sshd refuses accounts whose password is locked with "!"; "*" is no password, but not locked.
  for (const user of users) await run("usermod", ["--password", "*", user]);
  if (uid === 0) await mkdir("/run/sshd", { recursive: true, mode: 0o755 });
  await chmod(directory, 0o755);

  const identity = await generateKey(directory, { name: "id_ed25519" });
  const hostKeys: KeyPair[] = [];
  for (const type of options.hostKeys ?? ["ed25519"]) {
    hostKeys.push(await generateKey(directory, { name: `host_${type}`, type }));
  }
  const authorizedKeysFile = join(directory, "authorized_keys");
  await writeFile(authorizedKeysFile, [identity.publicKey, ...(options.authorizedKeys ?? []), ""].join("\n"));

  let server: ChildProcess | undefined;
  let port = 0;
  let log = "";
  for (let attempt = 0; server === undefined && attempt < 5; attempt += 1) {
    port = await freePort();
    const configFile = join(directory, "sshd_config");
    await writeFile(configFile, sshdConfig({ ...options, port, hostKeys, authorizedKeysFile, directory }));
    log = "";
    server = await listen(configFile, (text) => {
      log += text;
    });
  }
  if (server === undefined) throw new Error(`sshd did not start:\n${log}`);
  const running = server;

  const knownHostsFile = join(directory, "known_hosts");
  await writeFile(knownHostsFile, hostKeys.map((key) => `[127.0.0.1]:${port} ${key.publicKey}\n`).join(""));
  const configFile = join(directory, "ssh_config");
  await writeFile(configFile, clientConfig({ port, username, identity, knownHostsFile }));

  const kill = async (): Promise<void> => {
    if (running.pid === undefined || running.exitCode !== null || running.signalCode !== null) return;
    const gone = new Promise((resolve) => running.once("exit", resolve));
    for (const pid of descendants(running.pid)) endProcess(pid);
    running.kill("SIGKILL");
    await gone;
  };
  return {
    host: "127.0.0.1",
    port,
    user: username,
    hostKeys,
    configFile,
    knownHostsFile,
    identityFile: identity.privateKeyFile,
    directory,
    log: () => log,
    kill,
    async [Symbol.asyncDispose]() {
      await kill();
      await rm(directory, { recursive: true, force: true });
      for (const user of users) {
        for (const pid of processes("-U", user)) endProcess(pid);
        await run("userdel", ["--force", user]);
      }
    },
  };
}

/** A key pair in `directory`, encrypted when there is a passphrase. */
export async function generateKey(
  directory: string,
  {
    name,
    type = "ed25519",
    passphrase = "",
  }: { readonly name: string; readonly type?: KeyType; readonly passphrase?: string },
): Promise<KeyPair> {
  const privateKeyFile = join(directory, name);
  const bits = type === "rsa" ? ["-b", "2048"] : [];
  await run("ssh-keygen", ["-q", "-t", type, ...bits, "-N", passphrase, "-C", "", "-f", privateKeyFile]);
  const { stdout } = await run("ssh-keygen", ["-l", "-f", `${privateKeyFile}.pub`]);
  const publicKey = (await readFile(`${privateKeyFile}.pub`, "utf8")).trim();
  return { type, privateKeyFile, publicKey, fingerprint: stdout.split(" ")[1] ?? "" };
}

/** A real ssh-agent holding `keys`, ended on disposal. */
export async function startAgent(
  directory: string,
  keys: readonly KeyPair[],
): Promise<AsyncDisposable & { readonly socketPath: string }> {
  const socketPath = join(await mkdtemp(join(directory, "agent-")), "socket");
  const agent = spawn("ssh-agent", ["-D", "-a", socketPath], { stdio: ["ignore", "pipe", "inherit"] });
  await new Promise((resolve, reject) => {
    agent.stdout.once("data", resolve);
    agent.once("error", reject);
  });
  for (const key of keys) {
    await run("ssh-add", ["-q", key.privateKeyFile], { env: { ...process.env, SSH_AUTH_SOCK: socketPath } });
  }
  return {
    socketPath,
    async [Symbol.asyncDispose]() {
      const gone = new Promise((resolve) => agent.once("exit", resolve));
      agent.kill();
      await gone;
    },
  };
}

function whatIsMissing(): string | undefined {
  if (process.platform === "win32") return "no OpenSSH server on Windows";
  for (const program of ["sshd", "ssh-keygen", "ssh-agent"]) {
    if (findProgram(program) === undefined)
      return `${program} is not installed (Debian: openssh-server openssh-client)`;
  }
  return undefined;
}

function findProgram(name: string): string | undefined {
  const folders = [...(process.env.PATH ?? "").split(delimiter), "/usr/sbin", "/usr/local/sbin"];
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path));
}

function sshdConfig({
  config = [],
  port,
  hostKeys,
  authorizedKeysFile,
  directory,
}: {
  readonly config?: readonly string[] | undefined;
  readonly port: number;
  readonly hostKeys: readonly KeyPair[];
  readonly authorizedKeysFile: string;
  readonly directory: string;
}): string {
  return [
    ...config,
    `Port ${port}`,
    "ListenAddress 127.0.0.1",
    ...hostKeys.map((key) => `HostKey ${key.privateKeyFile}`),
    `AuthorizedKeysFile ${authorizedKeysFile}`,
    `PidFile ${join(directory, "sshd.pid")}`,
    "PermitRootLogin yes",
    "PasswordAuthentication no",
    "KbdInteractiveAuthentication no",
    "UsePAM no",
    // The folder lies under a world-writable one.
    "StrictModes no",
    "MaxStartups 200",
    "LogLevel VERBOSE",
    "PrintMotd no",
    // At this depth bash reads no .bashrc: what the account has there is none of the tests' business.
    "SetEnv SHLVL=2",
    "",
  ].join("\n");
}

function clientConfig({
  port,
  username,
  identity,
  knownHostsFile,
}: {
  readonly port: number;
  readonly username: string;
  readonly identity: KeyPair;
  readonly knownHostsFile: string;
}): string {
  return `Host 127.0.0.1 sshd
  HostName 127.0.0.1
  Port ${port}
  User ${username}

Host *
  IdentityFile ${identity.privateKeyFile}
  IdentitiesOnly yes
  IdentityAgent none
  UserKnownHostsFile ${knownHostsFile}
  GlobalKnownHostsFile none
`;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === "object" && address !== null ? address.port : 0;
}

/** The running server, or undefined when it ended before it listened (its port may have been taken meanwhile). */
async function listen(configFile: string, onLog: (text: string) => void): Promise<ChildProcess | undefined> {
  const server = spawn(findProgram("sshd") ?? "sshd", ["-D", "-e", "-f", configFile], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.once("exit", () => {
      resolve(undefined);
    });
    server.stderr.setEncoding("utf8").on("data", (text: string) => {
      onLog(text);
      if (text.includes("Server listening")) resolve(server);
    });
  });
}

/** Processes under `parent`, deepest first. */
function descendants(parent: number): number[] {
  return processes("--ppid", String(parent)).flatMap((child) => [...descendants(child), child]);
}

/** The processes that ps selects. */
function processes(selector: "--ppid" | "-U", value: string): number[] {
  try {
    const output = execFileSync("ps", ["-o", "pid=", selector, value], { encoding: "utf8" });
    return output.trim().split(/\s+/).map(Number);
  } catch {
    // It selects none, or itself has ended.
    return [];
  }
}

function endProcess(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It ended by itself.
  }
}
