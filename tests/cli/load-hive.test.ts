import { mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { SkepError } from "#core";
import { loadHive } from "../../src/cli/hive/load-hive.ts";
import { writeBelow } from "../write-below.ts";

let folder = "";

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "skep-hive-"));
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

async function write(files: Readonly<Record<string, string>>): Promise<void> {
  for (const [name, content] of Object.entries(files)) await writeBelow(folder, name, content);
}

async function load(options: Partial<Parameters<typeof loadHive>[0]> = {}) {
  return loadHive({ cwd: folder, env: {}, ...options });
}

/** What loading fails with, the temporary folder shown as FOLDER. */
async function failure(options: Partial<Parameters<typeof loadHive>[0]> = {}) {
  const thrown: unknown = await load(options).then(
    () => undefined,
    (error: unknown) => error,
  );
  if (!(thrown instanceof SkepError)) throw new Error("expected a SkepError", { cause: thrown });
  const { code, message, hint } = thrown as SkepError;
  return { code: code as string, message: message.replaceAll(folder, "FOLDER"), hint };
}

const named = (name: string): string => `
  import { defineHive, nixos } from "skep";
  export default defineHive({ name: "${name}", hosts: { "web-1": { system: nixos({ flake: "." }) } } });
`;

describe("loadHive() finds the hive", () => {
  it("in the working directory, and makes its paths absolute", async () => {
    await write({ "hive.ts": named("meadow") });
    const hive = await load();
    expect(hive).toMatchObject({ name: "meadow", directory: folder });
    expect(hive.hosts[0]?.system).toEqual({ kind: "nix-flake", flake: folder, attribute: undefined });
  });

  it("in the nearest folder above it", async () => {
    await write({ "hive.ts": named("far"), "fleet/hive.ts": named("near"), "fleet/hosts/web/notes.txt": "" });
    expect(await load({ cwd: join(folder, "fleet/hosts/web") })).toMatchObject({ name: "near" });
  });

  it.each(["hive.mts", "hive.js", "hive.mjs"])("called %s", async (name) => {
    await write({ [name]: named("meadow") });
    expect(await load()).toMatchObject({ name: "meadow" });
  });

  it("called hive.ts before its other names, and passes over a folder of that name", async () => {
    await write({ "hive.mjs": named("other"), "hive.ts": named("first") });
    expect(await load()).toMatchObject({ name: "first" });
    await write({ "inner/hive.ts/notes.txt": "", "inner/hive.mjs": named("inner") });
    expect(await load({ cwd: join(folder, "inner") })).toMatchObject({ name: "inner" });
  });

  it("that --hive names before the one SKEP_HIVE names before the one that is near", async () => {
    await write({ "hive.ts": named("near"), "a/fleet.ts": named("by option"), "b/fleet.ts": named("by environment") });
    const env = { SKEP_HIVE: "b/fleet.ts" };
    expect(await load({ env, file: "a/fleet.ts" })).toMatchObject({ name: "by option", directory: join(folder, "a") });
    expect(await load({ env })).toMatchObject({ name: "by environment" });
    expect(await load({ env: { SKEP_HIVE: "" } })).toMatchObject({ name: "near" });
  });

  it("in the folder that --hive names, or behind a link", async () => {
    await write({ "fleet/hive.ts": named("meadow") });
    await symlink(join(folder, "fleet/hive.ts"), join(folder, "linked.ts"));
    expect(await load({ file: "fleet" })).toMatchObject({ name: "meadow" });
    expect(await load({ file: "linked.ts" })).toMatchObject({ name: "meadow", directory: folder });
  });

  it("or says where it looked", async () => {
    await write({ "fleet/notes.txt": "" });
    const hint =
      "write a hive.ts that ends with: export default defineHive({ hosts: { … } }), or name one with --hive or SKEP_HIVE";
    const parents = `FOLDER/fleet, FOLDER, ${dirname(folder)}`;
    const nowhere = await failure({ cwd: join(folder, "fleet") });
    expect(nowhere).toMatchObject({ code: "hive/not-found", hint });
    expect(nowhere.message).toContain(`there is no hive.ts, hive.mts, hive.js, hive.mjs in any of ${parents}`);
    expect(await failure({ file: "gone.ts" })).toEqual({
      code: "hive/not-found",
      message: "there is no file FOLDER/gone.ts, which --hive names",
      hint,
    });
    expect(await failure({ env: { SKEP_HIVE: "fleet" } })).toEqual({
      code: "hive/not-found",
      message: "the folder FOLDER/fleet, which SKEP_HIVE names, has no hive.ts, hive.mts, hive.js, hive.mjs in it",
      hint,
    });
  });
});

