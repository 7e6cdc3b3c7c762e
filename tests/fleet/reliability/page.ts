import { FAULTS } from "./faults.ts";
import type { Fault } from "./faults.ts";
import type { CellEnding } from "./lane.ts";
import { MOMENTS } from "./moments.ts";
import type { Moment } from "./moments.ts";

/** What was done, in the table's words. */
const EXPLAINED: Readonly<Record<Fault, string>> = {
  "operator killed": "`SIGKILL` to the `skep` that deploys",
  "network cut": "the cable is out; packets go nowhere, nothing is refused, until the host has settled",
  "sshd stopped": "`systemctl stop ssh`: no new login, until the host has settled",
  "host rebooted": "`systemctl reboot`",
  "agent killed":
    "`SIGKILL` to every process of the agent; before there is one, to the program on the host that does the work",
  "disk full": "not a block is left on `/`, until the host has settled",
  "/run full":
    "not a page is left in `/run`, until the host has settled; in the last column for three seconds, since systemd reloads nothing meanwhile",
  "clock jumped": "for every login and every service that begins on the host from then on it is an hour later",
};

export type Endings = (fault: Fault, moment: Moment) => CellEnding;

/** `docs/reliability.md`. */
export function reliabilityPage(endings: Endings): string {
  const rows = FAULTS.map((fault) => [`**${fault}**`, ...MOMENTS.map((moment) => cellText(endings(fault, moment)))]);
  const faults = FAULTS.map((fault) => `- **${fault}**: ${EXPLAINED[fault]}.`);
  return `# Reliability

What becomes of a host when something breaks in the middle of its deployment. This page is written by the tests: each cell
is a deployment to a real host (systemd, OpenSSH, a Nix store or a store without Nix), stopped in that very moment,
struck, and let go on. A test fails when one ends otherwise.

${table(["", ...MOMENTS.map((moment) => `while ${moment}`)], rows)}

\`old\` and \`new\` say which system the host has in the end, and it has it wholly: what runs, what the profile names, what boots
next, what the service answers and which secrets are in use all belong to one system, or the test fails. Then comes what
the operator was told of the host, with the [exit code](errors.md).

In every cell the next \`skep deploy\` was run with nothing cleaned up by hand, and brought the host to the wanted system.
\`lease expires\`: nobody was left to give the host's lease back, so the next deployment had to wait until it expired, at most
two minutes (or goes on at once with \`skep resume\`, or with \`--steal-lease\`).

## What was done

${faults.join("\n")}

The new system is healthy but for the last column, where its check fails and the host is on its way back. "Settled" means
that the operator has ended, or the agent on the host has done its work alone.
`;
}

function cellText({ told, exitCode, system, leaseExpired }: CellEnding): string {
  const operator = told === undefined ? "nobody told" : `${told}, ${String(exitCode)}`;
  return [system, operator, ...(leaseExpired ? ["lease expires"] : [])].join("<br>");
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}
