import { describe, expect, it } from "vitest";
import type { Nix } from "#nix";
import { runNix } from "../../src/nix/run-nix.ts";
import { startNix } from "../../src/nix/start-nix.ts";

// The runner starts any program: what Nix's own would do is played by sh.
const nix: Nix = { version: "2.8.0", environment: process.env };

describe("runNix()", () => {
  it("hands over the argv as it is, with no shell in between", async () => {
    const words = ["a b", "$HOME", "`id`", "'", '"', "*", "", "\\", "x\ny"];
    const result = await runNix(nix, ["printf", "%s|", ...words]);
    expect(result).toMatchObject({ exit: { exitCode: 0 }, stdout: `${words.join("|")}|` });
  });

  it("reports a failure as a result, with the last lines of standard error", async () => {
    const lines: string[] = [];
    const result = await runNix(nix, ["sh", "-c", "seq 1000 >&2; printf '\\033[1mlast\\033[0m' >&2; exit 3"], {
      onStderrLine: (line) => lines.push(line),
    });
    expect(result.exit).toEqual({ exitCode: 3 });
    expect(result.stderr.split("\n")).toHaveLength(400);
    expect(result.stderr.endsWith("\nlast")).toBe(true);
    expect(lines).toHaveLength(1_001);
  });

  it("tells the signal that ended the program", async () => {
    const result = await runNix(nix, ["sh", "-c", "kill -9 $$"]);
    expect(result.exit).toEqual({ exitCode: null, signal: "SIGKILL" });
  });

  it("ends the program when the signal aborts, and throws its reason", async () => {
    const controller = new AbortController();
    const reason = new Error("Ctrl-C");
    let pid = 0;
    const running = runNix(nix, ["sh", "-c", "echo $$ >&2; exec sleep 600"], {
      signal: controller.signal,
      onStderrLine(line) {
        pid = Number(line);
        controller.abort(reason);
      },
    });
    await expect(running).rejects.toBe(reason);
    expect(() => process.kill(pid, 0)).toThrow("ESRCH");
  });

  it("kills a program that does not end when asked to, and leaves its children's streams behind", async () => {
    const controller = new AbortController();
    const children: number[] = [];
    const running = runNix(nix, ["sh", "-c", "trap '' TERM; sleep 600 & echo $! >&2; wait; sleep 600"], {
      signal: controller.signal,
      onStderrLine(line) {
        children.push(Number(line));
        controller.abort(new Error("Ctrl-C"));
      },
    });
    await expect(running).rejects.toThrow("Ctrl-C");
    for (const child of children) process.kill(child, "SIGKILL");
  });

  it("gives up at its deadline", async () => {
    await expect(runNix(nix, ["sleep", "600"], { timeoutMs: 50 })).rejects.toMatchObject({ code: "nix/timeout" });
  });

  it("starts nothing once the signal aborted", async () => {
    const signal = AbortSignal.abort(new Error("too late"));
    await expect(runNix(nix, ["no-such-program"], { signal })).rejects.toThrow("too late");
  });
});

describe("startNix()", () => {
  it("lets a program whose output was held end once it is released, and throws the output away", async () => {
    const running = startNix(nix, ["sh", "-c", "head -c 4194304 /dev/zero; echo end >&2"], { holdOutput: true });
    running.releaseOutput();
    expect(await running.exited).toMatchObject({ exit: { exitCode: 0 }, stdout: "", stderr: "end" });
  });
});
