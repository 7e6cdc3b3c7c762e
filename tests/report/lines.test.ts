import { describe, expect, it } from "vitest";
import type { HostReport, RolloutEvent } from "#rollout";
import { reportRun } from "./report-run.ts";
import { BAD_GATEWAY, hostReport, name, NOON, rolloutReport, typicalRun } from "./typical-run.ts";

const LIVE = `\
12:00:00 switch of 3 hosts of apiary, run r-7c1d
12:00:00 notice: the hive's git tree has changes that are not committed
12:00:00 web-1  connect       0.4 s
12:00:01 web-2  connect       0.6 s
12:00:01 web-2  unchanged in 1.0 s
12:00:05 web-1  copy          120 paths, 38.0 MiB in 4.0 s
12:00:11 web-1  test          6.0 s
12:00:12 web-1  commit        1.0 s
12:00:12 web-1  deployed in 12 s
12:00:24 db-1   check         waiting for http :80 (502), 12 s so far
12:00:36 db-1   check         waiting for http :80 (502), 24 s so far
12:00:37 db-1   check         failed after 25 s: http :80/healthz answered 502 for 30 s, wanted 200 to 299
12:00:40 db-1   roll-back     3.0 s
12:00:40 db-1   rolled back after 29 s
`;

const TABLE = `\
HOST   OUTCOME      SYSTEM                                                                GENERATION    COPIED   TIME
web-2  unchanged    0c4x2ab nixos-system-web-2-24.11                                              42            1.0 s
web-1  deployed     0c4x2ab nixos-system-web-1-24.11 -> 9c4x2ab nixos-system-web-1-25.05          43  38.0 MiB   12 s
db-1   rolled back  0c4x2ab nixos-system-db-1-24.11 (not 9c4x2ab)                                     38.0 MiB   29 s
`;

const ERRORS = `\
skep: error: db-1: http :80/healthz answered 502 for 30 s, wanted 200 to 299 [health/failed]
  | nginx: bind() to 0.0.0.0:80 failed
skep: hint: see why with ssh root@db-1 journalctl --unit nginx
`;

const VERDICT = "switch: 1 deployed, 1 unchanged, 1 rolled back in 42 s\n";

