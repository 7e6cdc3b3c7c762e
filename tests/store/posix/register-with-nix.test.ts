import { spawnSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { copyClosure, openPosixHostStore, registerWithNix, sharedNarSource, makeClosure } from "#store";
import { noNix, openRealStore } from "../real-store.ts";
import { localHostRunner, openLocalHost } from "./local-hosts.ts";

const NIX_CONFIG = "build-users-group =\nsubstituters =\nexperimental-features = nix-command";

describe.skipIf(noNix)("registerWithNix()", () => {
  it("gives Nix a store that it verifies, with hashes, references and sizes", { timeout: 60_000 }, async () => {
    await using real = await openRealStore();
    const [text] = await real.addTexts('[ (builtins.toFile "unit" (builtins.toFile "conf" "port=80")) ]');
    const folder = await real.add(import.meta.dirname);
    const infos = await real.pathInfos([text!, folder]);
    await using host = await openLocalHost();
    const narSource = sharedNarSource({ locate: real.locate });
    for (const toplevel of [text!, folder]) {
      await using store = await openPosixHostStore(host);
      await copyClosure(makeClosure(toplevel, infos), store, { narSource });
    }

    const kind = { name: "with Nix", path: process.env.PATH ?? "", unavailable: undefined };
    const runner = localHostRunner(kind, { env: { NIX_CONFIG } });
    expect(await registerWithNix(runner, host)).toBe(infos.length);
    const nixStore = (...args: string[]) =>
      spawnSync("nix-store", ["--store", host.root, ...args], {
        env: { ...process.env, NIX_CONFIG },
        encoding: "utf8",
      });
    const verified = nixStore("--verify", "--check-contents");
    expect({ status: verified.status, errors: /error|mismatch|modified/.exec(verified.stderr)?.[0] }).toEqual({
      status: 0,
      errors: undefined,
    });
    expect(nixStore("--query", "--references", text!).stdout.trim()).toBe(
      infos.find(({ path }) => path === text)?.references.join("\n"),
    );
    expect(nixStore("--check-validity", ...infos.map(({ path }) => path)).status).toBe(0);
    expect(nixStore("--query", "--size", folder).stdout.trim()).toBe(
      String(infos.find(({ path }) => path === folder)?.narSize),
    );
  });
});
