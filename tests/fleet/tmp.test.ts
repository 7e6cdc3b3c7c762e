import { expect, it } from "vitest";
import { startFleet } from "./harness/index.ts";
it("no nix", async () => {
  await using fleet = await startFleet([
    { name: "plain", suite: "bookworm-without-nix" },
    { name: "b", suite: "bookworm" },
  ]);
  const [h, b] = [fleet.host("plain"), fleet.host("b")];
  expect((await h.ssh(["sh", "-c", "command -v nix-store; age --version; id deploy; ls /nix"])).stdout).toBe("");
  expect((await b.ssh(["sh", "-c", "ls /nix/var/nix; cat /etc/nix/nix.conf"])).stdout).toBe("");
});
