import { spawn } from "node:child_process";
import { once } from "node:events";
import { realpath } from "node:fs/promises";
import { basename, delimiter, join } from "node:path";
import { messageOf } from "#core";
import { SecretsError } from "#secrets";

/** What keeps an editor from writing copies and histories elsewhere. */
const QUIET: Readonly<Record<string, readonly string[]>> = {
  vim: ["-n", "-i", "NONE", "--cmd", "set nobackup nowritebackup noundofile noswapfile"],
  nvim: ["-n", "-i", "NONE", "--cmd", "set nobackup nowritebackup noundofile noswapfile"],
  nano: ["--restricted"],
  emacs: ["--eval", "(setq make-backup-files nil auto-save-default nil create-lockfiles nil)"],
};

/**
 * Lets `VISUAL`, `EDITOR` or `vi` edit a file on this process's terminal.
 * @param options.folder where the editor may put its temporary files.
 * @throws SecretsError `secrets/editor` when it fails: nothing is to be taken from it then.
 */
export async function runEditor(
  path: string,
  { env, folder }: { readonly env: Readonly<NodeJS.ProcessEnv>; readonly folder: string },
): Promise<void> {
  const command = env.VISUAL ?? env.EDITOR ?? "vi";
  const [program = "vi", ...words] = command.trim().split(/\s+/);
  const args = [...words, ...(QUIET[await familyOf(program, env)] ?? []), path];
  const child = spawn(program, args, { stdio: "inherit", env: { ...env, TMPDIR: folder } });
  try {
    const [code] = (await once(child, "close")) as [number | null];
    if (code === 0) return;
    throw new SecretsError(
      "secrets/editor",
      `${command} ended with ${code === null ? "a signal" : `exit code ${code}`}`,
      {
        hint: "nothing was changed",
      },
    );
  } catch (error) {
    if (error instanceof SecretsError) throw error;
    throw new SecretsError("secrets/editor", `cannot start the editor ${command}: ${messageOf(error)}`, {
      hint: "say which with VISUAL or EDITOR, or give the new content on standard input",
    });
  }
}

/** Which editor a program is in truth: `vi` is mostly vim under another name. */
async function familyOf(program: string, { PATH = "" }: Readonly<NodeJS.ProcessEnv>): Promise<string> {
  const places = program.includes("/") ? [program] : PATH.split(delimiter).map((folder) => join(folder, program));
  for (const place of places) {
    try {
      const name = basename(await realpath(place));
      return Object.keys(QUIET).find((family) => name === family || name.startsWith(`${family}.`)) ?? name;
    } catch {
      // It is not in this folder.
    }
  }
  return basename(program);
}
