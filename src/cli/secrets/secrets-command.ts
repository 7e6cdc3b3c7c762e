import type { Argv as Yargs, InferredOptionTypes } from "yargs";
import { hiveOptions } from "../options/hive-options.ts";
import { sshOptions } from "../options/ssh-options.ts";
import type { Terminal } from "../terminal/terminal.ts";

/** Where the rules are. */
export const secretsOptions = {
  secrets: {
    type: "string",
    requiresArg: true,
    description: "The secrets file, or its folder; else secrets/secrets.ts here or in a folder above",
  },
  hive: {
    alias: "f",
    type: "string",
    requiresArg: true,
    description: "The hive file: its folder's secrets/secrets.ts is taken, and its hosts' keys",
  },
} as const;

/** What opens them. */
export const identityOptions = {
  identity: {
    alias: "i",
    type: "string",
    array: true,
    requiresArg: true,
    description:
      "A private key that opens the files, SSH's or age's; else SKEP_IDENTITY, else ~/.ssh/id_ed25519, ~/.ssh/id_rsa and ~/.config/skep/identity.txt",
  },
} as const;

export const rekeyOptions = {
  host: { type: "string", requiresArg: true, description: "Only what this host reads, or reads and should not" },
  all: { type: "boolean", default: false, description: "Also the files whose readers are right" },
  "dry-run": { type: "boolean", default: false, description: "Only say what would be encrypted anew" },
} as const;

export const generateOptions = {
  length: { type: "number", default: 32, requiresArg: true, description: "How many random bytes" },
  as: {
    choices: ["base64", "base64url", "hex", "raw"] as const,
    default: "base64url" as const,
    description: "How they are written",
  },
  replace: { type: "boolean", default: false, description: "Also when it is there already" },
} as const;

/** Which hosts to ask, and how. */
export const onHostsOptions = {
  on: hiveOptions.on,
  parallel: { alias: "p", type: "number", requiresArg: true, description: "Hosts at one time" },
  ...sshOptions,
} as const;

export const checkOptions = {
  "on-host": {
    type: "boolean",
    default: false,
    description: "Also have hosts open their secrets: nothing is left there, nothing is activated",
  },
} as const;

const json = { type: "boolean", default: false, description: "Print JSON" } as const;
const withCommand = {
  type: "string",
  requiresArg: true,
  demandOption: true,
  description: "A shell command that prints the new content",
} as const;

export type SecretsArguments = InferredOptionTypes<typeof secretsOptions>;
export type IdentityArguments = SecretsArguments & InferredOptionTypes<typeof identityOptions>;
export type RekeyArguments = IdentityArguments &
  InferredOptionTypes<typeof rekeyOptions> & { readonly files?: string[] | undefined };
export type OnHostsArguments = SecretsArguments & InferredOptionTypes<typeof onHostsOptions>;
export type CheckArguments = IdentityArguments &
  OnHostsArguments &
  InferredOptionTypes<typeof checkOptions> & { readonly json: boolean };
export type NameArguments = SecretsArguments & { readonly name: string };

type Finish = (exitCode: number) => void;

/** `skep secrets …`. What does the work is loaded when it is needed. */
export function addSecretsCommand(parser: Yargs, terminal: Terminal, finish: Finish): void {
  parser.command("secrets", "Keep secrets in the repository, encrypted to those who may read them", (secrets) => {
    addReadingCommands(secrets, terminal, finish);
    addWritingCommands(secrets, terminal, finish);
    addRekeyCommand(secrets, terminal, finish, "rekey [files..]");
    return secrets
      .demandCommand(1, "no command was given after secrets")
      .example("skep secrets status", "what is stale, missing, or without a rule")
      .example("skep secrets add db/password", "write a new one in your editor")
      .example("skep secrets rekey", "after the rules changed")
      .example("skep secrets check", "in CI: no key needed")
      .example('skep secrets status --on "@web"', "what hosts have and wait for");
  });
}

/** The command of `skep secrets rekey`, which is all that `skep-rekey` has. */
export function addRekeyCommand(parser: Yargs, terminal: Terminal, finish: Finish, command: string): void {
  parser.command(
    command,
    "Encrypt files anew whose readers are not those of their rule; everything is opened before anything is written",
    (rekey) =>
      rekey
        .positional("files", { type: "string", array: true, description: "Only these: names or paths" })
        .options({ ...secretsOptions, ...identityOptions, ...rekeyOptions })
        .example("skep secrets rekey --dry-run", "what would be encrypted anew, and for whom")
        .example("skep secrets rekey", "after the rules changed")
        .example("skep secrets rekey --host web-1", "what concerns one host"),
    async (args) => {
      const { rekeyFiles } = await import("./rekey.ts");
      finish(await rekeyFiles(args, terminal));
    },
  );
}

