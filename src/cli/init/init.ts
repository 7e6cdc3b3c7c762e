import { randomBytes } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { userInfo } from "node:os";
import { dirname, join, relative, resolve } from "node:path";
import { makeFolder, quoteArgv, reasonOf } from "#core";
import { findSecret, Plaintext, writeSecret } from "#secrets";
import { CliError } from "../errors.ts";
import { loadRepository } from "../secrets/load-rules.ts";
import type { Terminal } from "../terminal/terminal.ts";
import type { Pipeline } from "./choose-kind.ts";
import { choosePipeline, chooseSystem, isThere } from "./choose-kind.ts";
import type { Reader } from "./find-reader.ts";
import { findReader } from "./find-reader.ts";
import type { InitArguments } from "./init-command.ts";
import { linuxTemplates } from "./linux-templates.ts";
import { flakeTemplates, hostOfFlake, nixosTemplates } from "./nixos-templates.ts";
import { githubTemplate, gitlabTemplate } from "./pipeline-templates.ts";
import { placeFiles, refuseExisting } from "./place-files.ts";
import { projectFiles } from "./project-templates.ts";
import { secretsTemplate } from "./secrets-template.ts";
import { tellWritten } from "./tell-written.ts";

const SECRET = "heartbeat/key";
const SECRET_BYTES = 32;
const SEALED = ["secrets/heartbeat/key.age", "secrets/secrets.lock.json"];

/** What is to be made. */
export interface Fleet {
  readonly system: "linux" | "nixos";
  readonly pipeline: Pipeline;
  /** The name of its one host. */
  readonly host: string;
  /** Whether there was a flake before. */
  readonly hasFlake: boolean;
  readonly reader: Reader;
  /** The files' texts by their names; the encrypted ones are made of them. */
  readonly files: Readonly<Record<string, string>>;
  /** What there is to know about files that were there already and are left alone. */
  readonly notes: readonly string[];
}

/**
 * Writes a fleet to begin with, all of its files or none, and says what is next.
 * @throws CliError `cli/init` with every file that is in its way.
 */
export async function init(args: InitArguments, terminal: Terminal): Promise<number> {
  if (args.folder === "") {
    throw new CliError("cli/usage", "the folder was given as an empty word", {
      hint: "is a variable not set that was to be it? without one it is the working directory",
    });
  }
  const folder = resolve(terminal.cwd, args.folder);
  const fleet = await planFleet(folder, args, terminal);
  const names = [...Object.keys(fleet.files), ...SEALED];
  await refuseExisting(folder, names);
  const made = await makeItsFolder(folder);
  try {
    const aside = await mkdtemp(join(folder, `.skep-init-`));
    try {
      await writeAside(fleet, { aside, terminal });
      await fleet.reader.save?.();
      await placeFiles(names, { from: aside, to: folder });
    } finally {
      await rm(aside, { recursive: true, force: true });
    }
  } catch (error) {
    if (made !== undefined) await rm(made, { recursive: true, force: true });
    throw error;
  }
  const where = relative(terminal.cwd, folder);
  const enter = where === "" ? undefined : quoteArgv(["cd", where.startsWith("..") ? folder : where]);
  terminal.stdout.write(tellWritten(fleet, { names, folder: args.folder, enter }));
  return 0;
}

async function planFleet(folder: string, args: InitArguments, { env }: Terminal): Promise<Fleet> {
  const system = await chooseSystem(folder, args);
  const pipeline = args.ci ?? (await choosePipeline(folder));
  const hasFlake = await isThere(join(folder, "flake.nix"));
  const host =
    hasFlake && system === "nixos" ? hostOfFlake(await readFile(join(folder, "flake.nix"), "utf8")) : undefined;
  const reader = await findReader(args.recipient, { folder, env });
  const name = host ?? "bee-1";
  const project = await projectFiles(folder);
  const files = {
    ...(system === "linux" ? linuxTemplates : nixosTemplates(name)),
    ...(system === "nixos" && !hasFlake ? flakeTemplates : {}),
    "secrets/secrets.ts": secretsTemplate({ admin: adminName(env), recipients: reader.recipients, host: name }),
    ...(await pipelineFiles(pipeline, { folder, system })),
    ...project.files,
  };
  return { system, pipeline, host: name, hasFlake, reader, files, notes: project.notes };
}

async function pipelineFiles(
  pipeline: Pipeline,
  { folder, system }: { readonly folder: string; readonly system: Fleet["system"] },
): Promise<Readonly<Record<string, string>>> {
  switch (pipeline) {
    case "none":
      return {};
    case "github":
      return { ".github/workflows/skep.yml": githubTemplate({ system }) };
    case "gitlab": {
      // One that is there already can include another.
      const name = (await isThere(join(folder, ".gitlab-ci.yml"))) ? ".gitlab/skep.yml" : ".gitlab-ci.yml";
      return { [name]: gitlabTemplate({ system }) };
    }
  }
}

/** Writes everything to a folder of its own, where the hive and the rules are loaded as they will be, and seals the secret. */
async function writeAside(
  { files }: Fleet,
  { aside, terminal }: { readonly aside: string; readonly terminal: Terminal },
): Promise<void> {
  for (const [name, text] of Object.entries(files)) {
    await makeFolder(dirname(join(aside, name)));
    await writeFile(join(aside, name), text);
  }
  const repository = await loadRepository(
    { hive: join(aside, "hive.ts"), secrets: join(aside, "secrets/secrets.ts") },
    terminal,
  );
  using plaintext = new Plaintext(Buffer.from(randomBytes(SECRET_BYTES).toString("base64url"), "latin1"));
  await writeSecret(repository, findSecret(repository, { text: SECRET, cwd: aside }), { plaintext });
}

/** The first of the folders that had to be made, if any. */
async function makeItsFolder(folder: string): Promise<string | undefined> {
  try {
    return await makeFolder(folder);
  } catch (error) {
    throw new CliError("cli/init", `cannot make the folder ${folder}: ${reasonOf(error)}`, { cause: error });
  }
}

/** A name that needs no quotes in the rules. */
function adminName(env: Terminal["env"]): string {
  const name = (env.USER ?? userInfo().username).toLowerCase();
  return /^[a-z][a-z0-9]*$/.test(name) ? name : "operator";
}
