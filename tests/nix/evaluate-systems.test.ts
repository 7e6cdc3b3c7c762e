import { readlink, realpath, rm } from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import type { EvaluatedSystem, EvaluationEvent, SystemRequest } from "#nix";
import { evaluateSystems, NixError } from "#nix";
import { runNix } from "../../src/nix/run-nix.ts";
import type { NixFixture } from "./fixture.ts";
import { fileRequest, flakeOf, flakeRequest, named, needsNix, nixFixture } from "./fixture.ts";

const LOG_EVALUATIONS = { nix: 'case "$*" in *eval*) echo eval >> "$CALLS";; esac; exec "$real" "$@"' };

async function evaluate(
  fixture: NixFixture,
  requests: readonly SystemRequest[],
  options: Partial<Parameters<typeof evaluateSystems>[1]> & { readonly nix?: NixFixture["nix"] } = {},
): Promise<Map<string, EvaluatedSystem | NixError>> {
  const { nix = fixture.nix, ...rest } = options;
  const { directory, rootsDirectory } = fixture;
  return new Map(await evaluateSystems(nix, { requests, directory, rootsDirectory, ...rest }));
}

function systemIn(results: ReadonlyMap<string, EvaluatedSystem | NixError>, host: string): EvaluatedSystem {
  const result = results.get(host);
  if (result === undefined || result instanceof NixError) throw result ?? new Error(`nothing is known of ${host}`);
  return result;
}

function codes(results: ReadonlyMap<string, EvaluatedSystem | NixError>): Record<string, string> {
  return Object.fromEntries([...results].map(([host, it]) => [host, it instanceof NixError ? it.code : "evaluated"]));
}

