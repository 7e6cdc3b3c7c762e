import { chmod, writeFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { directory, file, service, storePath, system, tarball, text, timer } from "#hive";
import type { NativeSource } from "#hive";
import { openNativeEvaluator } from "#native";
import type { Closure } from "#store";
import { copyClosure, makeClosure, openNixHostStore, parseStorePath, sharedNarSource } from "#store";
import { noNix, openRealStore } from "../store/real-store.ts";
import { filesOf, hostOf, makeFolder, openEvaluator, pathNamed, removeFolder } from "./evaluating.ts";

let folder = "";
beforeAll(async () => {
  folder = await makeFolder({
    "site/index.html": "<h1>meadow</h1>\n",
    "site/map.js.map": "{}",
    "bin/web": "#!/bin/sh\necho web\n",
    sshd_config: "Port 22\n",
  });
  await chmod(join(folder, "bin/web"), 0o644);
});
afterAll(() => removeFolder(folder));

function meadow(greeting = "hello\n"): NativeSource {
  return system({
    packages: {
      site: directory("./site", { exclude: ["*.map"] }),
      web: file("./bin/web", { executable: true }),
      run: text(({ packages }) => `#!/bin/sh\nexec ${packages.web ?? ""}/bin/web\n`, { executable: true }),
      motd: text(greeting),
    },
    etc: {
      motd: greeting,
      "meadow/web.json": {
        template: ({ packages, host }) => JSON.stringify({ root: packages.site, name: host.name, at: host.address }),
        mode: "0640",
      },
      "ssh/sshd_config": { file: "./sshd_config", takeOver: true },
    },
    units: {
      "web.service": service({ exec: ({ packages }) => [`${packages.run ?? ""}/bin/run`, "--root", packages.site] }),
      "tidy.service": service({ type: "oneshot", exec: ["/bin/true"] }),
      "tidy.timer": timer({ onCalendar: "daily" }),
    },
    hooks: { before: [["sh", "-c", "echo before"]] },
  });
}

async function evaluate(source: NativeSource): Promise<Closure> {
  await using evaluator = openEvaluator();
  return await evaluator.evaluate(hostOf(source, { directory: folder }));
}

describe("evaluating a system without Nix", () => {
  it("makes a toplevel of a manifest, hooks and switch-to-configuration", async () => {
    await using evaluator = openEvaluator();
    const closure = await evaluator.evaluate(hostOf(meadow(), { directory: folder }));
    const at = (name: string): string => pathNamed(closure, name);
    const files = await filesOf(evaluator, closure.toplevel);
    expect(closure.toplevel).toMatch(/-skep-system-web-1$/);
    expect(files["bin/switch-to-configuration"]).toBe(
      `→ ../../${at("skep-switch").slice("/nix/store/".length)}/switch-to-configuration`,
    );
    expect(files["packages/site"]).toBe(`→ ../../${at("site").slice("/nix/store/".length)}`);
    expect(files["hooks/before-1"]).toBe("sh -c 'echo before'\n");
    expect(files.manifest?.replaceAll("\t", " ")).toBe(
      [
        `etc link - - - - ${closure.paths.map(({ path }) => path).find((path) => path.endsWith("-motd")) ?? ""} motd`,
        `etc copy 0640 root root - ${at("web.json")} meadow/web.json`,
        `etc link - - - take ${at("sshd_config")} ssh/sshd_config`,
        `etc link - - - - ${at("unit-web.service")}/web.service systemd/system/web.service`,
        "etc link - - - - ../web.service systemd/system/multi-user.target.wants/web.service",
        `unit web.service ${at("unit-web.service")}/web.service restart start -`,
        `etc link - - - - ${at("unit-tidy.service")}/tidy.service systemd/system/tidy.service`,
        `unit tidy.service ${at("unit-tidy.service")}/tidy.service restart - -`,
        `etc link - - - - ${at("unit-tidy.timer")}/tidy.timer systemd/system/tidy.timer`,
        "etc link - - - - ../tidy.timer systemd/system/timers.target.wants/tidy.timer",
        `unit tidy.timer ${at("unit-tidy.timer")}/tidy.timer restart start -`,
        "hook before hooks/before-1 sh -c 'echo before'",
        "",
      ].join("\n"),
    );
    expect(JSON.parse((await filesOf(evaluator, pathNamed(closure, "web.json")))[""] ?? "")).toEqual({
      root: at("site"),
      name: "web-1",
      at: "web-1.example",
    });
    expect(await filesOf(evaluator, pathNamed(closure, "site"))).toEqual({ "index.html": "<h1>meadow</h1>\n" });
    const run = await filesOf(evaluator, pathNamed(closure, "run"));
    expect(run["bin/run"]).toBe(`#!/bin/sh\nexec ${at("web")}/bin/web\n`);
  });

  it("gives the same paths each time, and the toplevel last", async () => {
    const [one, other] = [await evaluate(meadow()), await evaluate(meadow())];
    expect(other).toEqual(one);
    expect(one.paths.at(-1)?.path).toBe(one.toplevel);
  });

  it("a changed byte changes exactly the paths above it", async () => {
    await fc.assert(
      fc.asyncProperty(fc.string(), fc.string(), async (before, after) => {
        fc.pre(before !== after);
        const old = await evaluate(meadow(before));
        const paths = new Set(old.paths.map(({ path }) => path));
        const changed = (await evaluate(meadow(after))).paths.filter(({ path }) => !paths.has(path));
        const names = changed.map(({ path }) => path.slice("/nix/store/".length + 33));
        expect(new Set(names)).toEqual(new Set(["motd", "skep-system-web-1"]));
      }),
      { numRuns: 20 },
    );
  });

  it("changed files change what is made of them, and only that", async () => {
    const before = await evaluate(meadow());
    await writeFile(join(folder, "site/index.html"), "<h1>orchard</h1>\n");
    const after = await evaluate(meadow());
    await writeFile(join(folder, "site/index.html"), "<h1>meadow</h1>\n");
    const known = new Set(before.paths.map(({ path }) => path));
    const changed = after.paths.filter(({ path }) => !known.has(path)).map(({ path }) => path.slice(44));
    expect(changed.sort()).toEqual(["site", "skep-system-web-1", "unit-web.service", "web.json"]);
    // What the filter leaves out counts for nothing.
    await writeFile(join(folder, "site/map.js.map"), "{ }");
    expect(await evaluate(meadow())).toEqual(before);
  });

  it("hosts share what is not theirs alone", async () => {
    await using evaluator = openEvaluator();
    const one = await evaluator.evaluate(hostOf(meadow(), { directory: folder, name: "web-1" }));
    const two = await evaluator.evaluate(hostOf(meadow(), { directory: folder, name: "web-2" }));
    const known = new Set(one.paths.map(({ path }) => path));
    const own = two.paths.filter(({ path }) => !known.has(path)).map(({ path }) => path.slice(44));
    expect(own.sort()).toEqual(["skep-system-web-2", "web.json"]);
  });

  it("brings what Nix built, with what that refers to", async () => {
    const [libc, nginx] = ["libc", "nginx"].map((name, index) =>
      parseStorePath(`/nix/store/${String(index).repeat(32)}-${name}`),
    );
    if (libc === undefined || nginx === undefined) throw new Error("two paths");
    const narHash = (await evaluate(meadow())).paths[0]!.narHash;
    const info = { narHash, narSize: 100, signatures: [] };
    const asked: string[] = [];
    await using evaluator = openNativeEvaluator({
      readNixClosure: (path) => {
        asked.push(path);
        return Promise.resolve(
          makeClosure(nginx, [
            { ...info, path: nginx, references: [libc] },
            { ...info, path: libc, references: [] },
          ]),
        );
      },
    });
    const source = system({
      packages: { nginx: storePath(nginx) },
      units: { "nginx.service": service({ exec: ({ packages }) => [`${packages.nginx ?? ""}/bin/nginx`] }) },
    });
    const closure = await evaluator.evaluate(hostOf(source));
    await evaluator.evaluate(hostOf(source, { name: "web-2" }));
    expect(asked).toEqual([nginx]);
    const unit = closure.paths.find(({ path }) => path === pathNamed(closure, "unit-nginx.service"));
    expect(unit?.references).toEqual([nginx]);
    expect(closure.paths.map(({ path }) => path)).toContain(libc);
    expect(evaluator.locate(libc)).toBe(libc);
  });
});

describe("what is wrong with a system is said", () => {
  it.each<[what: string, source: NativeSource, code: string, message: RegExp]>([
    [
      "an unknown package",
      system({
        packages: { site: text("") },
        etc: { a: { template: ({ packages }) => (packages as Record<string, string>).sitee } },
      }),
      "native/unknown-package",
      /no package sitee/,
    ],
    [
      "texts that go in a circle",
      system({
        packages: {
          bee: text(({ packages }) => packages.flower ?? ""),
          flower: text(({ packages }) => packages.bee ?? ""),
        },
      }),
      "native/circular",
      /bee needs the path of flower needs the path of bee/,
    ],
    [
      "a text that needs itself",
      system({ packages: { bee: text(({ packages }) => packages.bee ?? "") } }),
      "native/circular",
      /bee/,
    ],
    [
      "a template that throws",
      system({
        etc: {
          a: {
            template: () => {
              throw new Error("no pollen");
            },
          },
        },
      }),
      "native/template",
      /etc\["a"\]: its function threw: no pollen/,
    ],
    [
      "a template that waits",
      system({ etc: { a: { template: (() => Promise.resolve("")) as never } } }),
      "native/template",
      /a promise/,
    ],
    [
      "a program that is not there",
      system({
        packages: { web: file("./bin/web", { executable: true }) },
        units: { "web.service": service({ exec: ({ packages }) => [`${packages.web ?? ""}/bin/wbe`] }) },
      }),
      "native/program",
      /bin\/wbe for units\["web.service"\].exec: it is not there/,
    ],
    [
      "a program that is not executable",
      system({
        packages: { web: file("./bin/web") },
        units: { "web.service": service({ exec: ({ packages }) => [packages.web] }) },
      }),
      "native/program",
      /is not executable/,
    ],
    [
      "a folder that is missing",
      system({ packages: { site: directory("./sites") } }),
      "native/package",
      /site of .*sites: there is nothing/,
    ],
    [
      "a file said to be a folder",
      system({ packages: { site: directory("./sshd_config") } }),
      "native/package",
      /it is no folder/,
    ],
    [
      "a filter that leaves nothing",
      system({ packages: { s: directory("./site", { include: ["x"] }) } }),
      "native/package",
      /nothing/,
    ],
    ["a tarball that is none", system({ packages: { s: tarball("./sshd_config") } }), "store/tar", /tar archive/],
    [
      "a unit under etc as well",
      system({ etc: { "systemd/system/a.service": "" }, units: { "a.service": "" } }),
      "native/conflict",
      /systemd\/system\/a.service/,
    ],
  ])("%s", async (_what, source, code, message) => {
    const error: unknown = await evaluate(source).then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    expect(error).toMatchObject({ code, message: expect.stringMatching(message) as unknown });
  });

  it("a folder that is missing, with how far the path is good and what is meant perhaps", async () => {
    const near = evaluate(system({ packages: { site: directory("./siet") } }));
    await expect(near).rejects.toMatchObject({
      hint: `${folder} has no siet, did you mean "site"?; build it first, or mend the path: it starts from the hive file's folder`,
    });
    const unbuilt = evaluate(system({ packages: { site: directory("./dist/web/assets") } }));
    await expect(unbuilt).rejects.toMatchObject({
      hint: expect.stringMatching(/ has no dist; build it first/) as string,
    });
  });
});

describe.skipIf(noNix !== undefined)(`a Nix store${noNix === undefined ? "" : ` (${noNix})`}`, () => {
  it("takes the closure without signatures, verifies it, and knows its content addresses", async () => {
    await using store = await openRealStore();
    await using evaluator = openEvaluator();
    const closure = await evaluator.evaluate(hostOf(meadow(), { directory: folder }));
    {
      await using hostStore = await openNixHostStore({ openChannel: () => Promise.resolve(store.serve()) });
      await copyClosure(closure, hostStore, { narSource: sharedNarSource({ locate: evaluator.locate }) });
    }
    const infos = await store.pathInfos([closure.toplevel]);
    const byPath = (list: Closure["paths"]) => [...list].sort((a, b) => (a.path < b.path ? -1 : 1));
    expect(byPath(infos)).toMatchObject(
      byPath(closure.paths).map(({ path, narHash, narSize, references, ca }) => ({
        path,
        narHash,
        narSize,
        references,
        ca,
      })),
    );
    await store.nixStore("--verify", "--check-contents");
    await store.nix("store", "verify", "--recursive", "--sigs-needed", "1", closure.toplevel);
  });
});