describe("lines", () => {
  it("tell a run of three hosts, then its table, what went wrong, and the verdict", async () => {
    const { stdout, stderr } = await reportRun(typicalRun());
    const notice = "skep: notice: web-1: a reboot is needed to run the new kernel\n";
    expect(stderr).toBe(`${LIVE}\n${TABLE}\n${notice}${ERRORS}\n${VERDICT}`);
    expect(stdout).toBe("");
  });

  it("tell only what went wrong and the verdict when quiet, and nothing of a run that went well", async () => {
    expect((await reportRun(typicalRun(), { quiet: true })).stderr).toBe(`${ERRORS}${VERDICT}`);
    const report = rolloutReport([hostReport("web-1", { outcome: "deployed" })]);
    expect((await reportRun([{ at: NOON, type: "run-finished", report }], { quiet: true })).stderr).toBe("");
  });

  it("show what hosts print when verbose, without its colours", async () => {
    const { stderr } = await reportRun(typicalRun(), { verbose: true });
    expect(stderr).toContain("\n12:00:11 web-1  test          | starting nginx.service\n");
  });

  it("end with what hosts announced in a dry activation, the same of several once, in order and as plain text", async () => {
    const log = (host: string, line: string) =>
      ({ at: NOON, type: "log", host: name(host), step: "dry-activate", line }) as const;
    const events = [
      log("db-1", "would restart postgresql.service"),
      ...["web-1", "web-2"].map((host) => log(host, "would place /etc/motd")),
      ...["web-2", "web-1"].map((host) => log(host, "would start \u001b[31mnginx.service")),
    ];
    const said = (await reportRun(events)).stderr;
    expect(said.slice(said.lastIndexOf("\n", said.indexOf("db-1:")) + 1)).toBe(`\
db-1:
  would restart postgresql.service
web-1, web-2:
  would place /etc/motd
  would start nginx.service
`);
    expect((await reportRun(events, { quiet: true })).stderr).toBe("");
    const many = Array.from({ length: 1_000 }, (_, at) => log("web-1", `would place /etc/${at}`));
    expect((await reportRun(many)).stderr).toMatch(/\n {2}would place \/etc\/199\n {2}…\n$/);
  });

  it("say every ten seconds what a builder prints when not verbose", async () => {
    const log = (at: number) =>
      ({ at: NOON + at, type: "log", host: name("web-1"), step: "build", line: `gcc ${at}` }) as const;
    const { stderr } = await reportRun([
      { at: NOON, type: "step-started", host: name("web-1"), step: "build" },
      ...[2_000, 9_999, 10_000, 12_000, 20_000].map(log),
    ]);
    expect(stderr).toBe("12:00:10 web-1  build         | gcc 10000\n12:00:20 web-1  build         | gcc 20000\n");
  });

  it("say an error of several hosts once, with the hosts it is for", async () => {
    const failed = (host: string) => hostReport(host, { outcome: "failed", error: BAD_GATEWAY });
    const two = rolloutReport(["web-1", "web-2"].map(failed));
    const six = rolloutReport(["web-1", "web-2", "web-3", "web-4", "web-5", "web-6"].map(failed));
    expect((await reportRun([{ at: NOON, type: "run-finished", report: two }], { quiet: true })).stderr).toBe(
      `skep: error: web-1, web-2: ${BAD_GATEWAY.message} [health/failed]
skep: hint: ${BAD_GATEWAY.hint ?? ""}
switch: 2 failed in 42 s
`,
    );
    expect((await reportRun([{ at: NOON, type: "run-finished", report: six }], { quiet: true })).stderr).toBe(
      `skep: error: 6 hosts: ${BAD_GATEWAY.message} [health/failed]
skep: hint: ${BAD_GATEWAY.hint ?? ""}
  on web-1, web-2, web-3, web-4, web-5, web-6
switch: 6 failed in 42 s
`,
    );
  });

  it("quote a message of several lines and its cause, and no log line that the message has already", async () => {
    const error = { code: "nix/build", message: "cannot build web-1\nerror: gcc: exit 1", cause: "exit code 1" };
    const { stderr } = await reportRun([
      { at: NOON, type: "log", host: name("web-1"), step: "build", line: "error: gcc: exit 1" },
      { at: NOON, type: "step-failed", host: name("web-1"), step: "build", durationMs: 100, error },
    ]);
    expect(stderr.slice(stderr.indexOf("skep:"))).toBe(
      "skep: error: web-1: cannot build web-1 [nix/build]\n  | error: gcc: exit 1\n  | exit code 1\n",
    );
  });

  it("keep escape sequences, control characters and reversed text of hosts off the terminal", async () => {
    const message = "\u001b]0;owned\u0007\u001b[2Jbad\u009b31m \u202egnp.exe\u0000\r\n\u001b[1Amore\ttext";
    const error = { code: "activation/switch", message, hint: "\u001b[31mlook\u0007" };
    const host = name("web-1");
    const { stderr } = await reportRun(
      [
        { at: NOON, type: "log", host, step: "test", line: "10%\r99%\u001b[K\u0008" },
        { at: NOON, type: "step-failed", host, step: "test", durationMs: 100, error },
        { at: NOON, type: "notice", host, message },
      ],
      { verbose: true },
    );
    expect(stderr).not.toMatch(/[^\P{Cc}\n]|\p{Cf}/u);
    expect(stderr).toContain("| 99%\n");
    expect(stderr).toContain("skep: hint: look\n");
  });

  it("tell what made a run go back first, and then in one line who went back with it", async () => {
    const back = (host: string): HostReport => {
      const message = "it was well, and went back to what it ran before: web-3 of wave rest was rolled back";
      const error = { code: "rollout/reverted", message, hint: "see to what stopped the run, then deploy again", host };
      return hostReport(host, { outcome: "rolled-back", error });
    };
    const cause = hostReport("web-3", { outcome: "rolled-back", error: { ...BAD_GATEWAY, host: "web-3" } });
    const report = rolloutReport([back("web-1"), back("web-2"), cause]);
    const { stderr } = await reportRun([{ at: NOON, type: "run-finished", report }]);
    expect(stderr.match(/^skep: error: .*$/gm)).toEqual([
      expect.stringMatching(/^skep: error: web-3: /),
      expect.stringMatching(/^skep: error: web-1, web-2: it was well, and went back/),
    ]);
  });

  it("say once what is the same on several hosts, with the first one's hint", async () => {
    const failed = ["web-1", "web-2"].map((host) =>
      hostReport(host, { outcome: "failed", error: { code: "health/failed", message: "ill", hint: `on ${host}: ls` } }),
    );
    const { stderr } = await reportRun([{ at: NOON, type: "run-finished", report: rolloutReport(failed) }]);
    expect(stderr).toContain("skep: error: web-1, web-2: ill [health/failed]\nskep: hint: on web-1: ls\n");
    expect(stderr).not.toContain("on web-2: ls");
  });

  it("name all hosts that were not begun when the operator stopped the run, and some otherwise", async () => {
    const names = ["web-1", "web-2", "web-3", "web-4", "web-5", "web-6"];
    const skipped = names.map((host) => hostReport(host, { outcome: "skipped", reason: "the run was stopped" }));
    const told = async (interrupted: boolean) => {
      const report = rolloutReport(skipped, { interrupted });
      return (await reportRun([{ at: NOON, type: "run-finished", report }])).stderr;
    };
    expect(await told(true)).toContain(`notice: ${names.join(", ")}: skipped: the run was stopped\n`);
    expect(await told(false)).toContain("notice: web-1, web-2, web-3, web-4 and 2 more: skipped");
  });

  it("say after Ctrl-C what is waited for and what another one does", async () => {
    const started = (host: string) => ({ at: NOON, type: "step-started", host: name(host), step: "copy" }) as const;
    const { stderr } = await reportRun([
      started("web-1"),
      started("web-2"),
      { at: NOON, type: "interrupted", leave: false },
      { at: NOON, type: "interrupted", leave: true },
    ]);
    expect(stderr).toBe(`\
12:00:00 stopping: no new host is begun; waiting for web-1 (copy), web-2 (copy)
12:00:00 Ctrl-C again: leave now; their agents take back what is not committed
12:00:00 leaving 2 hosts to their agents: web-1 (copy), web-2 (copy)
12:00:00 what is not committed goes back by itself
`);
  });

  it("of a plan say that it is one, in sections too", async () => {
    const events: readonly RolloutEvent[] = [
      {
        ...{ at: NOON, type: "run-started", run: "r-7c1d", goal: "switch", hive: "apiary", hosts: [name("web-1")] },
        ...{ steps: ["connect", "probe"], planning: true },
      },
      { at: NOON + 40_000, type: "step-started", host: name("web-1"), step: "connect" },
      { at: NOON + 80_000, type: "interrupted", leave: false },
    ];
    const begun = "12:00:00 planning switch of 1 host of apiary, plan r-7c1d\n";
    const stopped = "12:01:20 stopping: planning changed nothing\n";
    expect(await reportRun(events)).toEqual({ stdout: "", stderr: begun + stopped });
    for (const format of ["github", "gitlab"] as const) {
      const { stderr } = await reportRun(events, { format });
      expect(stderr).toContain(begun + "planning switch: 1 under way, 40 s\n" + stopped);
    }
    const schema = await reportRun(events, { format: "ndjson" });
    expect(schema.stdout).toContain('"planning":true');
  });

  it("name after Ctrl-C no host that only had its system made", async () => {
    const made = (host: string) =>
      ["evaluate", "build"].map(
        (step) => ({ at: NOON, type: "step-finished", host: name(host), step, durationMs: 10 }) as RolloutEvent,
      );
    const { stderr } = await reportRun([
      ...made("web-1"),
      ...made("web-2"),
      { at: NOON, type: "step-started", host: name("web-1"), step: "check" },
      { at: NOON, type: "interrupted", leave: false },
      { at: NOON, type: "interrupted", leave: true },
    ]);
    expect(stderr).toContain("waiting for web-1 (check)\n");
    expect(stderr).toContain("leaving 1 host to its agent: web-1 (check)\n");
  });
});

