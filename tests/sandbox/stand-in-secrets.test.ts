import { join } from "node:path";
import { writeFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { nixos, parseHive } from "#hive";
import { sandboxTwin, standInSecrets } from "#sandbox";
import { logIn, sh } from "./log-in.ts";

const system = nixos({ storePath: "/nix/store/0c0zk2j2r9y3bmzyr5ihsz2bxy7wqa9c-system" });
const hive = parseHive(
  {
    hosts: {
      "web-1": { target: "192.0.2.1", system, secrets: { "tls/key": { mode: "0440" }, token: {} } },
      "db-1": { target: "192.0.2.2", system, secrets: { token: { open: "operator" } } },
      "edge-1": { target: "192.0.2.3", system },
    },
  },
  { directory: "/fleet", file: "hive.ts" },
);

describe("standInSecrets()", () => {
  it("makes a secret for each of a host's, which that host alone opens", async () => {
    await using twin = await sandboxTwin(hive.hosts);
    const secrets = await standInSecrets(twin.hosts, twin.sandbox);
    const names = [...secrets].map(([name, files]) => [name, [...files.keys()]]);
    expect(Object.fromEntries(names)).toEqual({ "web-1": ["tls/key", "token"], "db-1": ["token"], "edge-1": [] });
    for (const [name, files] of secrets) {
      for (const [secret, file] of files) {
        for (const host of twin.sandbox.hosts) {
          await writeFile(join(host.root, "secret.age"), file);
          await using connection = await logIn(host);
          const { stdout } = await sh(connection, "age -d -i etc/ssh/ssh_host_ed25519_key secret.age");
          expect(stdout).toBe(host.name === name ? `stand-in for ${secret}\n` : "");
        }
      }
    }
  });
});
