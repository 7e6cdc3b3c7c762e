import type { Argv as Yargs } from "yargs";
import type { Host } from "#hive";
import { loadSelection, withHiveOptions } from "../options/hive-options.ts";
import { table } from "../terminal/table.ts";
import type { Terminal } from "../terminal/terminal.ts";

/** `skep hosts`: what a selection means. */
export function addHostsCommand(parser: Yargs, terminal: Terminal, finish: (exitCode: number) => void): void {
  parser.command(
    "hosts",
    "List the hosts of the hive, or those that --on selects",
    (command) =>
      withHiveOptions(command)
        .option("json", { type: "boolean", default: false, description: "Print JSON" })
        .example('skep hosts --on "@web & !web-3"', "what that selects"),
    async (args) => {
      const { hosts } = await loadSelection(args, terminal);
      terminal.stdout.write(
        args.json ? `${JSON.stringify(hosts.map(describeHost), null, 2)}\n` : table(hosts.map(rowOf)),
      );
      finish(0);
    },
  );
}

function describeHost(host: Host): object {
  return { name: host.name, target: host.target, tags: host.tags, system: host.system };
}

function rowOf(host: Host): readonly string[] {
  return [host.name, address(host), host.tags.map((tag) => `@${tag}`).join(" ")];
}

function address({ target }: Host): string {
  const user = target.user === undefined ? "" : `${target.user}@`;
  const host = target.host.includes(":") ? `[${target.host}]` : target.host;
  return `${user}${host}${target.port === undefined ? "" : `:${target.port}`}`;
}
