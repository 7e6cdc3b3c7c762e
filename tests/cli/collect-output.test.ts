import { setImmediate } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, it } from "vitest";
import { parseHive, system } from "#hive";
import { collectOutput } from "../../src/cli/operations/collect-output.ts";
import { captureStream } from "../report/streams.ts";

it("what a host prints beyond the first MiB is not kept in memory", async () => {
  setFlagsFromString("--expose-gc");
  const collectGarbage = runInNewContext("gc") as () => void;
  const { hosts } = parseHive({ hosts: { "web-1": { system: system({}) } } }, { directory: "/fleet" });
  const sink = collectOutput({ stdout: captureStream() });
  const take = async (bytes: number): Promise<WeakRef<ArrayBufferLike>> => {
    const chunk = Buffer.alloc(bytes);
    for (const host of hosts) await sink.take(host, { stream: "stdout", chunk });
    return new WeakRef(chunk.buffer);
  };
  const kept = await take(1024 * 1024);
  const beyond = await Promise.all(Array.from({ length: 10 }, () => take(64 * 1024)));
  await setImmediate();
  collectGarbage();
  expect(kept.deref()).toBeDefined();
  expect(beyond.filter((chunk) => chunk.deref() !== undefined)).toEqual([]);
});
