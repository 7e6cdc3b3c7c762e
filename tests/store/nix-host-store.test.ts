import { describe, expect, it } from "vitest";
import type { CommandChannel } from "#core";
import { openNixHostStore } from "#store";
import { madeUpNars, pathInfo } from "./closures.ts";
import type { FakeHost } from "./fake-serve.ts";
import { makeFakeHost } from "./fake-serve.ts";

const infos = Array.from({ length: 40 }, (_, index) => pathInfo(`unit-${index}`, [], 1_000_000));

describe("openNixHostStore()", () => {
  it("lets further channels end their work when the first has done its own", async () => {
    const host = makeFakeHost({
      queryDelayMs: 60,
      beforeAnswer: (_path, channel) => new Promise((resolve) => setTimeout(resolve, channel === 0 ? 0 : 150)),
    });
    await using store = await openNixHostStore({ openChannel: (signal) => Promise.resolve(openUntil(signal, host)) });
    using nars = madeUpNars.openReader();
    let acknowledged = 0;
    await store.addPaths(infos, { nars, onProgress: ({ paths }) => (acknowledged += paths) });
    expect(host.channels).toBe(8);
    expect(acknowledged).toBe(40);
  });

  it("takes no more channels to a host that is slow to answer but near", async () => {
    const host = makeFakeHost({ queryDelayMs: 60 });
    await using store = await openNixHostStore({ openChannel: () => Promise.resolve(host.open()), roundTripMs: 1 });
    using nars = madeUpNars.openReader();
    await store.addPaths(infos, { nars });
    expect(host.channels).toBe(1);
  });
});

/** A channel that ends with the signal it was opened with, as those over SSH do. */
function openUntil(signal: AbortSignal | undefined, host: FakeHost): CommandChannel {
  const channel = host.open();
  signal?.addEventListener("abort", () => void channel[Symbol.asyncDispose]());
  return channel;
}