describe("loadHive() runs the hive", () => {
  it("with sibling TypeScript, JSON, CommonJS, cycles and top-level await, each module once", async () => {
    await write({
      "hive.ts": `
        import { defineHive } from "skep";
        import type { HiveInput } from "skep";
        import inventory from "./inventory.json" with { type: "json" };
        import { web } from "./hosts/web.ts";
        import { db } from "./hosts/db.js";
        import region from "./region.cjs";
        const { late } = await import("./late");
        const hosts: HiveInput["hosts"] = { ...web, ...db };
        await new Promise((resolve) => setTimeout(resolve, 1));
        export default defineHive({ name: [inventory.name, late, region.name].join(" "), hosts });
      `,
      "inventory.json": `{ "name": "meadow" }`,
      "region.cjs": `module.exports = { name: "north" };`,
      "late.ts": `export const late: string = "late";`,
      "hosts/web.ts": `
        import { defineHost, nixos } from "skep";
        import { tagsOf } from "./db.ts";
        export const system = nixos({ flake: "." });
        export const web = { "web-1": defineHost({ system, get tags() { return tagsOf("web"); } }) };
      `,
      "hosts/db.ts": `
        import { system } from "./web.ts";
        let asked = 0;
        export const tagsOf = (tag: string): string[] => [tag + ++asked];
        export const db = { get "db-1"() { return { system, tags: tagsOf("db") }; } };
      `,
    });
    const hive = await load();
    expect(hive.name).toBe("meadow late north");
    expect(hive.hosts.map(({ name }) => name)).toEqual(["web-1", "db-1"]);
    expect(new Set(hive.hosts.map(({ tags }) => tags[0]?.at(-1))).size, "one db.ts for all").toBe(2);
  });

  it.each([
    ["an object", "hive"],
    ["a promise", "Promise.resolve(hive)"],
    ["a function", "() => hive"],
    ["an async function", "async () => hive"],
  ])("whether it exports %s", async (_what, definition) => {
    await write({
      "hive.ts": `const hive = { name: "meadow", hosts: { a: { system: { kind: "nix-flake", flake: "." } } } };
      export default ${definition};`,
    });
    expect(await load()).toMatchObject({ name: "meadow" });
  });

  it.each([".ts", ".mts", ".js", ".mjs"])("afresh each time, with what a %s imports", async (extension) => {
    const files = (name: string) => ({
      [`hive${extension}`]: `import data from "./data.json" with { type: "json" }; import { more } from "./more.ts"; 
        export default { name: "${name} " + data.name + more, hosts: { a: { system: { kind: "nix-flake", flake: "." } } } };`,
      "data.json": JSON.stringify({ name }),
      "more.ts": `export const more: string = "${name}";`,
    });
    await write(files("a"));
    expect((await load()).name).toBe("a aa");
    await write(files("b"));
    expect((await load()).name).toBe("b bb");
  });

  it("afresh each time, also where Node could run it by itself", async () => {
    const plain = (name: string): string =>
      `export default { name: "${name}", hosts: { a: { system: { kind: "nix-flake", flake: "." } } } };`;
    await write({ "hive.mjs": plain("first") });
    expect((await load()).name).toBe("first");
    await write({ "hive.mjs": plain("second") });
    expect((await load()).name).toBe("second");
  });

  it("also as plain JSON", async () => {
    await write({ "fleet.json": `{ "hosts": { "web-1": { "system": { "kind": "nix-flake", "flake": "." } } } }` });
    expect((await load({ file: "fleet.json" })).hosts).toHaveLength(1);
  });

  it("in a package that is of type module, and after a #! line", async () => {
    await write({ "package.json": `{ "type": "module" }`, "hive.js": `#!/usr/bin/env skep\n${named("meadow")}` });
    expect(await load()).toMatchObject({ name: "meadow" });
  });

  it("with this very skep, whatever lies in node_modules", async () => {
    await write({
      "node_modules/skep/package.json": `{ "name": "skep", "type": "module", "exports": "./index.js" }`,
      "node_modules/skep/index.js": `throw new Error("another skep");`,
      "hive.ts": named("meadow"),
    });
    expect(await load()).toMatchObject({ name: "meadow" });
  });

  it("until its deadline, or until it is aborted", async () => {
    await write({ "hive.ts": `export default () => new Promise(() => {});` });
    expect(await failure({ timeoutMs: 50 })).toEqual({
      code: "hive/load",
      message: "cannot load hive.ts: it was not ready after 0.1 s",
      hint: "see whether it awaits something that never comes",
    });
    await write({ "hive.ts": `await new Promise(() => {}); export default {};` });
    expect(await failure({ timeoutMs: 50 })).toMatchObject({ code: "hive/load" });
    const controller = new AbortController();
    const loading = load({ signal: controller.signal });
    controller.abort(new Error("interrupted"));
    await expect(loading).rejects.toThrow("interrupted");
    await expect(load({ signal: controller.signal })).rejects.toThrow("interrupted");
  });
});

