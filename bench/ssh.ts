/** Pushes bytes through one SSH channel with OpenSSH's client and with skep's; see README.md. */
import { open, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { startFleet } from "../tests/fleet/harness/index.ts";
import { isWanted, readArguments } from "./arguments.ts";
import { compile, ROOT } from "./compile.ts";
import type { Result } from "./contestants.ts";
import { measure } from "./measure.ts";
import { print, say } from "./print.ts";
import type { PushReport } from "./push-once.ts";
import { race } from "./race.ts";

interface Pusher {
  readonly name: string;
  push(): Promise<readonly Result[]>;
}

const KIB = 1024;
const MIB = 1024 * KIB;
const CIPHERS = ["aes128-gcm@openssh.com", "aes256-gcm@openssh.com", "chacha20-poly1305@openssh.com", "aes128-ctr"];
/** The first is what a copy writes; it is the row the others are compared with. */
const CHUNKS = [1 * MIB, 256 * KIB, 64 * KIB, 32 * KIB];

const args = readArguments();
const bytes = (args.quick ? 64 : 1024) * MIB;
say(`starting a host (${args.suite})`);
await using fleet = await startFleet([{ name: "host-1", suite: args.suite }]);
const { configFile } = fleet.client;
const host = fleet.host("host-1");
const file = join(fleet.folder, "zeros");
await writeFile(file, "");
await truncate(file, bytes);

const openSsh: Pusher = {
  name: "OpenSSH",
  async push() {
    await using stdin = await open(file);
    const argv = ["ssh", "-F", configFile, host.name, "cat >/dev/null"] as const;
    const { wallSeconds, cpuSeconds } = await measure(argv, { env: fleet.environment, stdin: stdin.fd });
    return [{ tool: "OpenSSH", seconds: wallSeconds, cpuSeconds }];
  },
};

for (const cipher of CIPHERS) {
  const name = `${bytes / MIB} MiB to cat >/dev/null, ${cipher}`;
  if (!isWanted(name, args)) continue;
  // On the host, so that both clients get it without being told.
  await writeFile(join(host.root, "etc/ssh/sshd_config.d/bench.conf"), `Ciphers ${cipher}\n`);
  await host.read(["systemctl", "reload", "ssh"]);
  const pushers = [...CHUNKS.map(skepWith), openSsh];
  const result = await race(pushers, {
    bench: "ssh",
    name,
    runs: args.runs,
    prepare: () => Promise.resolve(),
    attempt: (pusher) => pusher.push(),
  });
  print(result, args.format);
}

function skepWith(chunkBytes: number, index: number): Pusher {
  const name = index === 0 ? "skep" : `skep, writes of ${chunkBytes / KIB} KiB`;
  return {
    name,
    async push() {
      const program = await compile("push-once.ts");
      const argv = [...program, configFile, host.name, String(bytes), String(chunkBytes)] as const;
      const { stdout, cpuSeconds } = await measure(argv, { env: fleet.environment, cwd: ROOT });
      const { seconds, peakBytes } = JSON.parse(stdout) as PushReport;
      return [{ tool: name, seconds, cpuSeconds, peakBytes }];
    },
  };
}
