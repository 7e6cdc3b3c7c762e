import { describeExit } from "#core";
import { StoreError } from "../errors.ts";
import type { Diagnosis, ProgramEnd } from "../program-end.ts";
import { linesOf } from "../program-end.ts";

const DIAGNOSES: readonly Diagnosis[] = [
  {
    code: "store/disk-full",
    pattern: /no space left on device|disk quota exceeded/i,
    hint: "free space on the host, for example with skep gc, and deploy again",
  },
  {
    code: "store/no-tools",
    pattern: /\b(?:sh|tar|gzip|zstd|find|xargs|stat|awk|sha256sum|nix-store): (?:command )?not found/i,
    hint: "skep needs sh, tar and the POSIX utilities on the host, and gzip or zstd where compression is asked for",
  },
  {
    code: "store/unwritable",
    pattern: /permission denied|operation not permitted|read-only file system/i,
    hint: "log in as root or elevate, and see that the store's file system is mounted to be written to",
  },
];

/** The error for a script that failed, from what it left behind. */
export function explainScriptEnd({ attempt, exit, stderr, cause }: ProgramEnd): StoreError {
  const said = linesOf(stderr);
  const found = DIAGNOSES.find(({ pattern }) => pattern.test(stderr));
  const telling = said.find((line) => found?.pattern.test(line) === true) ?? said.slice(-3).join("; ");
  const how = exit === undefined ? "the connection to it ended" : `it ended with ${describeExit(exit)}`;
  return new StoreError(
    found?.code ?? "store/host-script",
    `${attempt} failed: ${telling === "" ? `the script on the host said nothing, ${how}` : telling}`,
    { hint: found?.hint, cause },
  );
}
