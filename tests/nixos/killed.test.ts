import { beforeEach, expect, it } from "vitest";
import { nixosHost } from "./host.ts";
import type { NixosHost } from "./host.ts";
import { needsHost } from "./tools.ts";

/** How many commands lie between two points at which a script is killed; 1 tries each. */
const STRIDE = Number(process.env.SKEP_KILL_STRIDE ?? 29);
const UNITS = ["secret-0.service", "secret-1.service", "secret-2.service"];

beforeEach(needsHost);

it.each(["open", "own"])(
  "a killed `%s` leaves the old generation or the new one, whole, and the next activation finishes the work",
  async (verb) => {
    await using host = await nixosHost("/bin/bash");
    const first = await system(host, "first");
    const second = await system(host, "second");
    const script = second.activationScripts.agenixInstall?.text.split(" ")[1] ?? "";

    const ends = new Set<string>();
    let killed = true;
    for (let command = 1; killed; command += STRIDE) {
      await host.activate(first, { action: "switch" });
      await host.units();
      if (verb === "own") await host.tell(`bash ${script} open`);

      killed = await killAt(host, command, `${script} ${verb}`);

      const found = await host.tell("cat /run/agenix/secret-*");
      expect(["first0first1first2", "second0second1second2"]).toContain(found);
      ends.add(found);
      expect(await host.activate(second, { action: "switch" })).toMatchObject({ exitCode: 0, stderr: "" });
      expect(await host.tell("cat /run/agenix/secret-* /run/copied")).toBe("second0second1second2second2");
      expect(await host.tell("ls /run/agenix.d | grep -c '^[0-9]'; ls -A /run | grep -c skep-new || :")).toBe("2\n0");
      expect([...new Set((await host.units()).restart)].sort()).toEqual(UNITS);
    }
    expect(ends.size).toBe(verb === "open" ? 2 : 1);
  },
  180_000,
);

async function system(host: NixosHost, text: string) {
  const secrets = UNITS.map(async (unit, index) => {
    const file = await host.seal(`${text}${String(index)}`);
    const path = index === 2 ? 'path = "/run/copied"; symlink = false;' : "";
    return `secret-${String(index)} = { file = ${file}; restartUnits = [ "${unit}" ]; ${path} };`;
  });
  return host.evaluate(`{ age.secrets = { ${(await Promise.all(secrets)).join(" ")} }; }`);
}

/** Runs a script with all it started killed before its nth command; whether it got so far. */
async function killAt(host: NixosHost, command: number, script: string): Promise<boolean> {
  const trap = `trap '(( ++commands == ${String(command)} )) && kill -9 0' DEBUG`;
  const run = `commands=0; set -T; ${trap}; . ${script}`;
  const { exitCode } = await host.run(`setsid --wait bash --norc -c '${run.replaceAll("'", `'\\''`)}'`, {
    NIXOS_ACTION: "switch",
  });
  const killed = exitCode === "SIGKILL" || exitCode === 137;
  if (exitCode !== 0 && !killed) throw new Error(`${script} ended with ${String(exitCode)}`);
  return killed;
}
