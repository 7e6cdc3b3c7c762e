import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { runInNewContext } from "node:vm";
import { describe, expect, it } from "vitest";
import { runCli } from "#cli";
import type { HiveInput } from "#hive";
import { parseHive, system } from "#hive";
import type { SandboxHost } from "#sandbox";
import { captureStream } from "../report/streams.ts";
import { logIn, sh } from "./log-in.ts";
import { startTypeScript } from "./typescript-process.ts";

interface Described {
  readonly folder: string;
  readonly hosts: readonly Pick<SandboxHost, "name" | "target" | "httpPort">[];
}

function skep(...args: readonly string[]): ReturnType<typeof startTypeScript> {
  const module = `
    const { runCli } = await load("#cli");
    const { stdout, stderr, env, argv } = process;
    process.exitCode = await runCli(argv.slice(1), { stdout, stderr, env, cwd: process.cwd() });`;
  return startTypeScript(module, args);
}

describe("skep sandbox", () => {
  it("keeps hosts until Ctrl-C, and then leaves nothing", async () => {
    const child = skep("sandbox", "--hosts", "web-1,db-1", "--json");
    const exited = once(child, "exit");
    let printed = "";
    for await (const line of createInterface(child.stdout)) {
      printed += line;
      if (line === "}") break;
    }
    const { folder, hosts } = JSON.parse(printed) as Described;
    expect(hosts.map(({ name }) => name)).toEqual(["web-1", "db-1"]);
    for (const host of hosts) {
      await using connection = await logIn(host as SandboxHost);
      expect((await sh(connection, 'echo "$PORT"')).stdout).toBe(`${host.httpPort}\n`);
    }
    child.kill("SIGINT");
    expect(await exited).toEqual([0, null]);
    expect(existsSync(folder)).toBe(false);
  });

  it("prints hosts to paste into a hive file, and where their ports and files are", async () => {
    const child = skep("sandbox", "--hosts", "web-1,db-1");
    const exited = once(child, "exit");
    const lines: string[] = [];
    for await (const line of createInterface(child.stdout)) {
      lines.push(line);
      if (line === "Ctrl-C ends them all.") break;
    }
    const printed = lines.join("\n");
    const block = printed.slice(0, printed.indexOf("\n},\n") + 2);
    const input = runInNewContext(`({ ${block} })`, { system }) as HiveInput;
    const hive = parseHive(input, { directory: "/fleet", file: "hive.ts" });
    expect(hive.hosts.map(({ name }) => name)).toEqual(["web-1", "db-1"]);
    for (const { name, target } of hive.hosts) {
      await using connection = await logIn({ name, target } as unknown as SandboxHost);
      const { stdout } = await sh(connection, 'echo "$SKEP_HOST $SKEP_ROOT"; echo "# its \\$PORT: $PORT"');
      expect(stdout.split("\n")[0]).toBe(`${name} ${target.root}`);
      expect(printed).toContain(stdout.split("\n")[1]);
    }
    const folder = mkdtempSync(join(tmpdir(), "skep-pasted-"));
    try {
      const server = 'require("node:http").createServer((_, answer) => answer.end("honey")).listen(process.env.PORT)';
      const exec = JSON.stringify(["/usr/bin/env", "node", "-e", server]);
      const web = `system({ units: { "web.service": service({ exec: ${exec}, environment: { PORT: 8080 } }) } })`;
      const pasted = block.replaceAll("system: system({})", `system: ${web}`).replaceAll("// checks", "checks");
      const text = `import { defineHive, http, service, system } from "skep";\nexport default defineHive({ ${pasted} });\n`;
      writeFileSync(join(folder, "hive.ts"), text);
      const [stdout, stderr] = [captureStream(), captureStream()];
      const exitCode = await runCli(["deploy", "--quiet"], { stdout, stderr, env: {}, cwd: folder });
      expect({ exitCode, stderr: stderr.text }).toEqual({
        exitCode: 0,
        stderr: expect.not.stringContaining("error") as string,
      });
    } finally {
      rmSync(folder, { recursive: true });
    }
    child.kill("SIGINT");
    expect(await exited).toEqual([0, null]);
  });

  it("says how many hosts there can be", async () => {
    const child = skep("sandbox", "--hosts", "0");
    const [stderr] = await Promise.all([child.stderr.setEncoding("utf8").toArray(), once(child, "exit")]);
    expect(stderr.join("")).toContain("--hosts cannot be 0");
    expect(child.exitCode).toBe(2);
  });
});
