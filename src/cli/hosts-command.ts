import type { Argv as Yargs } from "yargs";
import type { Host } from "#hive";
import { loadSelection, withHiveOptions } from "./hive-options.ts";
import type { Terminal } from "./terminal.ts";

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
      terminal.stdout.write(args.json ? `${JSON.stringify(hosts.map(describeHost), null, 2)}\n` : table(hosts));
      finish(0);
    },
  );
}

function describeHost(host: Host): object {
  return { name: host.name, target: host.target, tags: host.tags, system: host.system };
}

function table(hosts: readonly Host[]): string {
  const rows = hosts.map((host) => [host.name, address(host), host.tags.map((tag) => `@${tag}`).join(" ")]);
  const width = (column: number): number => Math.max(...rows.map((row) => row[column]?.length ?? 0));
  const widths = [width(0), width(1)];
  return rows
    .map(
      (row) =>
        `${row
          .map((cell, i) => cell.padEnd(widths[i] ?? 0))
          .join("  ")
          .trimEnd()}\n`,
    )
    .join("");
}

function address({ target }: Host): string {
  const user = target.user === undefined ? "" : `${target.user}@`;
  const host = target.host.includes(":") ? `[${target.host}]` : target.host;
  return `${user}${host}${target.port === undefined ? "" : `:${target.port}`}`;
}
