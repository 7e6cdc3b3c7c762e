import { execFileSync } from "node:child_process";
import type { TestContext } from "vitest";

/** Skips a test, with the reason, where there is no Nix to evaluate the module with. */
export function needsNix(context: TestContext): void {
  context.skip(!onPath("nix-instantiate"), "nix-instantiate is not on PATH");
}

/** Skips a test, with the reason, where the scripts of the module cannot run for real. */
export function needsHost(context: TestContext): void {
  needsNix(context);
  for (const program of ["age", "bash", "dash", "nsenter", "ssh-keygen"]) {
    context.skip(!onPath(program), `${program} is not on PATH`);
  }
  context.skip(process.getuid?.() !== 0, "only root may make a mount namespace");
  context.skip(!succeeds("unshare --mount true"), "mount namespaces cannot be made here");
}

function onPath(program: string): boolean {
  return succeeds(`command -v ${program}`);
}

function succeeds(script: string): boolean {
  try {
    execFileSync("/bin/sh", ["-c", script], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}
