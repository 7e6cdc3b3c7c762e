import { existsSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { quoteArgv, quoteWord } from "#core";
import type { Hive, Host, HostName } from "#hive";
import type { Outcome, RolloutReport, SecretsSource } from "#rollout";
import { rollOut } from "#rollout";
import type { Sandbox } from "#sandbox";
import { startSandbox, twinsOf } from "#sandbox";
import { loadHive } from "../hive/load-hive.ts";
import { repositorySecrets } from "../secrets/repository-secrets.ts";
import type { Interrupts } from "../terminal/interrupts.ts";
import { interrupted, listenForInterrupts } from "../terminal/interrupts.ts";
import { openReporter } from "../terminal/open-reporter.ts";
import type { Terminal } from "../terminal/terminal.ts";
import { writeDemoFleet } from "./demo-fleet.ts";
import { noticeOfSecrets, standInSource } from "./stand-in-source.ts";

const EXAMPLE = fileURLToPath(new URL("../../../hive.example.ts", import.meta.url));
const MAIN = new URL("../main.js", import.meta.url);
const WEB_PORT = 8080;

/** One act of the demo: a release, and how it must end. */
interface Act {
  readonly title: string;
  readonly release: string;
  /** How each host must end: the canary, the web hosts behind it, and the database. */
  readonly outcomes: Readonly<Record<"canary" | "web" | "db", Outcome>>;
  /** What every web host must answer afterwards, before its name. */
  readonly answers: string;
}

const ACTS: readonly Act[] = [
  {
    title: "the first release, v1",
    release: "v1",
    outcomes: { canary: "deployed", web: "deployed", db: "deployed" },
    answers: "v1",
  },
  {
    title: "v2: the canary first, then the others; the database is as it should be",
    release: "v2",
    outcomes: { canary: "deployed", web: "deployed", db: "unchanged" },
    answers: "v2",
  },
  {
    title: "v3 is broken: the canary runs it, fails its check and goes back, and nobody follows",
    release: "v3-broken",
    outcomes: { canary: "rolled-back", web: "skipped", db: "skipped" },
    answers: "v2",
  },
];

/** Plays the demo and returns its exit code: 0 when every act ended as it says. */
export async function demo({ keep }: { readonly keep: boolean }, terminal: Terminal): Promise<number> {
  const { stdout } = terminal;
  const say = (line = ""): void => void stdout.write(`${line}\n`);
  using interrupts = listenForInterrupts(() => undefined);
  const cast = await loadCast(EXAMPLE, { release: "v1", terminal });
  say("Four throw-away hosts on this machine, each with an SSH server and a folder of its own. No root, no Nix.");
  for (const { name } of cast.leftOut) say(`${name} is left out: a NixOS system needs a machine of its own.`);
  await using sandbox = await startSandbox({ hosts: cast.hosts.map(({ name }) => name), signal: interrupts.stop });
  const notice = noticeOfSecrets(cast.hosts, sandbox);
  if (notice !== undefined) say(`Left out: ${notice}.`);
  const fleet = keep ? await writeDemoFleet(cast.hosts, { sandbox, terminal }) : undefined;
  using secrets = await secretsOf(fleet, { cast, sandbox, terminal });
  for (const [index, act] of ACTS.entries()) {
    say(`\n${index + 1}. ${act.title}\n   $ RELEASE=${act.release} skep deploy\n`);
    const wrong = await play(act, { fleet, sandbox, secrets, terminal, interrupts });
    if (interrupts.stop.aborted) return 130;
    if (wrong !== undefined) {
      say(`\nThis did not come out as told: ${wrong}`);
      return 1;
    }
  }
  say("\nAll as told: a broken release reached one host of four, for a moment, and every host answers v2.");
  if (fleet !== undefined) await stay(sandbox, { fleet, cast, say, terminal, interrupts });
  return 0;
}

interface Stage {
  /** The hive of the sandbox's hosts, where they are kept. Undefined: the example's hosts are played by twins. */
  readonly fleet: string | undefined;
  readonly sandbox: Sandbox;
  readonly secrets: SecretsSource;
  readonly terminal: Terminal;
  readonly interrupts: Interrupts;
}

/** @returns what went otherwise than the act says. */
async function play(act: Act, stage: Stage): Promise<string | undefined> {
  const { fleet, sandbox, secrets, terminal, interrupts } = stage;
  const { stdout } = terminal;
  const { hive, hosts } = await loadCast(fleet ?? EXAMPLE, { release: act.release, terminal });
  const twins = fleet === undefined ? await twinsOf(hosts, sandbox) : hosts;
  await using reporter = openReporter(terminal, { format: "auto", verbose: false, quiet: false });
  const report = await rollOut(hive, {
    goal: "switch",
    hosts: twins,
    secrets,
    journal: fleet !== undefined,
    onEvent: (event) => {
      reporter.handle(event);
    },
    stop: interrupts.stop,
    leave: interrupts.leave,
  });
  await reporter[Symbol.asyncDispose]();
  const answers = await askAll(hosts, sandbox);
  stdout.write("\n");
  for (const { host, answer } of answers) stdout.write(`   $ curl ${host}:${WEB_PORT}   ->  ${answer}\n`);
  return wrongOutcome(act, report, hosts) ?? wrongAnswer(act, answers);
}

interface Cast {
  readonly hive: Hive;
  /** The hosts that can be played by sandbox hosts. */
  readonly hosts: readonly Host[];
  readonly leftOut: readonly Host[];
}

async function loadCast(
  file: string,
  { release, terminal: { cwd, env } }: { readonly release: string; readonly terminal: Terminal },
): Promise<Cast> {
  // The hive reads it from the environment, as it would at a user's.
  process.env.RELEASE = release;
  const hive = await loadHive({ file, cwd, env });
  const isPlayable = ({ system }: Host): boolean => system.kind === "native";
  return { hive, hosts: hive.hosts.filter(isPlayable), leftOut: hive.hosts.filter((host) => !isPlayable(host)) };
}

/** Made-up ones, from the kept fleet's files where there is one. */
async function secretsOf(
  fleet: string | undefined,
  { cast, sandbox, terminal }: { readonly cast: Cast; readonly sandbox: Sandbox; readonly terminal: Terminal },
): Promise<SecretsSource & Disposable> {
  if (fleet === undefined) return standInSource(cast.hosts, sandbox);
  const { hive } = await loadCast(fleet, { release: "v1", terminal });
  return repositorySecrets(hive, { hive: fleet, secrets: undefined }, terminal);
}

function roleOf({ tags }: Host): "canary" | "web" | "db" {
  if (tags.includes("canary")) return "canary";
  return tags.includes("web") ? "web" : "db";
}

function wrongOutcome(act: Act, report: RolloutReport, hosts: readonly Host[]): string | undefined {
  for (const host of hosts) {
    const outcome = report.hosts.find((one) => one.host === host.name)?.outcome;
    const wanted = act.outcomes[roleOf(host)];
    if (outcome !== wanted) return `${host.name} is ${outcome ?? "missing"} and was to be ${wanted}`;
  }
  return undefined;
}

interface Answer {
  readonly host: HostName;
  readonly answer: string;
}

/** What the web hosts really say over HTTP. */
function askAll(hosts: readonly Host[], sandbox: Sandbox): Promise<Answer[]> {
  const web = hosts.filter(({ tags }) => tags.includes("web"));
  return Promise.all(
    web.map(async ({ name }) => {
      try {
        const port = await sandbox.host(name).portOf(WEB_PORT);
        const response = await fetch(`http://127.0.0.1:${port}/`, { signal: AbortSignal.timeout(5_000) });
        return { host: name, answer: (await response.text()).trim() };
      } catch {
        return { host: name, answer: "no answer" };
      }
    }),
  );
}

function wrongAnswer(act: Act, answers: readonly Answer[]): string | undefined {
  const wrong = answers.find(({ host, answer }) => answer !== `${act.answers} on ${host}`);
  return wrong && `${wrong.host} answers "${wrong.answer}" and was to answer "${act.answers} on ${wrong.host}"`;
}

/** Leaves the hosts up until Ctrl-C. */
async function stay(
  sandbox: Sandbox,
  {
    fleet,
    cast,
    say,
    terminal,
    interrupts,
  }: {
    readonly fleet: string;
    readonly cast: Cast;
    readonly say: (line?: string) => void;
    readonly terminal: Terminal;
    readonly interrupts: Interrupts;
  },
): Promise<void> {
  const skep = isOnPath("skep", terminal) ? "skep" : quoteArgv(["node", fileURLToPath(MAIN)]);
  const [file, folder] = [quoteWord(fleet), quoteWord(dirname(fleet))];
  say(`\nThe hosts stay up until Ctrl-C, and their fleet is in ${folder}. In another terminal:\n`);
  say(`  ${skep} status -f ${file}`);
  say(`  RELEASE=v3 ${skep} plan -f ${file}`);
  say(`  RELEASE=v3 ${skep} deploy -f ${file}`);
  say(`  ${skep} history -f ${file} --on canary-1`);
  say(`  ${skep} rollback -f ${file} --on canary-1`);
  for (const host of sandbox.hosts) {
    say(`  ssh -F ${sandbox.sshConfigFile} ${host.name}`);
    const isWeb = cast.hosts.some(({ name, tags }) => name === host.name && tags.includes("web"));
    if (isWeb) say(`  curl http://127.0.0.1:${await host.portOf(WEB_PORT)}/`);
  }
  await interrupted(interrupts);
}

function isOnPath(program: string, { env: { PATH = "" } }: Terminal): boolean {
  return PATH.split(delimiter).some((folder) => existsSync(join(folder, program)));
}
