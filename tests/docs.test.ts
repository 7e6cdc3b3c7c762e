import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { activationErrorCodes } from "#activation";
import { cliErrorCodes, EXIT_CODES } from "#cli";
import { healthErrorCodes } from "#health";
import { hiveErrorCodes, parseHive, system } from "#hive";
import { nativeErrorCodes } from "#native";
import { nixErrorCodes } from "#nix";
import { eventsJsonSchema, EVENTS_VERSION, reportErrorCodes } from "#report";
import { rolloutErrorCodes } from "#rollout";
import { sandboxErrorCodes } from "#sandbox";
import { secretsErrorCodes } from "#secrets";
import { simulationErrorCodes } from "#simulation";
import { sshErrorCodes } from "#ssh";
import { storeErrorCodes } from "#store";
import type { Schema } from "./report/events-page.ts";
import { eventsPage } from "./report/events-page.ts";
import { commandsPage } from "./commands-page.ts";

/** Rewrites the pages that are made from the code: `UPDATE_DOCS=1 npm run test:unit`. */
const UPDATE = process.env.UPDATE_DOCS === "1";

const FILE = join(import.meta.dirname, "../docs/errors.md");

const COMMANDS_FILE = join(import.meta.dirname, "../docs/commands.md");

const LAYERS = {
  "The command line": cliErrorCodes,
  "The hive": hiveErrorCodes,
  "Evaluating and building with Nix": nixErrorCodes,
  "Systems written in TypeScript": nativeErrorCodes,
  SSH: sshErrorCodes,
  Secrets: secretsErrorCodes,
  "Stores and copying": storeErrorCodes,
  "Activation on the host": activationErrorCodes,
  "Health checks": healthErrorCodes,
  "The rollout": rolloutErrorCodes,
  Reports: reportErrorCodes,
  "Sandbox hosts": sandboxErrorCodes,
  Simulation: simulationErrorCodes,
};

describe("docs/errors.md", () => {
  it("lists every exit code and every error code, as the code has them (UPDATE_DOCS=1 rewrites it)", () => {
    if (UPDATE) writeFileSync(FILE, errorsPage());
    expect(readFileSync(FILE, "utf8")).toBe(errorsPage());
  });

  it("has no code twice", () => {
    const codes = Object.values(LAYERS).flatMap((catalogue) => Object.keys(catalogue));
    expect(codes.filter((code, index) => codes.indexOf(code) !== index)).toEqual([]);
  });
});

describe("docs/deploying.md", () => {
  it("has the defaults of a host's activation", () => {
    const host = { system: system({}) };
    const [web] = parseHive({ hosts: { "web-1": host } }, { directory: "/" }).hosts;
    expect(web?.activation).toEqual({ timeoutMs: 5 * 60_000, confirmTimeoutMs: 30_000 });
    const page = readFileSync(join(import.meta.dirname, "../docs/deploying.md"), "utf8").replaceAll("\n", " ");
    expect(page).toContain("`timeout` (5 minutes)");
    expect(page).toContain("`confirmTimeout` (30 seconds more than the slowest of the host's checks may take");
  });
});

describe("docs/operating.md", () => {
  it("has the states of skep status in the order in which its help and the program have them", () => {
    const page = readFileSync(join(import.meta.dirname, "../docs/operating.md"), "utf8");
    const table = page.slice(page.indexOf("| State, the first that fits |"));
    const ofPage = [...table.slice(0, table.indexOf("\n\n")).matchAll(/^\| `(\w+)` \|/gm)].map(([, state]) => state);
    const help =
      readFileSync(COMMANDS_FILE, "utf8").split("States, of which a host has the first that fits:\n")[1] ?? "";
    const ofHelp = [...help.slice(0, help.indexOf("```")).matchAll(/^ {2}(\w+) /gm)].map(([, state]) => state);
    expect(ofPage).toEqual(["unreachable", "deploying", "drift", "unknown", "unwell", "ok"]);
    expect(ofHelp).toEqual(ofPage);
  });
});

describe("docs/events.md and docs/events.schema.json", () => {
  const schema = eventsJsonSchema() as Schema;
  it.each([
    ["events.schema.json", `${JSON.stringify(schema, null, 2)}\n`],
    ["events.md", eventsPage(schema, EVENTS_VERSION)],
  ])("%s tells of the events as the code has them (UPDATE_DOCS=1 rewrites it)", (name, text) => {
    const file = join(import.meta.dirname, "../docs", name);
    if (UPDATE) writeFileSync(file, text);
    expect(readFileSync(file, "utf8")).toBe(text);
  });
});

describe("docs/commands.md", () => {
  it("has every command, argument, option and example, as the parser has them (UPDATE_DOCS=1 rewrites it)", () => {
    if (UPDATE) writeFileSync(COMMANDS_FILE, commandsPage());
    expect(readFileSync(COMMANDS_FILE, "utf8")).toBe(commandsPage());
  });
});

function errorsPage(): string {
  const sections = Object.entries(LAYERS).map(
    ([title, catalogue]) => `## ${title}\n\n${table("Code", "When it happens", codeRows(catalogue))}`,
  );
  return `# Exit codes and error codes

This page is made from the code; a test keeps it so.

## Exit codes

The worst host decides.

${table("Exit code", "Meaning", codeRows(EXIT_CODES))}

An error is printed as \`skep: error: HOST: what was attempted, and why it failed [code]\`, followed by
\`skep: hint: what to do\` where there is something to be done. The codes are stable: scripts may match on them.

${sections.join("\n\n")}
`;
}

function codeRows(catalogue: Readonly<Record<string, string>>): string[][] {
  return Object.entries(catalogue).map(([code, text]) => [`\`${code}\``, text]);
}

function table(left: string, right: string, rows: readonly (readonly string[])[]): string {
  return [`| ${left} | ${right} |`, "| --- | --- |", ...rows.map((cells) => `| ${cells.join(" | ")} |`)].join("\n");
}