describe("evaluateSystems()", () => {
  beforeEach(needsNix);

  it("evaluates all hosts of a flake in one Nix process, each a configuration or a toplevel itself", async () => {
    await using fixture = await nixFixture();
    const toplevel = '(import ./systems.nix).run "plain" "busybox touch $out"';
    await fixture.write(
      "flake.nix",
      flakeOf(`web-1 = system "web-1"; "web-2.example" = system "web-2"; db-1 = ${toplevel};`),
    );
    const results = await evaluate(
      fixture,
      ["web-1", "web-2.example", "db-1"].map((host) => flakeRequest(host)),
      {
        nix: await fixture.wrapped(LOG_EVALUATIONS),
      },
    );
    expect(codes(results)).toEqual({ "web-1": "evaluated", "web-2.example": "evaluated", "db-1": "evaluated" });
    expect(systemIn(results, "web-1")).toMatchObject({
      host: "web-1",
      derivation: expect.stringMatching(/^\/nix\/store\/[0-9a-z]{32}-web-1\.drv$/) as string,
      output: "out",
      toplevel: expect.stringMatching(/^\/nix\/store\/[0-9a-z]{32}-web-1$/) as string,
    });
    expect(systemIn(results, "db-1").toplevel).toMatch(/-plain$/);
    expect(await fixture.calls()).toEqual(["eval"]);
  });

  it("evaluates a flake in a git repository with uncommitted changes, and no file git does not know", async () => {
    await using fixture = await nixFixture();
    await fixture.write("flake.nix", flakeOf('web-1 = system "committed"; edge = import ./edge.nix;'));
    await fixture.git("init", "--quiet");
    await fixture.git("add", ".");
    await fixture.git("commit", "--quiet", "-m", "fleet");
    await fixture.write("flake.nix", flakeOf('web-1 = system "changed"; edge = import ./edge.nix;'));
    await fixture.write("edge.nix", "{ }");
    const lines: string[] = [];
    const results = await evaluate(fixture, [flakeRequest("web-1"), flakeRequest("edge")], {
      onEvent(event) {
        if (event.kind === "message") lines.push(event.line);
      },
    });
    expect(systemIn(results, "web-1").toplevel).toMatch(/-changed$/);
    expect(lines.join("\n")).toContain("is dirty");
    expect(results.get("edge")).toMatchObject({
      code: "nix/evaluate",
      hint: expect.stringContaining("git add") as string,
    });
  });

  it("finds systems of a flake below other names, also names that need encoding", async () => {
    await using fixture = await nixFixture();
    await fixture.write(
      "flake.nix",
      flakeOf("", `"my hosts #1".a."web-1.example" = system "web-1"; hosts.b = system "b";`),
    );
    const results = await evaluate(fixture, [
      flakeRequest("web-1", '"my hosts #1".a."web-1.example"'),
      flakeRequest("db-1", "hosts.b"),
      flakeRequest("edge", "hosts.c"),
      flakeRequest("lost", "hots.b"),
      flakeRequest("odd", "hosts..b"),
    ]);
    expect(codes(results)).toEqual({
      "web-1": "evaluated",
      "db-1": "evaluated",
      edge: "nix/attribute-missing",
      lost: "nix/attribute-missing",
      odd: "nix/attribute-path",
    });
    expect(results.get("edge")).toMatchObject({ host: "edge", hint: 'did you mean "b"?' });
    expect(results.get("lost")).toMatchObject({ host: "lost", hint: expect.stringContaining("hosts") as string });
  });

  it("evaluates a file, a folder, and functions on the way", async () => {
    await using fixture = await nixFixture();
    await fixture.write(
      "hosts.nix",
      '{ greeting ? "hello" }: { hosts."web-1.example" = { }: (import ./systems.nix).system greeting; }',
    );
    await fixture.write("fleet/default.nix", "{ db-1 = (import ../systems.nix).system builtins.currentSystem; }");
    const results = await evaluate(fixture, [
      fileRequest("web-1", "./hosts.nix", 'hosts."web-1.example"'),
      fileRequest("db-1", join(fixture.directory, "fleet")),
    ]);
    expect(systemIn(results, "web-1").toplevel).toMatch(/-hello$/);
    expect(systemIn(results, "db-1").toplevel).toMatch(/-(x86_64|aarch64)-/);
  });

  it("keeps a flake pure", async () => {
    await using fixture = await nixFixture();
    await fixture.write(
      "flake.nix",
      flakeOf('web-1 = system (if builtins.getEnv "PATH" == "" then "pure" else "impure");'),
    );
    expect(systemIn(await evaluate(fixture, [flakeRequest("web-1")]), "web-1").toplevel).toMatch(/-pure$/);
  });

  it.each([
    ["throws", 'throw "no port for web-5"', "no port for web-5"],
    ["has a type error", '1 + "one"', "integer"],
    ["lacks an attribute", "{ }.prot", "attribute 'prot' missing"],
    ["recurses without end", "let a = { b = a.c; c = a.b; }; in a.b", "infinite recursion"],
    ["aborts", 'abort "stop here"', "stop here"],
    ["overflows the stack", "let f = x: 1 + f (x + 1); in f 1", "stack overflow"],
    ["is a number", "5", "of type int"],
  ])("evaluates seven hosts of eight when the other one %s", async (_how, expression, message) => {
    await using fixture = await nixFixture();
    const hosts = Array.from({ length: 8 }, (_, index) => `web-${String(index + 1)}`);
    const attributes = hosts.map(
      (host) =>
        `${host} = ${host === "web-5" ? expression : `builtins.trace "\nerror: not \${"its"} own" (system "${host}")`};`,
    );
    await fixture.write("flake.nix", flakeOf(attributes.join("\n")));
    const begun: string[] = [];
    const results = await evaluate(
      fixture,
      hosts.map((host) => flakeRequest(host)),
      {
        onEvent(event) {
          if (event.kind === "evaluating") begun.push(event.host);
        },
      },
    );
    const bad = results.get("web-5");
    expect(bad).toBeInstanceOf(NixError);
    expect(bad).toMatchObject({ host: "web-5", message: expect.stringContaining(message) as string });
    expect(bad).not.toMatchObject({ message: expect.stringContaining("not its own") as string });
    results.delete("web-5");
    expect(new Set(Object.values(codes(results)))).toEqual(new Set(["evaluated"]));
    expect(results.size).toBe(7);
    expect(begun).toEqual(hosts);
  });

  it("says of every host that the flake itself is broken, after one try", async () => {
    await using fixture = await nixFixture();
    await fixture.write("flake.nix", "{ outputs = { self }: { nixosConfigurations = { web-1 = ; }; }; }");
    const results = await evaluate(
      fixture,
      ["web-1", "db-1"].map((host) => flakeRequest(host)),
      {
        nix: await fixture.wrapped(LOG_EVALUATIONS),
      },
    );
    expect(codes(results)).toEqual({ "web-1": "nix/evaluate", "db-1": "nix/evaluate" });
    for (const result of results.values()) {
      expect(result).toMatchObject({
        message: expect.stringMatching(/^could not evaluate the flake \.:\n.*syntax error/) as string,
      });
    }
    expect(await fixture.calls()).toEqual(["eval"]);
  });

  it("says which outputs a flake without nixosConfigurations may have meant", async () => {
    await using fixture = await nixFixture();
    await fixture.write("flake.nix", "{ outputs = { self }: { nixosConfiguration = { }; }; }");
    const results = await evaluate(fixture, [flakeRequest("web-1")]);
    expect(results.get("web-1")).toMatchObject({
      code: "nix/attribute-missing",
      hint: expect.stringContaining("nixosConfiguration") as string,
    });
  });

  it("lists near names when a file has no such attribute", async () => {
    await using fixture = await nixFixture();
    await fixture.write("hosts.nix", "{ hosts = { web-1 = 1; db-1 = 2; }; }");
    const results = await evaluate(fixture, [
      fileRequest("web-1", "hosts.nix", "hosts.wbe-1"),
      fileRequest("edge", "hosts.nix", "hosts.something-else"),
    ]);
    expect(results.get("web-1")).toMatchObject({
      code: "nix/attribute-missing",
      message: "could not find wbe-1 in hosts of the file hosts.nix",
      hint: 'did you mean "web-1"?',
    });
    expect(results.get("edge")).toMatchObject({ hint: "choose from db-1, web-1" });
  });

  it("takes a store path as it is, and refuses what is none or a derivation", async () => {
    await using fixture = await nixFixture();
    const path = "/nix/store/3z3x6gldf60q9kvsli0lza9rq9k14jaz-system";
    const given = { "web-1": path, "db-1": `${path}.drv`, edge: `${path}/bin` };
    const requests = Object.entries(given).map(([host, storePath]): SystemRequest => ({
      host: named(host),
      source: { kind: "store-path", storePath },
    }));
    const results = await evaluate(fixture, requests);
    expect(results.get("web-1")).toEqual({ host: "web-1", derivation: undefined, output: "out", toplevel: path });
    expect(results.get("db-1")).toMatchObject({ code: "nix/store-path-invalid" });
    expect(results.get("edge")).toMatchObject({ code: "nix/store-path-invalid" });
  });

  it("roots each derivation while the evaluator that made it still runs, and moves the root later", async () => {
    await using fixture = await nixFixture();
    const nix = await fixture.wrapped({
      nix: 'case "$*" in *eval*) "$real" "$@"; code=$?; echo evaluated >> "$CALLS"; exit $code;; esac; exec "$real" "$@"',
      "nix-instantiate": 'sleep 0.2; "$real" "$@" && echo rooted >> "$CALLS"',
    });
    const root = join(fixture.rootsDirectory, "db-1/derivation");
    for (const version of ["v1", "v2"]) {
      await fixture.write("flake.nix", flakeOf(`web-1 = system "web-${version}"; db-1 = system "${version}";`));
      const results = await evaluate(fixture, [flakeRequest("web-1"), flakeRequest("db-1")], { nix });
      expect(await readlink(root)).toBe(systemIn(results, "db-1").derivation);
      expect(await fixture.calls()).toEqual(["rooted", "rooted", "evaluated"]);
      await rm(join(fixture.directory, "calls"));
    }
    const { stdout } = await runNix(fixture.nix, ["nix-store", "--gc", "--print-roots"]);
    expect(stdout).toContain(`${await realpath(fixture.rootsDirectory)}/db-1/derivation -> `);
  });

  it("leaves a folder of the user's alone that is where a root should be", async () => {
    await using fixture = await nixFixture();
    await fixture.write("roots/web-1/derivation/notes.txt", "mine");
    await fixture.write("flake.nix", flakeOf('web-1 = system "web-1"; db-1 = system "db-1";'));
    const results = await evaluate(fixture, [flakeRequest("web-1"), flakeRequest("db-1")]);
    expect(codes(results)).toEqual({ "web-1": "nix/root", "db-1": "evaluated" });
  });

  it("starts a new evaluator when one has no room for another host", async () => {
    await using fixture = await nixFixture();
    const heavy = (name: string): string =>
      `builtins.seq (builtins.foldl' (n: x: n + builtins.length x.l) 0 (builtins.genList (x: { l = [ x x x ]; }) 400000)) (system "${name}")`;
    const hosts = ["web-1", "web-2", "web-3"];
    await fixture.write("flake.nix", flakeOf(hosts.map((host) => `${host} = ${heavy(host)};`).join("\n")));
    const chunks: string[][] = [];
    const onEvent = (event: EvaluationEvent): void => {
      if (event.kind === "evaluator-started") chunks.push([...event.hosts]);
    };
    const requests = hosts.map((host) => flakeRequest(host));
    expect(codes(await evaluate(fixture, requests, { memoryMiB: 10, onEvent }))).toEqual(
      Object.fromEntries(hosts.map((host) => [host, "evaluated"])),
    );
    expect(chunks[0]).toEqual(hosts);
    expect(new Set(chunks.slice(1).map((chunk) => chunk.length))).toEqual(new Set([1]));
    chunks.length = 0;
    await evaluate(fixture, requests, { memoryMiB: 100_000, onEvent });
    expect(chunks).toEqual([hosts]);
  });

  it("tries again in smaller chunks when memory runs out, and gives up the one host that is too big", async () => {
    await using fixture = await nixFixture();
    const big = "builtins.deepSeq (builtins.genList (x: { inherit x; l = [ x x x ]; }) 6000000) 1";
    await fixture.write(
      "flake.nix",
      flakeOf(`web-1 = system "a"; db-1 = ${big}; web-2 = system "b"; web-3 = system "c";`),
    );
    const nix = await fixture.wrapped({ nix: 'ulimit -v 800000; exec "$real" "$@"' });
    const results = await evaluate(
      fixture,
      ["web-1", "db-1", "web-2", "web-3"].map((host) => flakeRequest(host)),
      {
        nix,
        memoryMiB: 100_000,
      },
    );
    expect(codes(results)).toEqual({
      "web-1": "evaluated",
      "db-1": "nix/out-of-memory",
      "web-2": "evaluated",
      "web-3": "evaluated",
    });
  });

  it("takes an evaluator that was killed for one that lacked memory", async () => {
    await using fixture = await nixFixture();
    await fixture.write("flake.nix", flakeOf('web-1 = system "web-1"; db-1 = system "db-1";'));
    const nix = await fixture.wrapped({
      nix: 'case "$*" in *eval*) if ! [ -e "$CALLS" ]; then echo killed > "$CALLS"; kill -9 $$; fi;; esac; exec "$real" "$@"',
    });
    const results = await evaluate(fixture, [flakeRequest("web-1"), flakeRequest("db-1")], { nix });
    expect(codes(results)).toEqual({ "web-1": "nix/out-of-memory", "db-1": "evaluated" });
  });

  it("runs several evaluators at one time when it may", async () => {
    await using fixture = await nixFixture();
    const hosts = ["web-1", "web-2", "web-3", "web-4"];
    await fixture.write("flake.nix", flakeOf(hosts.map((host) => `${host} = system "${host}";`).join("\n")));
    const chunks: number[] = [];
    const results = await evaluate(
      fixture,
      hosts.map((host) => flakeRequest(host)),
      {
        evaluations: 2,
        onEvent(event) {
          if (event.kind === "evaluator-started") chunks.push(event.hosts.length);
        },
      },
    );
    expect([...results.values()].filter((result) => result instanceof NixError)).toEqual([]);
    expect(results.size).toBe(4);
    expect(chunks.slice(0, 2)).toEqual([2, 1]);
  });

  it("ends Nix and throws the signal's reason when that aborts", async () => {
    await using fixture = await nixFixture();
    await fixture.write(
      "flake.nix",
      flakeOf("web-1 = builtins.foldl' (a: b: a + b) 0 (builtins.genList (x: x) 100000000);"),
    );
    const controller = new AbortController();
    const reason = new Error("Ctrl-C");
    const results = evaluate(fixture, [flakeRequest("web-1")], {
      signal: controller.signal,
      onEvent(event) {
        if (event.kind === "evaluating") controller.abort(reason);
      },
    });
    await expect(results).rejects.toBe(reason);
  });

  it("throws when Nix is gone, rather than blaming a host", async () => {
    await using fixture = await nixFixture();
    const nix = { ...fixture.nix, environment: { PATH: fixture.directory } };
    await expect(evaluate(fixture, [flakeRequest("web-1")], { nix })).rejects.toMatchObject({ code: "nix/missing" });
  });
});