function addReadingCommands(parser: Yargs, terminal: Terminal, finish: Finish): void {
  parser.command(
    "status",
    "Say how each file stands to its rule, or with --on how the secrets on hosts stand to the repository; no key needed",
    (status) =>
      status
        .options({ ...secretsOptions, ...onHostsOptions, json })
        .example("skep secrets status", "what is stale, missing, or without a rule")
        .example('skep secrets status --on "@web"', "what hosts have, what they wait for, which old keys they need")
        .example('skep secrets status --on "*" --json', "one object a host"),
    async (args) => {
      const { showStatus } = await import("./status.ts");
      finish(await showStatus(args, terminal));
    },
  );
  parser.command(
    "ls",
    "List the secrets and their readers; no key needed",
    (list) =>
      list
        .options({ ...secretsOptions, json })
        .example("skep secrets ls", "who reads what")
        .example("skep secrets ls --json", "for a script"),
    async (args) => {
      const { listSecrets } = await import("./status.ts");
      finish(await listSecrets(args, terminal));
    },
  );
  parser.command(
    "check",
    "Check rules, files and folder; no key needed, and with --identity everything is opened",
    (check) =>
      check
        .options({ ...secretsOptions, ...identityOptions, ...checkOptions, ...onHostsOptions, json })
        .epilogue("Exit code 0: all is well; 4: something is wrong; 5: some host could only not be asked.")
        .example("skep secrets check", "in CI: no key needed")
        .example("skep secrets check -i ~/.ssh/id_ed25519", "whether this key opens everything")
        .example("skep secrets check --on-host", "before a deployment: whether each host can open its own")
        .example('skep secrets check --on-host --on "@web"', "some of them"),
    async (args) => {
      const { checkSecrets } = await import("./check.ts");
      finish(await checkSecrets(args, terminal));
    },
  );
  parser.command(
    "view <name>",
    "Print what a secret says",
    (view) =>
      withName(view)
        .options({ ...secretsOptions, ...identityOptions })
        .example("skep secrets view db/password", "to standard output, as it is"),
    async (args) => {
      const { viewSecret } = await import("./view.ts");
      finish(await viewSecret(args, terminal));
    },
  );
}

function addWritingCommands(parser: Yargs, terminal: Terminal, finish: Finish): void {
  parser.command(
    "edit <name>",
    "Change a secret in your editor, or replace it by what comes on standard input, which needs no private key",
    (edit) =>
      withName(edit)
        .options({ ...secretsOptions, ...identityOptions })
        .example("skep secrets edit db/password", "in your editor, on a file in memory")
        .example("skep secrets edit tls-key < new.pem", "new content from a file; needs no private key"),
    async (args) => {
      const { editSecret } = await import("./edit.ts");
      finish(await editSecret(args, terminal));
    },
  );
  parser.command(
    "add <name>",
    "Make a secret that has a rule and no file, in your editor or from standard input",
    (add) =>
      withName(add)
        .options(secretsOptions)
        .example("skep secrets add db/password", "in your editor")
        .example("skep secrets add tls-key < key.pem", "from a file"),
    async (args) => {
      const { addSecret } = await import("./edit.ts");
      finish(await addSecret(args, terminal));
    },
  );
  parser.command(
    "rotate <name>",
    "Give a secret the new content that a command prints; needs no private key",
    (rotate) =>
      withName(rotate)
        .options({ ...secretsOptions, with: withCommand })
        .example('skep secrets rotate db/password --with "openssl rand -hex 24"', "a new password"),
    async (args) => {
      const { rotateSecret } = await import("./generate.ts");
      finish(await rotateSecret(args, terminal));
    },
  );
  parser.command(
    "generate <name>",
    "Make a secret of random bytes",
    (generate) =>
      withName(generate)
        .options({ ...secretsOptions, ...generateOptions })
        .example("skep secrets generate web/session-key", "32 random bytes, as base64url")
        .example("skep secrets generate web/session-key --as hex --replace", "new ones"),
    async (args) => {
      const { generateSecret } = await import("./generate.ts");
      finish(await generateSecret(args, terminal));
    },
  );
}

function withName<T>(parser: Yargs<T>): Yargs<T & { name: string }> {
  return parser.positional("name", {
    type: "string",
    demandOption: true,
    description: "The secret: its name or its file",
  });
}
