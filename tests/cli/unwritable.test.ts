import { spawn } from "node:child_process";
import { mkdtempSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { text } from "node:stream/consumers";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { runCli } from "#cli";
import { captureStream } from "../report/streams.ts";
import { typicalRun } from "../report/typical-run.ts";
import { writeRun } from "./write-run.ts";

const ROOT = dirname(dirname(import.meta.dirname));
const RUN = "20260131-142501-3f9a";
const HIVE = `import { defineHive, http, system } from "skep";
export default defineHive({
  hosts: Object.fromEntries(
    Array.from({ length: 200 }, (_, at) => [
      \`web-\${at}\`,
      { target: \`root@127.0.0.1:\${at + 1}\`, system: system({}), tags: ["a-tag-that-makes-it-long"], checks: [http({ port: 8080 })] },
    ]),
  ),
});
`;

/** `src/cli/main.ts`, from its sources. */
const MAIN = `
import { readdirSync } from "node:fs";
import { createJiti } from "jiti";
const doors = readdirSync("src", { withFileTypes: true }).filter((entry) => entry.isDirectory());
const alias = Object.fromEntries(doors.map(({ name }) => ["#" + name, process.cwd() + "/src/" + name + "/index.ts"]));
const main = process.cwd() + "/src/cli/main.ts";
const [folder] = process.argv.splice(1, 1, "skep");
process.chdir(folder);
await createJiti(main, { alias }).import(main);
`;

describe("what cannot be written", () => {
  let folder = "";
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "skep-unwritable-"));
    writeFileSync(join(folder, "hive.ts"), HIVE);
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  /** The program itself, in a process of its own. `$@` in the script is its command line. */
  function start(script: string, ...argv: readonly string[]) {
    const node = [process.execPath, "--conditions=skep-source", "--input-type=module", "-e", MAIN, "--", folder];
    const child = spawn("sh", ["-c", script, "sh", ...node, ...argv], { cwd: ROOT, stdio: ["ignore", "pipe", "pipe"] });
    const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
    return { child, ended, stderr: text(child.stderr) };
  }
  async function skep(...argv: string[]) {
    const [stdout, stderr] = [captureStream(), captureStream()];
    const exitCode = await runCli(argv, { stdout, stderr, env: {}, cwd: folder });
    return { exitCode, stdout: stdout.text, stderr: stderr.text };
  }

  it("to standard output is told, and costs the exit code 0", async () => {
    const { ended, stderr } = start('exec "$@" > /dev/full', "hosts");
    expect(await stderr).toBe(
      "skep: error: cannot write to standard output: no space left on device [cli/output]\n" +
        "skep: hint: what it got is not whole\n",
    );
    expect(await ended).toBe(1);
  });

  it("because the reader had enough is not told", async () => {
    const { child, ended, stderr } = start('exec "$@"', "hosts", "--json");
    child.stdout.once("data", () => child.stdout.destroy());
    expect({ exitCode: await ended, stderr: await stderr }).toEqual({ exitCode: 0, stderr: "" });
  });

  it("to a watch's reader ends the watch", async () => {
    const argv = ["check", "--watch", "--every", "100ms", "--on", "web-1", "--json"];
    const { child, ended } = start('exec "$@"', ...argv);
    child.stdout.destroy();
    expect(await ended).toBe(5);
  });

  it("to a file is told with the file and the reason, and nothing is left of it", async () => {
    await writeRun(RUN, typicalRun(), { directory: folder });
    mkdirSync(join(folder, "taken"));
    writeFileSync(join(folder, "file"), "");
    expect(await skep("report", RUN, "--html", "taken")).toEqual({
      exitCode: 1,
      stdout: "",
      stderr: expect.stringMatching(
        /^skep: error: cannot write the report to \/.*\/taken: illegal operation on a directory \[cli\/file\]\nskep: hint: name a place/,
      ) as string,
    });
    const { exitCode, stderr } = await skep("report", RUN, "--junit", "file/run.xml");
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(
      /cannot write the report to .*\/file\/run.xml: (not a directory|a file is where its folder should be) \[cli\/file\]/,
    );
    expect(readdirSync(folder).filter((name) => name.endsWith(".tmp"))).toEqual([]);
  });

  it("as the plan asks, with an error of the file", async () => {
    mkdirSync(join(folder, "taken"));
    const { exitCode, stderr } = await skep("plan", "--on", "web-1", "--out", "taken");
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(
      /skep: error: cannot write the plan to .*\/taken: illegal operation on a directory \[cli\/file\]/,
    );
  });

  it("below a folder that takes none ends at once", async () => {
    const { exitCode, stderr } = await skep("plan", "--quiet", "--on", "web-1", "--out", "/proc/no-such/plan.json");
    expect(exitCode).toBe(1);
    expect(stderr).toContain(
      "skep: error: cannot write the plan to /proc/no-such/plan.json: no such file or directory [cli/file]\n" +
        "skep: hint: name a place that you may write to\n",
    );
  });

  it.each([
    ["plan", "--out", "--json prints the plan to standard output"],
    ["report", "--html", "without a file it goes to standard output"],
    ["deploy", "--junit", "name a file; skep report --junit prints it afterwards"],
  ])("is not taken for a dash: %s %s -", async (command, option, hint) => {
    expect(await skep(command, option, "-")).toEqual({
      exitCode: 2,
      stdout: "",
      stderr: `skep: error: ${option} takes the name of a file, not "-" [cli/usage]\nskep: hint: ${hint}\n`,
    });
    expect(readdirSync(folder)).not.toContain("-");
  });

  it("as a run's report leaves the run as it is, and costs the exit code 0", async () => {
    mkdirSync(join(folder, "taken"));
    const built = await skep("build", "--on", "web-1", "--junit", "taken", "--quiet");
    expect(built.exitCode).toBe(1);
    expect(built.stdout).toMatch(/^web-1 \/nix\/store\//);
    expect(built.stderr).toMatch(/^skep: error: cannot write the report .*\/taken: illegal .* \[report\/file\]$/m);
  });
});
