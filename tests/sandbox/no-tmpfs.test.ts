import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parseHive, system } from "#hive";
import { rollOut } from "#rollout";
import type { Sandbox } from "#sandbox";
import { startSandbox, twinsOf } from "#sandbox";
import { noticeOfSecrets } from "../../src/cli/sandbox/stand-in-source.ts";

const { hosts, ...hive } = parseHive(
  {
    hosts: {
      "db-1": { system: system({ etc: { motd: "hello" } }), secrets: { "db/password": {} } },
      "web-1": { system: system({}) },
    },
  },
  { directory: "/hive" },
);

describe("a sandbox on a machine without a tmpfs", () => {
  let sandbox: Sandbox;
  beforeAll(async () => {
    sandbox = await startSandbox({ hosts: ["db-1", "web-1"], tmpfs: false });
  });
  afterAll(() => sandbox[Symbol.asyncDispose]());

  it("installs no secrets, says on which hosts, and deploys everything else", { timeout: 60_000 }, async () => {
    expect(sandbox.holdsSecrets).toBe(false);
    expect(noticeOfSecrets(hosts, sandbox)).toMatch(/^this machine has no tmpfs.* on db-1 none are installed/);
    const twins = await twinsOf(hosts, sandbox);
    expect(twins.map(({ secrets }) => secrets)).toEqual([[], []]);
    const never = new AbortController().signal;
    const report = await rollOut(
      { ...hive, hosts },
      { goal: "switch", hosts: twins, onEvent: () => undefined, stop: never, leave: never },
    );
    expect(report.hosts.map(({ outcome }) => outcome)).toEqual(["deployed", "deployed"]);
    const file = join(sandbox.host("db-1").root, "run/skep/secrets/db/password");
    expect(await readFile(file, "utf8")).toBe("stand-in for db/password\n");
  });

  it("is told of nothing where no host has secrets", () => {
    expect(noticeOfSecrets(hosts.slice(1), sandbox)).toBeUndefined();
  });
});
