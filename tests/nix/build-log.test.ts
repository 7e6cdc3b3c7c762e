import { describe, expect, it } from "vitest";
import type { BuildLogLine } from "../../src/nix/build-log.ts";
import { readBuildLog } from "../../src/nix/build-log.ts";

const SITE = "/nix/store/cgxbfqp87s4dwrn97n0iacywxxr91x4x-site.drv";
const SYSTEM = "/nix/store/yq1ih0bbynmrfrqycd6kncqh3xmdi3z6-nixos-system-web-1.drv";

function json(event: object): string {
  return `@nix ${JSON.stringify(event)}`;
}

const start = (id: number, derivation: string): string =>
  json({ action: "start", id, level: 3, type: 105, fields: [derivation, "", 1, 1], text: `building '${derivation}'` });
const say = (id: number, line: string): string => json({ action: "result", id, type: 101, fields: [line] });
const error = (msg: string): string => json({ action: "msg", level: 0, msg });

// As Nix 2.8.0 and Nix 2.26.3 print it.
const FAILED = `\u001b[31;1merror:\u001b[0m builder for '\u001b[35;1m${SITE}\u001b[0m' failed with exit code 3`;
const FAILED_WITH_EXCERPT = `${FAILED};\n       last 10 log lines:\n       > line 24\n       > line 25\n       For full logs, run 'nix log'`;
// As Nix 2.31 words it.
const CANNOT_BUILD = `error: Cannot build '${SITE}'.\n       Reason: builder failed with exit code 3.\n       Last 2 log lines:\n       > line 24\n       > line 25`;
const DEPENDENCY = `\u001b[31;1merror:\u001b[0m 1 dependencies of derivation '${SYSTEM}' failed to build`;

describe("readBuildLog()", () => {
  it("tells which derivation printed each line, also when builds run at once", () => {
    const lines: BuildLogLine[] = [];
    const log = readBuildLog((line) => lines.push(line));
    for (const line of [start(1, SITE), start(2, SYSTEM), say(2, "linking"), say(1, "\u001b[1mmaking\u001b[0m site")]) {
      log.write(line);
    }
    expect(lines).toEqual([
      { derivation: SYSTEM, name: "nixos-system-web-1", line: "linking" },
      { derivation: SITE, name: "site", line: "making site" },
    ]);
    expect(log.failure).toBeUndefined();
  });

  it.each([
    ["as it is", FAILED],
    ["without Nix's shorter excerpt of the log", FAILED_WITH_EXCERPT],
  ])("keeps the last 20 lines of the derivation that failed, and the message %s", (_how, message) => {
    const log = readBuildLog();
    log.write(start(1, SITE));
    log.write(start(2, SYSTEM));
    for (let line = 1; line <= 25; line += 1) log.write(say(1, `line ${String(line)}`));
    log.write(say(2, "something else"));
    log.write(error(message));
    log.write(json({ action: "stop", id: 1 }));
    log.write(error(DEPENDENCY));
    expect(log.failure).toEqual({
      message: `builder for '${SITE}' failed with exit code 3`,
      derivation: SITE,
      name: "site",
      lines: Array.from({ length: 20 }, (_, index) => `line ${String(index + 6)}`),
    });
  });

  it("reads the words of newer Nix", () => {
    const log = readBuildLog();
    log.write(start(1, SITE));
    log.write(say(1, "line 25"));
    log.write(error(CANNOT_BUILD));
    expect(log.failure).toEqual({
      message: `Cannot build '${SITE}'.\n       Reason: builder failed with exit code 3.`,
      derivation: SITE,
      name: "site",
      lines: ["line 25"],
    });
  });

  it("takes errors that name no derivation, and errors in plain text", () => {
    const log = readBuildLog();
    log.write("error: cannot open connection to remote store 'daemon'");
    expect(log.failure).toEqual({ message: "cannot open connection to remote store 'daemon'", lines: [] });
  });

  it("is not confused by what is no log", () => {
    const log = readBuildLog(() => {
      throw new Error("nothing was printed");
    });
    const noise = [
      "",
      "@nix",
      "@nix {",
      "@nix null",
      "@nix []",
      "plain",
      say(9, "of no build"),
      json({ action: "start", id: 1, type: 105 }),
    ];
    for (const line of [...noise, json({ action: "result", id: 1, type: 101, fields: "x" })]) log.write(line);
    expect(log.failure).toBeUndefined();
  });
});
