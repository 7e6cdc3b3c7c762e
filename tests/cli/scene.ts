import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach } from "vitest";
import type { Sandbox, SandboxHost } from "#sandbox";
import { startSandbox } from "#sandbox";
import { sshKeygen } from "../secrets/tools.ts";
import type { RunningSkep, SkepOptions, SkepRun } from "./run-skep.ts";
import { startSkep } from "./run-skep.ts";

interface SceneOptions {
  /** Whether the sandbox stays for all tests, which is faster, or is anew for each; default false. */
  readonly keepHosts?: boolean | undefined;
}

/** An operator's folder, anew for each test, which is their home too, and sandbox hosts. */
interface Scene {
  readonly machine: (name: string) => SandboxHost;
  /** The file that a sandbox writes for OpenSSH and skep. */
  readonly sshConfigFile: () => string;
  /** A path in the folder. */
  readonly at: (path: string) => string;
  readonly read: (path: string) => string;
  readonly write: (path: string, text: string) => void;
  /** Writes `secrets/secrets.ts`, with the operator as its one admin. */
  readonly writeRules: (definition: { readonly hosts?: object | undefined; readonly rules: object }) => void;
  readonly skep: (...argv: readonly string[]) => Promise<SkepRun>;
  /** `env` is added to the operator's. */
  readonly start: (argv: readonly string[], options?: SkepOptions) => RunningSkep;
}

export function useScene(hosts: readonly string[], { keepHosts = false }: SceneOptions = {}): Scene {
  let sandbox: Sandbox;
  let folder = "";
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "skep-scene-"));
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });
  const [open, close] = keepHosts ? [beforeAll, afterAll] : [beforeEach, afterEach];
  open(async () => {
    sandbox = await startSandbox({ hosts });
  });
  close(() => sandbox[Symbol.asyncDispose]());

  const at = (path: string): string => join(folder, path);
  const read = (path: string): string => readFileSync(at(path), "utf8");
  function write(path: string, text: string): void {
    mkdirSync(dirname(at(path)), { recursive: true });
    writeFileSync(at(path), text);
  }
  const start = (argv: readonly string[], { env, ...options }: SkepOptions = {}): RunningSkep =>
    startSkep(argv, { cwd: folder, env: { PATH: process.env.PATH, HOME: folder, ...env }, ...options });
  return {
    machine: (name) => sandbox.host(name),
    sshConfigFile: () => sandbox.sshConfigFile,
    ...{ at, read, write, start },
    writeRules(definition) {
      const text = JSON.stringify({ admins: { ann: operatorKey(at(".ssh/id_ed25519")) }, ...definition });
      write("secrets/secrets.ts", `import { defineSecrets } from "skep";\nexport default defineSecrets(${text});\n`);
    },
    skep: (...argv) => start(argv).ended,
  };
}

/** Their public key; where they have none yet, one is made. */
function operatorKey(path: string): string {
  if (existsSync(path)) return readFileSync(`${path}.pub`, "utf8").trim();
  mkdirSync(dirname(path), { recursive: true });
  return sshKeygen(path, { type: "ed25519" });
}
