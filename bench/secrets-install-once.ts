/**
 * Installs the secrets of one host once, below a folder of this machine, and prints an {@link InstallReport}. Arguments:
 * who opens them, the host's root, the folder of the secrets, how many there are.
 */
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import type { HostSecret } from "#activation";
import { installSecrets, makeSecretSet } from "#activation";
import type { CommandRunner } from "#core";
import { Redacted } from "#core";
import { parseStorePath } from "#store";

export interface InstallReport {
  /** From the secrets in memory until the host has answered that all of them are ready to be used. */
  readonly seconds: number;
  readonly peakBytes: number;
}

const [open = "", root = "", folder = "", count = ""] = process.argv.slice(1);
const secrets = Array.from({ length: Number(count) }, (_, number) => readSecret(number));
const startedAt = performance.now();
const set = makeSecretSet(secrets, { identityPaths: ["/etc/ssh/ssh_host_ed25519_key"] });
const toplevel = parseStorePath("/nix/store/0c4x2abc4x2abc4x2abc4x2abc4x2abc-system");
const { changed } = await installSecrets({ runner: localRunner(), root }, { set, toplevel, mode: "install" });
const report: InstallReport = {
  seconds: (performance.now() - startedAt) / 1_000,
  peakBytes: process.resourceUsage().maxRSS * 1024,
};
if (changed.length !== secrets.length) throw new Error(`${changed.length} of ${secrets.length} secrets were installed`);
process.stdout.write(JSON.stringify(report));

function readSecret(number: number): HostSecret {
  const name = `secret-${number}`;
  const use = { name, owner: "root", group: undefined, mode: "0400", path: undefined, restart: [], reload: [] };
  const read = (suffix: string): Buffer => readFileSync(join(folder, `${name}${suffix}`));
  if (open === "host") return { use: { ...use, open }, content: { open, ciphertext: read(".age") } };
  const plaintext = new Redacted<Uint8Array>(read(""));
  return { use: { ...use, open: "operator" }, content: { open: "operator", plaintext, version: String(number) } };
}

/** A host that is reached in no time. */
function localRunner(): CommandRunner {
  return {
    run: ([program, ...args], { stdin } = {}) =>
      new Promise((resolve, reject) => {
        const child = spawn(program, args);
        const printed = { stdout: "", stderr: "" };
        for (const stream of ["stdout", "stderr"] as const) {
          child[stream].setEncoding("utf8").on("data", (text: string) => (printed[stream] += text));
        }
        child.once("error", reject);
        child.once("close", (code) => {
          resolve({ argv: [program, ...args], exit: { exitCode: code ?? 255 }, ...printed });
        });
        child.stdin.end(stdin);
      }),
    open() {
      throw new Error("there are no channels here");
    },
  };
}
