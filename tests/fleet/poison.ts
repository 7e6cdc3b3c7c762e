import { readdirSync, readFileSync } from "node:fs";
import { setImmediate } from "node:timers/promises";
import type { FleetHost } from "./harness/index.ts";
import { must, run } from "./harness/index.ts";

/** What every secret of a test says, and nothing else may: not even this file. */
export const POISON = ["p0ison", "7c1f", ""].join("-");

/** Watches the argv and the environment of every process on this machine and its hosts, which are all in its /proc. */
export interface PoisonWatch extends AsyncDisposable {
  /** Each process that was seen with it: `cmdline: sh -c …`. */
  readonly found: readonly string[];
  /** How often every process was looked at. */
  readonly rounds: number;
}

export function watchProcesses(): PoisonWatch {
  const found = new Set<string>();
  let rounds = 0;
  const over = new AbortController();
  const watching = (async () => {
    while (!over.signal.aborted) {
      for (const pid of readdirSync("/proc")) {
        if (!/^\d+$/.test(pid)) continue;
        for (const what of ["cmdline", "environ"]) {
          const text = readProc(`/proc/${pid}/${what}`);
          if (text.includes(POISON)) found.add(`${what}: ${text.replaceAll("\0", " ").slice(0, 200)}`);
        }
      }
      rounds += 1;
      await setImmediate();
    }
  })();
  return {
    get found() {
      return [...found];
    },
    get rounds() {
      return rounds;
    },
    async [Symbol.asyncDispose]() {
      over.abort();
      await watching;
    },
  };
}

function readProc(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return "";
  }
}

/** Files with it below folders of this machine. */
export async function filesWithPoison(folders: readonly string[]): Promise<readonly string[]> {
  const { stdout } = await run(["grep", "-r", "-l", "-a", "-s", "-F", "--", POISON, ...folders], {
    timeoutMs: 120_000,
  });
  return stdout.split("\n").filter((line) => line !== "");
}

/** Files with it on a host, but for the tmpfs they belong on and what a test's own service was told to write; and lines of its journal. */
export async function placesWithPoison(host: FleetHost): Promise<readonly string[]> {
  const script = `
    grep -r -l -a -s -F -- "$0" /etc /home /nix /opt /root /srv /tmp /usr/local /var /dev/shm | sed 's/^/file /'
    grep -r -l -a -s -F --exclude-dir=secrets.d --exclude=seen-by-reader -- "$0" /run | grep -v '^/run/skep/secrets/' | sed 's/^/file /'
    journalctl --no-pager --all --output=export | grep -a -c -F -- "$0" | sed 's/^0$//; s/^/journal /' | grep -v '^journal $'
    true
  `;
  const text = await host.read(["sh", "-c", script, POISON], { timeoutMs: 120_000 });
  return text.split("\n").filter((line) => line !== "");
}

/** Seals with the real `age`. */
export async function sealWithAge(text: string, { recipients, file }: SealOptions): Promise<void> {
  await must(["age", ...recipients.flatMap((recipient) => ["-r", recipient]), "-o", file], { stdin: text });
}

interface SealOptions {
  readonly recipients: readonly string[];
  readonly file: string;
}
