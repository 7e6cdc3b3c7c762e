/**
 * Holds connections to many hosts at one time, and prints a {@link HeldMemory}. Arguments: `ssh2`, `skep` or
 * `deploying`, a JSON file of hosts; for the last, the words to give to `skep`. Wants `--expose-gc`.
 */
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import pLimit from "p-limit";
import ssh2 from "ssh2";
import { runCli } from "#cli";
import { connect, openSshFiles } from "#ssh";
import type { ScaleHost } from "./scale-hosts.ts";

/** Resident bytes, after what is not needed was collected. */
export interface HeldMemory {
  /** While nothing is connected. */
  readonly restingBytes: number;
  /** While every host is. */
  readonly heldBytes: number;
}

declare const gc: () => void;

const LOGINS_AT_ONCE = 10;

const [mode = "", file = "", ...words] = process.argv.slice(1);
const hosts = JSON.parse(await readFile(file, "utf8")) as readonly ScaleHost[];
const restingBytes = await resident();
let heldBytes = 0;
if (mode === "deploying") await holdDeployments();
else {
  const limit = pLimit(LOGINS_AT_ONCE);
  const files = openSshFiles();
  const keys = new Map<string, string>();
  for (const { target } of hosts) keys.set(target.identityFile, await readFile(target.identityFile, "utf8"));
  const hold = mode === "ssh2" ? (host: ScaleHost) => holdPlain(host, keys) : (host: ScaleHost) => holdOurs(host);
  const held = await Promise.all(hosts.map((host) => limit(() => hold(host))));
  heldBytes = await resident();
  for (const close of held) await close();

  async function holdOurs({ target }: ScaleHost): Promise<() => Promise<void>> {
    const { host, port, user, identityFile, hostKey } = target;
    const connection = await connect(
      { host, port, user, identityFiles: [identityFile], hostKeys: [hostKey] },
      { configFile: "none", files },
    );
    await connection.run(["true"]);
    return async () => {
      await connection[Symbol.asyncDispose]();
    };
  }
}
process.stdout.write(`${JSON.stringify({ restingBytes, heldBytes } satisfies HeldMemory)}\n`);
process.exit();

/** As little as a login and a command take. */
async function holdPlain({ target }: ScaleHost, keys: ReadonlyMap<string, string>): Promise<() => Promise<void>> {
  const client = new ssh2.Client();
  const { host, port, user: username, identityFile } = target;
  client.connect({ host, port, username, privateKey: keys.get(identityFile) ?? "" });
  await once(client, "ready");
  await new Promise<void>((resolve, reject) => {
    client.exec("true", (error, channel) => {
      if (error === undefined) channel.once("close", resolve).resume();
      else reject(error);
    });
  });
  return async () => {
    client.end();
    await once(client, "close");
  };
}

/** The hive's check waits here until every host has come to it: all are activated, proven by a login and not committed. */
async function holdDeployments(): Promise<void> {
  const seen = new Set<string>();
  let waiting = 0;
  let goOn: () => void = () => undefined;
  const all = new Promise<void>((resolve) => {
    goOn = resolve;
  });
  const hold = async (host: string): Promise<void> => {
    // The first time it is asked for the baseline.
    if (!seen.has(host)) {
      seen.add(host);
      return;
    }
    waiting += 1;
    if (waiting === hosts.length) {
      heldBytes = await resident();
      goOn();
    }
    await all;
  };
  Object.assign(globalThis, { holdInCheck: hold });
  const { stderr, env } = process;
  // Standard output is for our own line.
  const code = await runCli(words, { stdout: stderr, stderr, env, cwd: process.cwd() });
  if (code !== 0) process.exit(code);
}

async function resident(): Promise<number> {
  for (let round = 0; round < 3; round += 1) {
    gc();
    await sleep(100);
  }
  return process.memoryUsage.rss();
}
