import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmdirSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Identity, Rules } from "#secrets";
import {
  openBytes,
  parseIdentities,
  parseRules,
  Plaintext,
  planRekey,
  readRepository,
  rekey,
  SecretsError,
  writeSecret,
} from "#secrets";
import { startTypeScript } from "../sandbox/typescript-process.ts";
import type { Scene, SkepOptions } from "./scene.ts";
import { openScene } from "./scene.ts";

let scene: Scene;
beforeEach(() => {
  scene = openScene();
});
afterEach(() => {
  scene[Symbol.dispose]();
});

const HOSTS = ["web-1", "web-2", "db-1", "edge-1"] as const;
const NAMES = ["password", "tls/key", "token"] as const;
const PEOPLE = ["alice", "bob-age", ...HOSTS] as const;

type Readers = Readonly<Record<string, readonly string[]>>;

/** Whoever keeps the rules always has alice, and whom they add and take away. */
async function rulesFor(readers: Readers, { bob }: { readonly bob: boolean }): Promise<Rules> {
  const key = (name: string): string => scene.recipient(name);
  return parseRules(
    {
      admins: { alice: key("alice"), ...(bob ? { bob: key("bob-age") } : {}) },
      hosts: Object.fromEntries(HOSTS.map((host) => [host, key(host)])),
      rules: readers,
    },
    { directory: join(scene.folder, "secrets"), file: "the rules" },
  );
}

async function identitiesOf(name: string): Promise<readonly Identity[]> {
  return parseIdentities(readFileSync(scene.identity(name), "utf8"), { file: name });
}

async function contentFor(name: string, who: string): Promise<string | undefined> {
  try {
    using opened = await openBytes(scene.read(name), await identitiesOf(who));
    return opened.reveal().toString();
  } catch (error) {
    if (error instanceof SecretsError && error.code === "secrets/cannot-open") return undefined;
    throw error;
  }
}

const subset = fc.subarray([...HOSTS]);
const act = fc.oneof(
  fc.record({ kind: fc.constant("rule" as const), name: fc.constantFrom(...NAMES), hosts: subset }),
  fc.record({ kind: fc.constant("bob" as const), bob: fc.boolean() }),
  fc.record({ kind: fc.constant("rekey" as const), all: fc.boolean() }),
  fc.record({ kind: fc.constant("write" as const), name: fc.constantFrom(...NAMES) }),
);

describe("any history of rules, writes and rekeys", () => {
  it("leaves files that their readers open, and nobody else, and tells who was a reader of what they say", async () => {
    for (const name of PEOPLE) scene.identity(name);
    const alice = await identitiesOf("alice");
    await fc.assert(
      fc.asyncProperty(fc.array(act, { minLength: 4, maxLength: 12 }), async (acts) => {
        let readers: Readers = { password: ["db-1"], "tls/key": ["web-1", "web-2"], token: [] };
        let bob = true;
        /** Who has ever been able to read what each file says now. */
        const seen = new Map<string, Set<string>>();
        const says = new Map<string, string>();
        let number = 0;
        const open = async () => readRepository(await rulesFor(readers, { bob }));
        const readersOf = (name: string): string[] => ["alice", ...(bob ? ["bob-age"] : []), ...(readers[name] ?? [])];
        const write = async (name: string): Promise<void> => {
          const repository = await open();
          const secret = repository.secrets.find(({ rule }) => rule.name === name);
          number += 1;
          says.set(name, `content ${number}`);
          seen.set(name, new Set(readersOf(name)));
          if (secret === undefined) throw new Error(`no ${name}`);
          await writeSecret(repository, secret, { plaintext: new Plaintext(Buffer.from(`content ${number}`)) });
        };
        for (const name of NAMES) await write(name);
        const rekeyAll = async (all: boolean): Promise<void> => {
          const repository = await open();
          await rekey(repository, planRekey(repository, { all }), { identities: alice });
          for (const name of NAMES) for (const reader of readersOf(name)) seen.get(name)?.add(reader);
        };
        for (const step of acts) {
          if (step.kind === "rule") readers = { ...readers, [step.name]: step.hosts };
          else if (step.kind === "bob") bob = step.bob;
          else if (step.kind === "write") await write(step.name);
          else await rekeyAll(step.all);
        }
        await rekeyAll(false);
        const { secrets } = await open();
        for (const { rule, file } of secrets) {
          for (const who of PEOPLE) {
            const expected = readersOf(rule.name).includes(who) ? says.get(rule.name) : undefined;
            expect(await contentFor(rule.name, who)).toBe(expected);
          }
          const gone = [...(seen.get(rule.name) ?? [])].filter((who) => !readersOf(rule.name).includes(who));
          const owners = gone.map((who) => (who === "bob-age" ? "admin bob" : `host ${who}`));
          expect(Object.values(file?.known.exposed ?? {}).sort()).toEqual(owners.sort());
        }
      }),
      { numRuns: 15 },
    );
  });
});

/** Rekeys, and ends itself as `kill -9` would when it has come to the step of that number. */
const KILLED = `
const { parseRules, parseIdentities, planRekey, readRepository, rekey } = await load("#secrets");
const [definition, directory, identity, after] = process.argv.slice(1);
const rules = await parseRules(JSON.parse(definition), { directory, file: "the rules" });
const repository = await readRepository(rules);
const identities = await parseIdentities(identity, { file: "alice" });
let steps = 0;
await rekey(repository, planRekey(repository), {
  identities,
  onStep() {
    steps += 1;
    if (steps === Number(after)) process.kill(process.pid, "SIGKILL");
  },
});
console.log(steps);
`;

