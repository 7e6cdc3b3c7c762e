import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { openScene } from "./scene.ts";

describe("identities", () => {
  it("are those of --identity, else of SKEP_IDENTITY, else of the usual places", async () => {
    using scene = openScene();
    scene.rules({ admins: { alice: scene.recipient("alice"), bob: scene.recipient("bob-age") }, rules: { token: {} } });
    expect(await scene.skep(["add", "token"], { input: "t0ken" })).toMatchObject({ exitCode: 0 });
    const view = (argv: readonly string[], env: Readonly<Record<string, string>>) =>
      scene.skep(["view", "token", ...argv], { env: { HOME: scene.folder, ...env } });
    const nobody = await view([], {});
    expect(nobody).toMatchObject({ exitCode: 4 });
    expect(nobody.stderr).toContain("tried nothing: there is no identity");
    expect(nobody.stderr).toContain("give one with --identity or SKEP_IDENTITY");
    // Of several any will do; an empty variable names none.
    const both = `${scene.identity("mallory")}:${scene.identity("alice")}`;
    expect(await view([], { SKEP_IDENTITY: both })).toMatchObject({ exitCode: 0, stdout: "t0ken" });
    expect(await view([], { SKEP_IDENTITY: scene.identity("mallory") })).toMatchObject({ exitCode: 4 });
    expect(await view(["-i", scene.identity("alice")], { SKEP_IDENTITY: "/no/such/file" })).toMatchObject({
      exitCode: 0,
    });
    const missing = await view([], { SKEP_IDENTITY: "no-such-file" });
    expect(missing).toMatchObject({ exitCode: 4 });
    expect(missing.stderr).toContain("no-such-file");
    expect(missing.stderr).toContain("skep: hint: SKEP_IDENTITY names it");
    const bob = readFileSync(scene.identity("bob-age"), "utf8");
    scene.write(".config/skep/identity.txt", bob);
    expect(await view([], { SKEP_IDENTITY: "" })).toMatchObject({ exitCode: 0, stdout: "t0ken" });
    expect(await view([], { XDG_CONFIG_HOME: `${scene.folder}/elsewhere` })).toMatchObject({ exitCode: 4 });
    scene.write("elsewhere/skep/identity.txt", bob);
    expect(await view([], { XDG_CONFIG_HOME: `${scene.folder}/elsewhere` })).toMatchObject({ exitCode: 0 });
  });
});