describe("results", () => {
  const report = rolloutReport(
    [
      hostReport("web-1", { outcome: "deployed", from: undefined, generation: undefined }),
      hostReport("web-2", { outcome: "unchanged", from: undefined, generation: undefined }),
      hostReport("db-1", { outcome: "failed", error: BAD_GATEWAY }),
    ],
    { goal: "build" },
  );
  const paths =
    "web-1 /nix/store/9c4x2abw9q7zc4x2abw9q7zc4x2abw9q-nixos-system-web-1-25.05\nweb-2 /nix/store/9c4x2abw9q7zc4x2abw9q7zc4x2abw9q-nixos-system-web-2-25.05\n";

  it("of a build are the hosts that were built and their paths, on standard output alone", async () => {
    for (const format of ["lines", "tty"] as const) {
      for (const quiet of [true, false]) {
        const { stdout, stderr } = await reportRun([{ at: NOON, type: "run-finished", report }], { format, quiet });
        expect(stdout).toBe(paths);
        expect(stderr).toContain("build: 1 built, 1 unchanged, 1 failed in 42 s\n");
      }
    }
  });

  it("of any other goal are nothing", async () => {
    const event = { at: NOON, type: "run-finished", report: { ...report, goal: "push" } } as const;
    expect((await reportRun([event])).stdout).toBe("");
  });
});
