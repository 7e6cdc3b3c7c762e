import { Writable } from "node:stream";
import { describe, expect, it } from "vitest";
import type { Host } from "#hive";
import { prefixOutput } from "../../src/cli/operations/prefix-output.ts";

describe("prefixOutput()", () => {
  it("waits for who reads slowly, with no more listeners than one wait needs, and leaves none", async () => {
    const lines: string[] = [];
    const listeners: number[] = [];
    const events = ["drain", "close", "error"] as const;
    const listenersOf = (stream: Writable): number => Math.max(...events.map((event) => stream.listenerCount(event)));
    const stdout: Writable = new Writable({
      highWaterMark: 1,
      write(chunk: Buffer, _encoding, done) {
        lines.push(chunk.toString());
        listeners.push(listenersOf(stdout));
        setImmediate(done);
      },
    });
    const before = listenersOf(stdout);
    const hosts = Array.from({ length: 20 }, (_, index) => ({ name: `web-${index}` })) as unknown as readonly Host[];
    const output = prefixOutput(hosts, { stdout, stderr: stdout, env: {}, cwd: "" });
    const print = async (host: Host): Promise<void> => {
      for (let line = 0; line < 20; line += 1) {
        await output.take(host, { stream: "stdout", chunk: Buffer.from(`line ${line}\n`) });
      }
      await output.end({ host, durationMs: 1, ended: "exited", exitCode: 0 });
    };
    await Promise.all(hosts.map(print));
    expect(lines).toHaveLength(400);
    expect(Math.max(...listeners)).toBeLessThan(5);
    expect(listenersOf(stdout)).toBe(before);
  });
});
