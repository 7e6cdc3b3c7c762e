/** Fills the store of a host without Nix, beside rsync and tar to the same sshd; see README.md. */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import type { Argv } from "#core";
import { connect } from "#ssh";
import type { Closure, FileTree, StorePath } from "#store";
import { copyClosure, makeClosure, openPosixHostStore, readFileTree, readTreeObject, sharedNarSource } from "#store";
import type { Sshd } from "../tests/ssh/sshd.ts";
import { startSshd } from "../tests/ssh/sshd.ts";
import { isWanted, readArguments } from "./arguments.ts";
import type { Result } from "./contestants.ts";
import { measure } from "./measure.ts";
import { print, say } from "./print.ts";
import { race } from "./race.ts";

/** Store paths in a folder, and the closure they make. */
interface Source {
  readonly folder: string;
  readonly closure: Closure;
  readonly locate: (path: StorePath) => FileTree;
}

interface Copy {
  readonly source: Source;
  readonly sshd: Sshd;
  /** An empty folder on the other side. */
  readonly destination: string;
}

const KIB = 1024;
const MIB = 1024 * KIB;
const args = readArguments();
const cases = args.quick
  ? [
      { name: "200 small paths", paths: 200, fileBytes: 2 * KIB },
      { name: "one path of 64 MiB", paths: 1, fileBytes: 64 * MIB },
    ]
  : [
      { name: "2,000 small paths", paths: 2_000, fileBytes: 2 * KIB },
      { name: "one path of 1 GiB", paths: 1, fileBytes: 1_024 * MIB },
    ];

const contestants = [
  { name: "skep", copy: copyWithSkep },
  { name: "rsync -a", copy: (copy: Copy) => copyWith("rsync -a", rsyncArgv(copy)) },
  { name: "tar | ssh", copy: (copy: Copy) => copyWith("tar | ssh", tarArgv(copy)) },
];

await using sshd = await startSshd({ config: ["SetEnv SHLVL=2"] });
const folder = await mkdtemp(join(tmpdir(), "skep-bench-"));
try {
  for (const one of cases.filter(({ name }) => isWanted(name, args))) {
    say(`making ${one.name}`);
    const source = await makeSource(join(folder, "source"), one);
    const destination = join(folder, "destination");
    const result = await race(contestants, {
      bench: "posix",
      name: one.name,
      runs: args.runs,
      prepare: async () => {
        await rm(destination, { recursive: true, force: true });
        await mkdir(join(destination, "nix/store"), { recursive: true });
      },
      attempt: ({ copy }) => copy({ source, sshd, destination }),
    });
    print(result, args.format);
    await rm(source.folder, { recursive: true, force: true });
  }
} finally {
  await rm(folder, { recursive: true, force: true });
}

async function makeSource(at: string, { paths, fileBytes }: (typeof cases)[number]): Promise<Source> {
  const trees = new Map<StorePath, FileTree>();
  const infos = [];
  const digests = new Map<string, StorePath>();
  for (let index = 0; index < paths; index += 1) {
    const staging = join(at, "staging");
    await mkdir(join(staging, "share"), { recursive: true });
    await writeFile(join(staging, "share/data"), Buffer.alloc(fileBytes, `${index} of ${paths}\n`));
    const isLast = index === paths - 1;
    // The last one refers to all others, and so is the toplevel.
    if (isLast) await writeFile(join(staging, "references"), infos.map(({ path }) => `${path}\n`).join(""));
    const object = await readTreeObject(`bench-${index}`, await readFileTree(staging), { candidates: digests });
    const place = join(at, "store", object.info.path.slice("/nix/store/".length));
    await mkdir(join(at, "store"), { recursive: true });
    await measure(["mv", staging, place], { env: process.env });
    trees.set(object.info.path, await readFileTree(place));
    digests.set(object.info.path.slice("/nix/store/".length).slice(0, 32), object.info.path);
    infos.push(object.info);
  }
  const toplevel = infos.at(-1);
  if (toplevel === undefined) throw new Error("no paths were made");
  const locate = (path: StorePath): FileTree => {
    const tree = trees.get(path);
    if (tree === undefined) throw new Error(`${path} was not made`);
    return tree;
  };
  return { folder: at, closure: makeClosure(toplevel.path, infos), locate };
}

async function copyWithSkep({ source, destination }: Copy): Promise<readonly Result[]> {
  const startedAt = performance.now();
  await using connection = await connect({ host: "sshd" }, { configFile: sshd.configFile });
  const loggedInAt = performance.now();
  await using store = await openPosixHostStore({ runner: connection.elevated, root: destination });
  await copyClosure(source.closure, store, { narSource: sharedNarSource({ locate: source.locate }) });
  const endedAt = performance.now();
  return [
    { tool: "skep", seconds: (endedAt - startedAt) / 1_000, peakBytes: process.memoryUsage.rss() },
    { tool: "skep, logged in already", seconds: (endedAt - loggedInAt) / 1_000 },
  ];
}

async function copyWith(tool: string, argv: Argv): Promise<readonly Result[]> {
  const { wallSeconds } = await measure(argv, { env: process.env });
  return [{ tool, seconds: wallSeconds }];
}

function rsyncArgv({ source, destination }: Copy): Argv {
  const from = `${source.folder}/store/`;
  return ["rsync", "-a", "-e", `ssh -F ${sshd.configFile}`, from, `sshd:${destination}/nix/store/`];
}

function tarArgv({ source, destination }: Copy): Argv {
  const script = 'tar -C "$1" -cf - . | ssh -F "$2" sshd "tar -C $3 -xpf -"';
  return ["sh", "-c", script, "sh", `${source.folder}/store`, sshd.configFile, `${destination}/nix/store`];
}
