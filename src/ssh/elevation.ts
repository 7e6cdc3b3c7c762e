import type { Argv, CommandExit } from "#core";
import { SshError } from "./errors.ts";

/** How a login user becomes root for one command. */
export interface Elevation {
  readonly kind: string;
  /** The command that runs `argv` as root. */
  wrap(argv: Argv): Argv;
  /** The error to raise when a wrapped command ended because it was not allowed to become root. */
  refusal(exit: CommandExit, stderr: string): SshError | undefined;
}

/** Commands run as the login user. */
const none: Elevation = {
  kind: "none",
  wrap: (argv) => argv,
  refusal: () => undefined,
};

const SUDO_REFUSALS = [
  /^sudo: a password is required$/m,
  /^sudo: a terminal is required to read the password/m,
  /^sudo: no tty present and no askpass program specified$/m,
  /^sudo: sorry, you must have a tty to run sudo$/m,
  /is not in the sudoers file/,
  /^Sorry, user \S+ (is not allowed to execute|may not run sudo)/m,
  /is not allowed to run sudo on/,
];
const SUDO_MISSING = /\bsudo: (command )?not found\b/;

/** `sudo` without a password. */
const sudo: Elevation = {
  kind: "sudo",
  wrap: (argv) => ["sudo", "-n", "--", ...argv],
  refusal(exit, stderr) {
    if (exit.exitCode === 127 && SUDO_MISSING.test(stderr)) {
      return new SshError("ssh/elevation", "becoming root with sudo failed: sudo is not installed on the host", {
        hint: "install sudo there, or log in as root",
      });
    }
    if (exit.exitCode !== 1 || !SUDO_REFUSALS.some((refusal) => refusal.test(stderr))) return undefined;
    return new SshError("ssh/elevation", `becoming root with sudo was refused: ${stderr.trim().split("\n")[0] ?? ""}`, {
      hint: "let the login user run sudo without a password: `<user> ALL=(ALL) NOPASSWD: ALL` in sudoers, or security.sudo.wheelNeedsPassword = false on NixOS",
    });
  },
};

/** The kinds of elevation there are. */
export const elevations = { none, sudo } as const satisfies Record<string, Elevation>;