describe("loadHive() points at the user's own line", () => {
  const lib = `interface Y {\n  a: string;\n}\nexport function ask(): never {\n  const q: Y = { a: "" };   throw new Error("no inventory" + q.a);\n}\n`;

  it.each([
    [
      "where the file throws",
      { "hive.ts": `interface X {\n  a: string;\n}\nconst x = {} as any; x.b.c;\nexport default {};\n` },
      "cannot load hive.ts: hive.ts:4:26: Cannot read properties of undefined (reading 'c')",
    ],
    [
      "on the first line",
      { "hive.ts": `await Promise.reject(new Error("later"));\nexport default {};\n` },
      "cannot load hive.ts: hive.ts:1:22: later",
    ],
    [
      "where an imported file throws",
      { "hive.ts": `import { ask } from "./lib/ask.ts";\nask();\n`, "lib/ask.ts": lib },
      "cannot load hive.ts: lib/ask.ts:5:35: no inventory",
    ],
    [
      "where its function throws, later",
      {
        "hive.ts": `import { ask } from "./ask.ts";\nexport default async () => {\n  await Promise.resolve();\n  ask();\n};\n`,
        "ask.ts": lib,
      },
      "cannot load hive.ts: ask.ts:5:35: no inventory",
    ],
    [
      "where a module of Node's throws for it",
      {
        "hive.ts": `import { readFileSync } from "node:fs";\nconst a: number = 1;\n  readFileSync("/no/such/file");\n`,
      },
      "cannot load hive.ts: hive.ts:3:15: ENOENT: no such file or directory, open '/no/such/file'",
    ],
    [
      "where it is not TypeScript",
      { "hive.ts": `export default {\n  hosts: {\n    "a": { target "x" },\n  },\n};\n` },
      `cannot load hive.ts: hive.ts:3:19: Unexpected token, expected ","`,
    ],
    [
      "where an imported file is not TypeScript",
      { "hive.ts": `import { a } from "./a.ts";\nexport default a;\n`, "a.ts": `export const a = ;\n` },
      "cannot load hive.ts: a.ts:1:18: Unexpected token",
    ],
    [
      "where it imports a file that is not there",
      { "hive.ts": `\nimport { a } from "./gone.ts";\nexport default a;\n` },
      `cannot load hive.ts: hive.ts:2:19: cannot find "./gone.ts"`,
    ],
    [
      "where it imports a package that is not there",
      { "hive.ts": `import { a } from "no-such-package";\nexport default a;\n` },
      `cannot load hive.ts: hive.ts:1:19: cannot find "no-such-package"`,
    ],
    [
      "where an import lacks what is called",
      { "hive.ts": `import { b } from "./a.ts";\n\nexport default b();\n`, "a.ts": `export const a = 1;` },
      "cannot load hive.ts: hive.ts:3:17: b is not a function",
    ],
  ])("%s", async (_where, files, message) => {
    await write(files);
    expect(await failure()).toMatchObject({ code: "hive/load", message });
  });

  it("from anywhere, by the file's whole path", async () => {
    await write({ "hive.ts": `throw "no reason";`, "elsewhere/notes.txt": "" });
    expect(await failure({ cwd: join(folder, "elsewhere"), file: "../hive.ts" })).toMatchObject({
      message: "cannot load FOLDER/hive.ts: no reason",
    });
  });

  it("and names the word of skep's that was meant, or the package to install", async () => {
    await write({ "hive.ts": `import { nixoss } from "skep";\nexport default nixoss({ flake: "." });\n` });
    expect(await failure()).toMatchObject({
      message: "cannot load hive.ts: hive.ts:2:22: nixoss is not a function",
      hint: `skep has no nixoss; did you mean "nixos"?`,
    });
    await write({ "hive.ts": `import { a } from "no-such-package";\nexport default a;\n` });
    expect(await failure()).toMatchObject({ hint: "install it beside the hive: npm install no-such-package" });
  });

  it("and shows none of skep's own stack", async () => {
    await write({ "hive.ts": `throw new Error("no inventory");` });
    const { message, hint } = await failure();
    expect(`${message} ${String(hint)}`).not.toMatch(/jiti|load-hive|node_modules|\bat /);
  });
});

describe("loadHive() refuses what is not a hive", () => {
  it("without a default export", async () => {
    await write({ "hive.ts": `export const hive = {};` });
    expect(await failure()).toEqual({
      code: "hive/invalid",
      message: "hive.ts has no default export",
      hint: "end it with: export default defineHive({ hosts: { … } })",
    });
  });

  it.each([
    ["42", "42"],
    ["null", "null"],
    ["undefined", "nothing"],
    ["[]", "an empty list"],
    ["() => 'hive'", '"hive"'],
  ])("with a default export of %s", async (definition, found) => {
    await write({ "hive.ts": `export default ${definition};` });
    expect(await failure()).toEqual({
      code: "hive/invalid",
      message: `hive.ts is not valid, 1 problem:\n  hive: expected an object made by defineHive({ hosts: { … } }), found ${found}`,
      hint: undefined,
    });
  });

  it("with the paths of the bad values", async () => {
    await write({
      "hive.ts": `import { defineHive, http } from "skep"; export default defineHive({ hosts: { "web-1": { sytem: 1, checks: [http({ port: 0 })] } } });`,
    });
    expect((await failure()).message).toBe(
      [
        "hive.ts is not valid, 3 problems:",
        `  hosts.web-1.system: expected a system such as nixos({ flake: "." }), found nothing`,
        "  hosts.web-1.checks[0].port: expected a whole number from 1 to 65535, found 0",
        `  hosts.web-1.sytem: unknown key, did you mean "system"?`,
      ].join("\n"),
    );
  });
});
