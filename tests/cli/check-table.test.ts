import { expect, it } from "vitest";
import { parseHive, system, unit } from "#hive";
import { createCheckTable } from "../../src/cli/check/check-table.ts";

it("the table of checks takes errors and journals of hosts for text", () => {
  const { hosts } = parseHive(
    { hosts: { "web-1": { system: system({}), checks: [unit("web.service")] } } },
    { directory: "/fleet" },
  );
  const said = "\u001b]0;taken\u0007\u001b[2Jdone";
  const table = createCheckTable(hosts, { colors: false });
  const lines = hosts.flatMap((host) => [
    ...table.linesOf({ host, error: { code: "ssh/login", message: `refused: ${said}` } }),
    ...host.checks.flatMap((check) =>
      table.linesOf({
        host,
        results: [
          {
            ...{ check, passed: false, excused: false, failedInSoak: false, attempts: 1, restarts: 0 },
            ...{ lastSeen: ["failed"], details: [said], look: undefined },
          },
        ],
      }),
    ),
  ]);
  expect(lines.map((line) => line.trim())).toEqual([
    "web-1  unknown  refused: done",
    "web-1  failed   unit web.service  failed",
    "done",
  ]);
});
