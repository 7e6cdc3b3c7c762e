import { Writable } from "node:stream";
import { setImmediate } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { reportRun } from "./report-run.ts";
import { captureStream } from "./streams.ts";
import { typicalRun } from "./typical-run.ts";

const brokenPipe = (): Writable =>
  new Writable({
    write(_chunk, _encoding, callback) {
      callback(new Error("EPIPE"));
    },
  });

describe("output", () => {
  it("that nobody reads any more ends neither the run nor the process, and takes nothing from the other stream", async () => {
    const stdout = brokenPipe();
    const stderr = captureStream();
    await reportRun(typicalRun(), { format: "ndjson", stdout, stderr });
    // The stream tells its failure a little later; a listener must be there still.
    expect(stdout.listenerCount("error")).toBe(1);
    await setImmediate();
    expect(stderr.text).toContain("switch: 1 deployed, 1 unchanged, 1 rolled back in 42 s\n");
  });

  it("is waited for until the slowest reader has taken it all", async () => {
    const taken: string[] = [];
    const stdout = new Writable({
      highWaterMark: 1,
      decodeStrings: false,
      write(chunk: string, _encoding, callback) {
        taken.push(chunk);
        setTimeout(callback, 1);
      },
    });
    await reportRun(typicalRun(), { format: "ndjson", stdout });
    expect(taken.join("").trimEnd().split("\n")).toHaveLength(typicalRun().length);
  });

  it("is left without listeners", async () => {
    const stdout = captureStream();
    await reportRun(typicalRun(), { stdout });
    expect(stdout.listenerCount("error")).toBe(0);
  });
});
