import { spawnSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import * as agent from "../../src/activation/agent.ts";
import { AGENT_SCRIPT } from "../../src/activation/agent-script.ts";
import { PROTECT_SCRIPT } from "../../src/activation/gc-roots.ts";
import * as lease from "../../src/activation/lease.ts";
import { PLAN_SCRIPT } from "../../src/activation/plan-facts.ts";
import { PROBE_SCRIPT } from "../../src/activation/probe-host.ts";
import { INSTALL_SCRIPT } from "../../src/activation/secrets/install-script.ts";
import { START_SCRIPT } from "../../src/activation/start-agent.ts";
import { KEEPER_SCRIPT } from "../../src/activation/secrets/keeper-script.ts";

const SHELLS = [
  { program: "dash", args: [] },
  { program: "busybox", args: ["sh"] },
  { program: "bash", args: ["--posix"] },
];

const SCRIPTS = Object.entries({
  ...agent,
  START_SCRIPT,
  AGENT_SCRIPT,
  PLAN_SCRIPT,
  PROBE_SCRIPT,
  PROTECT_SCRIPT,
  INSTALL_SCRIPT,
  KEEPER_SCRIPT,
  ...lease,
}).flatMap(([name, text]) => (typeof text === "string" ? [{ name, text }] : []));

describe("the scripts that run on hosts", () => {
  it("are found by this test", () => {
    expect(SCRIPTS.length).toBeGreaterThanOrEqual(14);
  });

  it.each(SHELLS)("are POSIX sh to $program", ({ program, args }) => {
    if (spawnSync(program, [...args, "-c", "true"]).status !== 0) return;
    for (const { name, text } of SCRIPTS) {
      const { stderr, status } = spawnSync(program, [...args, "-n"], { input: text, encoding: "utf8" });
      expect({ name, stderr, status }).toEqual({ name, stderr: "", status: 0 });
    }
  });
});