describe("a rekey that is killed", () => {
  it("leaves each file whole, old or new, and the next one finishes the work", { timeout: 60_000 }, async () => {
    const names = ["one", "two"];
    const admins = { alice: scene.recipient("alice"), bob: scene.recipient("bob-age") };
    const of = (hosts: object, more: object = {}) => ({
      admins: { ...admins, ...more },
      hosts: { "web-1": scene.recipient("web-1"), "db-1": scene.recipient("db-1") },
      rules: Object.fromEntries(names.map((name) => [name, hosts])),
    });
    const directory = join(scene.folder, "secrets");
    const load = async (definition: object) =>
      readRepository(await parseRules(definition, { directory, file: "the rules" }));
    const alice = await identitiesOf("alice");
    // Bob's key is one of age's own, and so is its successor: only the lock tells them apart.
    const before = of(["web-1"]);
    const after = of(["db-1"], { bob: scene.recipient("carol-age") });
    let ended = false;
    for (let step = 1; !ended; step += 1) {
      const start = await load(before);
      for (const secret of start.secrets) {
        await writeSecret(start, secret, { plaintext: new Plaintext(Buffer.from(`${secret.rule.name} ${step}`)) });
      }
      const identity = readFileSync(scene.identity("alice"), "utf8");
      const child = startTypeScript(KILLED, [JSON.stringify(after), directory, identity, String(step)]);
      child.stdout.resume();
      child.stderr.resume();
      const [, signal] = (await once(child, "close")) as [number | null, string | null];
      ended = signal === null;
      const repository = await load(after);
      for (const { rule, file } of repository.secrets) {
        expect(file?.problem).toBeUndefined();
        const [old, now] = [await contentFor(rule.name, "web-1"), await contentFor(rule.name, "db-1")];
        expect([old, now].filter((text) => text !== undefined)).toEqual([`${rule.name} ${step}`]);
        const isNew = now !== undefined;
        expect(await contentFor(rule.name, "carol-age")).toBe(isNew ? now : undefined);
        expect(planRekey(repository).some(({ secret }) => secret.rule === rule)).toBe(!isNew);
      }
      await rekey(repository, planRekey(repository), { identities: alice });
      const done = await load(after);
      expect(planRekey(done)).toEqual([]);
      for (const { rule, file } of done.secrets) {
        expect(await contentFor(rule.name, "carol-age")).toBe(`${rule.name} ${step}`);
        expect(Object.values(file?.known.exposed ?? {}).sort()).toEqual(["admin bob", "host web-1"]);
      }
      expect(readdirSync(directory).filter((name) => name.startsWith(".skep-"))).toEqual([]);
      if (ended) expect(step).toBe(7);
    }
  });
});

describe("a poison secret", () => {
  const POISON = "p0is0n-e5caped-7c1f";
  it("is in no error, output, lock, argument or file, whatever goes wrong", async () => {
    scene.rules({ admins: { alice: scene.recipient("alice") }, rules: { token: [], other: [] } });
    const alice = scene.identity("alice");
    const said: string[] = [];
    const memory = mkdtempSync("/dev/shm/skep-test-");
    const run = async (argv: readonly string[], { env, input }: SkepOptions = {}): Promise<void> => {
      const { stdout, stderr } = await scene.skep(argv, { env: { ...env, XDG_RUNTIME_DIR: memory }, input });
      said.push(stdout, stderr);
    };
    await run(["add", "token"], { input: POISON });
    await run(["add", "token"], { input: POISON });
    await run(["add", "tokn"], { input: POISON });
    await run(["edit", "token", "-i", alice], { env: { EDITOR: "false" } });
    const spy = join(scene.folder, "spy.sh");
    scene.write("spy.sh", `ps -eo args > ${scene.folder}/processes; env > ${scene.folder}/environment\n`);
    await run(["edit", "token", "-i", alice], { env: { EDITOR: `sh ${spy}` } });
    expect(readFileSync(join(scene.folder, "processes"), "utf8")).toContain("spy.sh");
    await run(["rekey", "--all", "-i", alice]);
    await run(["rotate", "token", "--with", "false"]);
    await run(["check", "-i", alice]);
    await run(["status", "--json"]);
    await run(["view", "token", "-i", scene.identity("web-1")]);
    expect(said.join("")).not.toContain(POISON);
    expect(findIn(scene.folder, POISON)).toEqual([]);
    expect(readdirSync(memory)).toEqual([]);
    rmdirSync(memory);
    // The search would have found it.
    scene.write("secrets/planted", POISON);
    expect(findIn(scene.folder, POISON)).toEqual([join(scene.folder, "secrets/planted")]);
    await run(["view", "token", "-i", alice]);
    expect(said.join("")).toContain(POISON);
  });

  it("is a placeholder to everything that prints", () => {
    using plaintext = new Plaintext(Buffer.from(POISON));
    expect(`${String(plaintext)} ${JSON.stringify({ plaintext })}`).toBe('[redacted] {"plaintext":"[redacted]"}');
  });

  it("is overwritten when it is disposed of", () => {
    const bytes = Buffer.from(POISON);
    new Plaintext(bytes)[Symbol.dispose]();
    expect(bytes.every((byte) => byte === 0)).toBe(true);
  });
});

function findIn(folder: string, text: string): string[] {
  try {
    return execFileSync("grep", ["-rlaF", "--", text, folder]).toString().trim().split("\n");
  } catch {
    return [];
  }
}
