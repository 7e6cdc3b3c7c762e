import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";

const FOLDER = join(import.meta.dirname, "../../src/activation");
const SHELLS = [
  { program: "dash", args: [] },
  { program: "busybox", args: ["sh"] },
  { program: "bash", args: ["--posix"] },
];

/** Every exported or internal script of the layer, as the hosts get it. */
async function scripts(): Promise<[name: string, text: string][]> {
  const found: [string, string][] = [];
  for (const file of readdirSync(FOLDER).filter((name) => name.endsWith(".ts"))) {
    const module = (await import(join(FOLDER, file))) as Record<string, unknown>;
    for (const [name, value] of Object.entries(module)) {
      if (typeof value === "string" && /_(SCRIPT|FUNCTIONS)$/.test(name)) found.push([`${file} ${name}`, value]);
    }
  }
  return found;
}

describe("the scripts that run on hosts", () => {
  it("are found by this test", async () => {
    expect((await scripts()).length).toBeGreaterThan(7);
  });

  it.each(SHELLS)("are POSIX sh to $program", async ({ program, args }) => {
    if (spawnSync(program, [...args, "-c", "true"]).status !== 0) return;
    for (const [name, text] of await scripts()) {
      const { stderr, status } = spawnSync(program, [...args, "-n"], { input: text, encoding: "utf8" });
      expect({ name, stderr, status }).toEqual({ name, stderr: "", status: 0 });
    }
  });
});
