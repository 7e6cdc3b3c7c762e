import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { FleetHost } from "../harness/index.ts";
import { waitUntil } from "../harness/index.ts";

/** What a deployment is in the middle of when something breaks. */
export const MOMENTS = ["copying", "installing secrets", "testing", "proving", "committing", "rolling back"] as const;
export type Moment = (typeof MOMENTS)[number];

const HOLDS = "/run/fleet-hold";

/** The versions of one deployment. */
export interface Change {
  readonly from: string;
  readonly to: string;
}

/**
 * Puts programs before the host's own that stop in the middle while they are held: what takes the store paths in, and
 * `age`. The test's systems hold their activation themselves, and a check the proof (see `PROOF`).
 */
export async function makeHoldable(host: FleetHost): Promise<void> {
  const waiting = `hold=${HOLDS}/$what
[ -e "$hold" ] || exec "/usr/bin/\${0##*/}" "$@"
wait_here() { echo "$PPID" >"$hold.reached"; while [ -e "$hold" ]; do sleep 0.05; done; }
`;
  const receiver = `#!/bin/sh
what=copying
case "\${0##*/} $*" in "nix-store --serve"* | "tar xf"*) ;; *) exec "/usr/bin/\${0##*/}" "$@" ;; esac
${waiting}{ dd bs=64k count=${READS_BEFORE_HOLD} status=none; wait_here; exec cat; } | "/usr/bin/\${0##*/}" "$@"
`;
  const opener = `#!/bin/sh
what=secrets
${waiting}wait_here
exec /usr/bin/age "$@"
`;
  const folder = join(host.root, "usr/local/bin");
  await mkdir(folder, { recursive: true });
  for (const [name, text] of Object.entries({ "nix-store": receiver, tar: receiver, age: opener })) {
    if (name === "nix-store" && host.suite === "bookworm-without-nix") continue;
    await writeFile(join(folder, name), text, { mode: 0o755 });
  }
}

/** Of 64 KiB at the most: in the middle of a closure of 4 MiB, whatever came in pieces. */
const READS_BEFORE_HOLD = 30;

/** What a check runs on the host, so that the proof of a version can be held: it fails meanwhile. */
export const PROOF = [
  "sh",
  "-c",
  `system=$(readlink /run/current-system)
hold=${HOLDS}/proof-\${system##*-}
if [ -e "$hold" ]; then : >"$hold.reached"; exit 1; fi`,
] as const;

/** A moment that a deployment will stop in. */
export interface Hold {
  /** Waits until the deployment is there. */
  reached(signal: AbortSignal): Promise<void>;
  /** Process id, within the host, of what waits for the program that was stopped: for copying and secrets. */
  waiter(): Promise<string>;
  /** Lets it go on, if the host is still up. */
  release(): Promise<void>;
}

export async function holdAt(moment: Moment, host: FleetHost, change: Change): Promise<Hold> {
  const file = `${HOLDS}/${fileOf(moment, change)}`;
  await host.read(["sh", "-c", 'rm -rf "$1"; mkdir "$1"; : >"$2"', "sh", HOLDS, file]);
  return {
    async reached(signal) {
      await waitUntil(async () => (await host.inside(["test", "-e", `${file}.reached`])).exitCode === 0, {
        ...{ timeoutMs: 60_000, what: `the deployment to be ${moment}`, signal },
      });
    },
    waiter: () => host.read(["cat", `${file}.reached`]),
    async release() {
      await host.inside(["rm", "-f", file]);
    },
  };
}

function fileOf(moment: Moment, { from, to }: Change): string {
  switch (moment) {
    case "copying":
      return "copying";
    case "installing secrets":
      return "secrets";
    case "testing":
      return `test-${to}`;
    case "proving":
      return `proof-${to}`;
    case "committing":
      return `boot-${to}`;
    case "rolling back":
      return `test-${from}`;
  }
}
