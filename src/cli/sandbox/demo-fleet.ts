import { cp, mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Host } from "#hive";
import type { Sandbox } from "#sandbox";
import { twinsOf } from "#sandbox";
import { findSecret, Plaintext, writeSecret } from "#secrets";
import { loadRepository } from "../secrets/load-rules.ts";
import type { Terminal } from "../terminal/terminal.ts";

const EXAMPLE = new URL("../../../hive.example.ts", import.meta.url);
const HOSTS = fileURLToPath(new URL("../../../hosts", import.meta.url));

/**
 * Writes the example's fleet into the sandbox's folder, as one of the sandbox's own hosts and with secrets that they open,
 * so that every command works on it.
 * @param hosts those of the example that the sandbox has.
 * @returns the hive file.
 */
export async function writeDemoFleet(
  hosts: readonly Host[],
  { sandbox, terminal }: { readonly sandbox: Sandbox; readonly terminal: Terminal },
): Promise<string> {
  const folder = join(sandbox.folder, "fleet");
  const file = join(folder, "hive.ts");
  await mkdir(join(folder, "secrets"), { recursive: true });
  await cp(HOSTS, join(folder, "hosts"), { recursive: true });
  const example = await readFile(EXAMPLE, "utf8");
  await writeFile(join(folder, "example.ts"), example.replace('?? "v1"', '?? "v2"'));
  await writeFile(file, hiveText(sandbox));
  await writeSecrets(hosts, { file, sandbox, terminal });
  return file;
}

/** The example's hive, for the sandbox's hosts. */
function hiveText({ hosts, holdsSecrets }: Sandbox): string {
  const targets = Object.fromEntries(hosts.map(({ name, target }) => [name, target]));
  return `import type { HostInput } from "skep";
import { defineHive } from "skep";
import example from "./example.ts";

// What is released is said there: \`RELEASE=v3 skep deploy\`, or change it, or what is in hosts/.
const targets: Readonly<Record<string, HostInput["target"]>> = ${JSON.stringify(targets, undefined, 2)};

// Port 8080 of a sandbox host is another one of this machine, and only the host knows which: checks ask from there.
function onSandbox(host: HostInput | undefined, target: HostInput["target"]): HostInput {
  const checks = host?.checks?.map((check) =>
    check.kind === "http" || check.kind === "tcp" ? { ...check, from: "host" as const } : check,
  );
  return { ...host, target, checks${holdsSecrets ? "" : ", secrets: {}"} } as HostInput;
}

export default defineHive({
  ...example,
  hosts: Object.fromEntries(
    Object.entries(targets).map(([name, target]) => [name, onSandbox(example.hosts[name], target)]),
  ),
});
`;
}

async function writeSecrets(
  hosts: readonly Host[],
  { file, sandbox, terminal }: { readonly file: string; readonly sandbox: Sandbox; readonly terminal: Terminal },
): Promise<void> {
  if (!sandbox.holdsSecrets) {
    // Programs find files of made-up content where their secrets would be.
    await twinsOf(hosts, sandbox);
    return;
  }
  const names = [...new Set(hosts.flatMap(({ secrets }) => secrets.map(({ name }) => name)))];
  const definition = {
    admins: { you: (await readFile(`${sandbox.identityFile}.pub`, "utf8")).trim() },
    hosts: Object.fromEntries(sandbox.hosts.map(({ name, target }) => [name, target.hostKey])),
    rules: Object.fromEntries(names.map((name) => [name, {}])),
  };
  const rules = join(dirname(file), "secrets/secrets.ts");
  const text = `import { defineSecrets } from "skep";\n\nexport default defineSecrets(${JSON.stringify(definition, undefined, 2)});\n`;
  await writeFile(rules, text);
  const repository = await loadRepository({ hive: file, secrets: rules }, terminal);
  for (const name of names) {
    using plaintext = new Plaintext(Buffer.from(`made up for ${name}\n`));
    const secret = findSecret(repository, { text: name, cwd: dirname(rules) });
    await writeSecret(repository, secret, { plaintext });
  }
}
