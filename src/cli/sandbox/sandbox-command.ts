import { once } from "node:events";
import type { Argv as Yargs } from "yargs";
import { quoteArgv } from "#core";
import type { Sandbox } from "#sandbox";
import { CliError } from "../errors.ts";
import { listenForInterrupts } from "../terminal/interrupts.ts";
import type { Terminal } from "../terminal/terminal.ts";

/** More than anyone wants to try, and fewer than the ports there are. */
const MAX_HOSTS = 200;

/** The options of `skep sandbox`. */
export const sandboxOptions = {
  hosts: {
    alias: "n",
    type: "string",
    default: "3",
    requiresArg: true,
    description: "How many, or their names with commas between",
  },
  folder: {
    type: "string",
    requiresArg: true,
    description: "Keep the hosts' files here, and boot what is there already; else a temporary folder",
  },
  json: { type: "boolean", default: false, description: "Print JSON" },
} as const;

/** `skep sandbox`: throw-away hosts to try a hive on. */
export function addSandboxCommand(parser: Yargs, terminal: Terminal, finish: (exitCode: number) => void): void {
  parser.command(
    "sandbox",
    "Start throw-away SSH hosts on this machine, without root, and keep them until Ctrl-C",
    (command) =>
      command
        .options(sandboxOptions)
        .example("skep sandbox --hosts 3", "sandbox-1, sandbox-2 and sandbox-3")
        .example("skep sandbox --hosts web-1,db-1", "hosts of these names"),
    async (args) => {
      const { startSandbox } = await import("#sandbox");
      using interrupts = listenForInterrupts(() => undefined);
      await using sandbox = await startSandbox({
        hosts: parseHosts(args.hosts),
        folder: args.folder,
        signal: interrupts.stop,
      });
      terminal.stdout.write(args.json ? formatJson(sandbox) : formatText(sandbox));
      if (!interrupts.stop.aborted) await once(interrupts.stop, "abort", { signal: interrupts.leave });
      finish(0);
    },
  );
}

function parseHosts(text: string): string[] {
  if (!/^\d+$/.test(text)) return text.split(",").map((name) => name.trim());
  const count = Number(text);
  if (count < 1 || count > MAX_HOSTS) {
    throw new CliError("cli/usage", `--hosts cannot be ${text}: it is a number from 1 to ${MAX_HOSTS}, or names`);
  }
  return Array.from({ length: count }, (_, at) => `sandbox-${at + 1}`);
}

function formatJson({ hosts, folder, sshConfigFile, knownHostsFile, identityFile }: Sandbox): string {
  const described = hosts.map(({ name, target, httpPort }) => ({ name, target, httpPort }));
  return `${JSON.stringify({ folder, sshConfigFile, knownHostsFile, identityFile, hosts: described }, null, 2)}\n`;
}

/** What to paste into a hive file, and how to look around. */
function formatText({ hosts, sshConfigFile }: Sandbox): string {
  const blocks = hosts.map(({ name, target }) => {
    const fields = Object.entries(target).map(([key, value]) => `      ${key}: ${JSON.stringify(value)},\n`);
    const rest = `    system: system({}),\n    // checks: [http({ port: 8080, from: "host" })],\n`;
    return `  ${JSON.stringify(name)}: {\n    target: {\n${fields.join("")}    },\n${rest}  },\n`;
  });
  const logins = hosts.map(({ name, httpPort }) => {
    return `  ${quoteArgv(["ssh", "-F", sshConfigFile, name])}   # its $PORT: ${httpPort}\n`;
  });
  return `hosts: {
${blocks.join("")}},

${logins.join("")}
Services listen on $PORT, or set one in their units: PORT=8080 becomes a free port of this machine, which the host alone
calls 8080. So checks have to ask from there, as above: without from: "host" they ask this machine's own port.
To see it yourself: ${quoteArgv(["ssh", "-F", sshConfigFile, "-N", "-L", "9090:127.0.0.1:8080", hosts[0]?.name ?? ""])}   # http://127.0.0.1:9090/
Commands run as you, on this machine; the files of a host are below $SKEP_ROOT.
Ctrl-C ends them all.
`;
}
