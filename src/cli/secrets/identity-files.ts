import { isAbsolute, join, resolve } from "node:path";
import type { Terminal } from "../terminal/terminal.ts";

/** Where private keys are looked for. */
export interface IdentityFiles {
  readonly paths: readonly string[];
  /** What names them, so that each has to be there. Undefined for the places where they usually are. */
  readonly by: "--identity" | "SKEP_IDENTITY" | undefined;
}

const SSH_KEYS = [".ssh/id_ed25519", ".ssh/id_rsa"] as const;

/** The files that the command line names, else those of `SKEP_IDENTITY` (with `:` between), else SSH's default keys and skep's own. */
export function identityFiles(
  named: readonly string[] | undefined,
  { cwd, env }: Pick<Terminal, "cwd" | "env">,
): IdentityFiles {
  const inCwd = (path: string): string => resolve(cwd, path);
  if (named !== undefined) return { paths: named.map(inCwd), by: "--identity" };
  const ofEnvironment = (env.SKEP_IDENTITY ?? "").split(":").filter((path) => path !== "");
  if (ofEnvironment.length > 0) return { paths: ofEnvironment.map(inCwd), by: "SKEP_IDENTITY" };
  const ofSsh = env.HOME ? SSH_KEYS.map((file) => join(env.HOME ?? "", file)) : [];
  const own = ownIdentityFile(env);
  return { paths: [...ofSsh, ...(own === undefined ? [] : [own])], by: undefined };
}

/**
 * The age identity that `skep init` makes for who has no SSH key, `~/.config/skep/identity.txt`; below `XDG_CONFIG_HOME`
 * where that is set (the XDG base directory specification passes relative ones over). Undefined without a home.
 */
export function ownIdentityFile({ HOME, XDG_CONFIG_HOME: config = "" }: Terminal["env"]): string | undefined {
  if (isAbsolute(config)) return join(config, "skep", "identity.txt");
  return HOME ? join(HOME, ".config", "skep", "identity.txt") : undefined;
}
