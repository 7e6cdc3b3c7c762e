import { readFile, rm, symlink } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Sandbox, SandboxHost } from "#sandbox";
import { startSandbox } from "#sandbox";
import type { Connection } from "#ssh";
import { writeBelow } from "../write-below.ts";
import { logIn, sh } from "./log-in.ts";

/** A web server as a package of a system has it: a script in the store. */
const STORE = "/nix/store/0c0zk2j2r9y3bmzyr5ihsz2bxy7wqa9c-web";
const SERVER = `
const { createServer } = require("node:http");
const { readFileSync } = require("node:fs");
const [, , page] = process.argv;
createServer((request, response) => {
  if (request.url === "/crash") process.exit(7);
  response.end(process.pid + " " + process.env.GREETING + " " + readFileSync(page, "utf8"));
}).listen(Number(process.env.PORT), () => console.log("listening"));
process.on("SIGHUP", () => console.log("reloaded"));
`;
const WEB = `[Unit]
Description=A web server
[Service]
ExecStart=/usr/bin/env node ${STORE}/server.js --page
ExecStart=
ExecStart=/usr/bin/env node ${STORE}/server.js /etc/page
ExecReload=/bin/kill -HUP $MAINPID
Environment=PORT=8080 "GREETING=good day"
Restart=on-failure
RestartSec=50ms
[Install]
WantedBy=multi-user.target
`;

let sandbox: Sandbox;
let host: SandboxHost;
let connection: Connection;

beforeAll(async () => {
  sandbox = await startSandbox({ hosts: ["web-1"] });
  host = sandbox.host("web-1");
  connection = await logIn(host);
  await put(`${STORE}/server.js`, SERVER);
  await put("/etc/page", "page 1");
});
afterAll(async () => {
  await connection[Symbol.asyncDispose]();
  await sandbox[Symbol.asyncDispose]();
});
beforeEach(async () => {
  await put("/etc/systemd/system/web.service", WEB);
  await systemctl("stop web; systemctl reset-failed; systemctl daemon-reload");
});

const put = (path: string, text: string): Promise<void> => writeBelow(host.root, path, text);

/** What a shell line beginning with `systemctl` printed, and its exit code. */
async function systemctl(line: string): Promise<string> {
  const { stdout, stderr, exit } = await sh(connection, `systemctl ${line}`);
  return `${stdout}${stderr}${exit.exitCode ?? exit.signal}`;
}

async function ask(path = "/"): Promise<string> {
  const port = await host.portOf(8080);
  const answer = await fetch(`http://127.0.0.1:${port}${path}`);
  return answer.text();
}

/** The server's answer once it listens. */
function answered(): Promise<string> {
  return expect.poll(() => ask().catch(() => ""), { timeout: 10_000 }).not.toBe("") as unknown as Promise<string>;
}

const mainPid = async (): Promise<number> => Number((await systemctl("show -p MainPID --value web")).split("\n")[0]);

describe("systemctl on a sandbox host: a service", () => {
  it("runs from its unit file, its port and paths put where the host has them", async () => {
    expect(await systemctl("start web")).toBe("0");
    await answered();
    expect(await ask()).toBe(`${await mainPid()} good day page 1`);
    expect(await systemctl("is-active web")).toBe("active\n0");
    expect(await systemctl("show --property=ActiveState,SubState web.service")).toBe(
      "ActiveState=active\nSubState=running\n0",
    );
    await expect.poll(() => readFile(join(host.root, "var/log/web.service.log"), "utf8")).toContain("listening");
    expect((await sh(connection, "journalctl -u web -n 1")).stdout).toBe("listening\n");
  });

  it("has the same process until it is restarted", async () => {
    await systemctl("start web");
    const first = await mainPid();
    await systemctl("start web");
    expect(await mainPid()).toBe(first);
    expect(await systemctl("restart web")).toBe("0");
    const second = await mainPid();
    expect(second).not.toBe(first);
    expect(() => process.kill(first, 0)).toThrow("ESRCH");
    await answered();
    await systemctl("reload web");
    expect(await mainPid()).toBe(second);
  });

  it("is reloaded by its own command", async () => {
    await systemctl("start web");
    await answered();
    expect(await systemctl("reload web")).toBe("0");
    await expect.poll(() => readFile(join(host.root, "var/log/web.service.log"), "utf8")).toContain("reloaded");
  });

  it("is restarted when it fails", async () => {
    await systemctl("start web");
    await answered();
    const first = await mainPid();
    await ask("/crash").catch(() => undefined);
    await expect.poll(mainPid, { timeout: 10_000 }).not.toSatisfy((pid) => pid === first || pid === 0);
    await answered();
    expect(await systemctl("show -p NRestarts --value web")).toBe("1\n0");
  });

  it("stays stopped when it was stopped", async () => {
    await systemctl("start web");
    const pid = await mainPid();
    expect(await systemctl("stop web")).toBe("0");
    expect(() => process.kill(pid, 0)).toThrow("ESRCH");
    expect(await systemctl("is-active web")).toBe("inactive\n3");
    expect(await mainPid()).toBe(0);
  });

  it("fails as a job when its program cannot be run or ends badly", async () => {
    await put("/etc/systemd/system/missing.service", "[Service]\nExecStart=/nix/store/nowhere/bin/missing\n");
    await put("/etc/systemd/system/broken.service", "[Service]\nType=oneshot\nExecStart=/bin/sh -c 'exit 3'\n");
    expect(await systemctl("start missing broken")).toMatch(
      /Job for missing.service failed[^]*Job for broken.service failed: exit-code[^]*1$/,
    );
    expect(await systemctl("is-failed broken")).toBe("failed\n0");
    expect(await systemctl("list-units --state=failed --plain --no-legend --no-pager")).toBe(
      "broken.service loaded failed failed broken.service\nmissing.service loaded failed failed missing.service\n0",
    );
    expect(await systemctl("is-system-running")).toBe("degraded\n1");
    expect(await systemctl("show -p Result -p ExecMainStatus broken")).toBe("Result=exit-code\nExecMainStatus=3\n0");
    expect(await systemctl("reset-failed; systemctl is-system-running")).toBe("running\n0");
  });

  it("is given up when it fails again and again", async () => {
    await put(
      "/etc/systemd/system/hopeless.service",
      "[Service]\nExecStart=/bin/sh -c 'exit 1'\nRestart=always\nRestartSec=10ms\n",
    );
    await systemctl("start hopeless");
    await expect.poll(() => systemctl("show -p Result --value hopeless")).toBe("start-limit-hit\n0");
    expect(await systemctl("is-active hopeless")).toBe("failed\n3");
  });

  it("is killed when it does not end in its time", async () => {
    await put(
      "/etc/systemd/system/stubborn.service",
      "[Service]\nExecStart=/bin/sh -c 'trap \"\" TERM; echo ready >ready; while :; do sleep 1; done'\nTimeoutStopSec=200ms\n",
    );
    await systemctl("start stubborn");
    await expect.poll(() => readFile(join(host.root, "ready"), "utf8").catch(() => "")).toBe("ready\n");
    expect(await systemctl("stop stubborn; systemctl show -p Result --value stubborn")).toBe("timeout\n0");
  });

  it("runs what comes before, after and instead", async () => {
    await put("/etc/settings", '# told\nFLOWER=clover field\nQUOTED="a b"\n');
    await put(
      "/etc/systemd/system/steps.service",
      `[Service]
Type=oneshot
RemainAfterExit=yes
EnvironmentFile=/etc/settings
EnvironmentFile=-/etc/none
WorkingDirectory=/var/lib
ExecStartPre=-/bin/false
ExecStartPre=/bin/sh -c 'echo "pre $$PWD"'
ExecStart=/bin/echo \${FLOWER} $FLOWER \\
  "\${QUOTED}" %n
ExecStartPost=/bin/echo post
ExecStop=/bin/echo stopped
`,
    );
    expect(await systemctl("start steps; systemctl is-active steps; systemctl stop steps")).toBe("active\n0");
    expect(await readFile(join(host.root, "var/log/steps.service.log"), "utf8")).toBe(
      `pre ${host.root}/var/lib\nclover field clover field a b steps.service\npost\nstopped\n`,
    );
  });
});

describe("systemctl on a sandbox host: units", () => {
  it("starts what a unit needs before it, and stops what needs it first", async () => {
    const step = (name: string, unit: string): Promise<void> =>
      put(
        `/etc/systemd/system/${name}.service`,
        `[Unit]\n${unit}\n[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/sh -c 'echo +${name} >>order'\nExecStop=/bin/sh -c 'echo -${name} >>order'\n`,
      );
    await step("c", "Requires=b.service\nAfter=b.service");
    await step("b", "Wants=a.service\nAfter=a.service");
    await step("a", "Before=c.service");
    await systemctl("start c; systemctl stop a; systemctl stop b");
    expect(await readFile(join(host.root, "order"), "utf8")).toBe("+a\n+b\n+c\n-a\n-c\n-b\n");
  });

  it("does not start what needs a unit that failed", async () => {
    await put("/etc/systemd/system/ground.service", "[Service]\nType=oneshot\nExecStart=/bin/false\n");
    await put(
      "/etc/systemd/system/house.service",
      "[Unit]\nRequires=ground.service\nAfter=ground.service\n[Service]\nExecStart=/bin/sleep 60\n",
    );
    expect(await systemctl("start house")).toMatch(/1$/);
    expect(await systemctl("is-active house")).toBe("inactive\n3");
  });

  it("are read from links into the store, and again after daemon-reload only", async () => {
    await put(
      "/nix/store/1c0zk2j2r9y3bmzyr5ihsz2bxy7wqa9c-etc/units/linked.service",
      "[Unit]\nDescription=one\n[Service]\nType=oneshot\nExecStart=/bin/true\n",
    );
    await symlink("/nix/store/1c0zk2j2r9y3bmzyr5ihsz2bxy7wqa9c-etc", join(host.root, "etc/static"));
    await symlink("/etc/static/units/linked.service", join(host.root, "etc/systemd/system/linked.service"));
    expect(await systemctl("show -p Description,LoadState linked")).toBe("Description=one\nLoadState=loaded\n0");
    await put("run/systemd/system/linked.service.d/a.conf", "[Unit]\nDescription=two\n");
    expect(await systemctl("show -p Description --value linked")).toBe("one\n0");
    expect(await systemctl("daemon-reload; systemctl show -p Description --value linked")).toBe("two\n0");
  });

  it("are enabled by links that it makes and removes", async () => {
    expect(await systemctl("is-enabled web")).toBe("disabled\n1");
    expect(await systemctl("enable web")).toBe(
      "Created symlink /etc/systemd/system/multi-user.target.wants/web.service → /etc/systemd/system/web.service.\n0",
    );
    expect(await systemctl("is-enabled web")).toBe("enabled\n0");
    expect(await systemctl("--quiet disable web; systemctl is-enabled web")).toBe("disabled\n1");
  });

  it("may be targets and timers", async () => {
    await put("/etc/systemd/system/night.timer", "[Timer]\nOnCalendar=daily\n");
    expect(await systemctl("start night.timer; systemctl show -p ActiveState,SubState night.timer")).toBe(
      "ActiveState=active\nSubState=waiting\n0",
    );
    expect(await systemctl("is-active multi-user.target")).toBe("active\n0");
  });

  it("may be instances of a template, which a pattern names together", async () => {
    await put("/etc/systemd/system/bee@.service", "[Service]\nExecStart=/bin/sleep 600.%i\n");
    expect(await systemctl("restart 'bee@*.service'")).toBe("0");
    await systemctl("start bee@1 bee@2");
    const pids = "show -p MainPID --value bee@1 bee@2";
    const before = await systemctl(pids);
    expect(await systemctl("restart 'bee@*.service'")).toBe("0");
    expect((await systemctl(pids)).split("\n").filter((pid) => before.includes(pid) && pid.length > 1)).toEqual([]);
    expect(await systemctl("is-active bee@1 bee@2")).toBe("active\nactive\n0");
    await systemctl("stop 'bee@*.service'");
  });

  it("show what they printed last", async () => {
    await put(
      "/etc/systemd/system/told.service",
      "[Unit]\nDescription=Tells\n[Service]\nType=oneshot\nExecStart=/bin/sh -c 'echo 1; echo 2; exit 1'\n",
    );
    await systemctl("start told");
    expect(await systemctl("--no-pager --lines=1 status told")).toBe(
      "● told.service - Tells\n     Loaded: loaded (/etc/systemd/system/told.service; static)\n     Active: failed (Result: exit-code)\n\n2\n3",
    );
  });

  it("are passed over when a condition is not met, which is no failure", async () => {
    const unit = (name: string, conditions: string): Promise<void> =>
      put(
        `/etc/systemd/system/${name}.service`,
        `[Unit]\n${conditions}\n[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/true\n`,
      );
    const show = (name: string): Promise<string> => systemctl(`show -p ActiveState,ConditionResult --value ${name}`);
    await put("/etc/there", "text");
    await symlink("/etc/there", join(host.root, "etc/link"));
    await unit("met", "ConditionPathExists=/etc/link\nConditionPathExists=!/etc/none");
    await unit("unmet", "ConditionPathExists=/etc/link\nConditionPathExists=/etc/none");
    await unit("either", "ConditionPathExists=|/etc/none\nConditionFileNotEmpty=|/etc/there");
    await unit("neither", "ConditionPathExists=|/etc/none\nConditionPathIsDirectory=|/etc/there");
    await unit("needs", "Requires=unmet.service\nAfter=unmet.service");
    expect(await show("met")).toBe("inactive\nno\n0");
    expect(await systemctl("start met unmet either neither needs")).toBe("0");
    for (const name of ["met", "either", "needs"]) expect(await show(name)).toBe("active\nyes\n0");
    for (const name of ["unmet", "neither"]) expect(await show(name)).toBe("inactive\nno\n0");
    await rm(join(host.root, "etc/link"));
    expect(await systemctl("restart met")).toBe("0");
    expect(await show("met")).toBe("inactive\nno\n0");
  });

  it("have another invocation at each start, and keep it when they are reloaded", async () => {
    await put("/etc/systemd/system/night.timer", "[Timer]\nOnCalendar=daily\n");
    await put("/etc/systemd/system/plain.service", "[Service]\nExecStart=/bin/sleep 600\n");
    const seen = new Set<string>();
    const invocation = async (name: string): Promise<string> => {
      const text = await systemctl(`show --property=InvocationID --value ${name}`);
      return /^([0-9a-f]{32})\n0$/.exec(text)?.[1] ?? text;
    };
    for (const name of ["web.service", "plain.service", "night.timer"]) {
      await systemctl(`stop ${name}`);
      for (const verb of ["start", "restart", "try-restart"]) {
        expect(await systemctl(`${verb} ${name}`)).toBe("0");
        const id = await invocation(name);
        expect(id).toMatch(/^[0-9a-f]{32}$/);
        expect(seen).not.toContain(id);
        seen.add(id);
        await systemctl(`start ${name}`);
        expect(await invocation(name)).toBe(id);
      }
    }
    await answered();
    const [web, plain] = [await invocation("web"), await invocation("plain")];
    await systemctl("reload-or-restart web plain");
    expect(await invocation("web")).toBe(web);
    expect(await invocation("plain")).not.toBe(plain);
    expect(await systemctl("reload plain")).toBe(
      "Failed to reload plain.service: Job type reload is not applicable for unit plain.service.\n3",
    );
    await systemctl("stop plain");
    expect(await systemctl("try-restart plain; systemctl is-active plain")).toBe("inactive\n3");
    expect(await systemctl("reload-or-restart plain; systemctl is-active plain")).toBe("active\n0");
  });

  it("show what is asked of them in an order of systemd's own", async () => {
    await systemctl("start web");
    const asked = "show --property=InvocationID,ActiveState,ConditionResult --value";
    expect(await systemctl(`${asked} web`)).toMatch(/^active\nyes\n[0-9a-f]{32}\n0$/);
    expect(await systemctl(`${asked} nothing web`)).toMatch(/^inactive\nno\n\n\nactive\nyes\n[0-9a-f]{32}\n0$/);
    expect(await systemctl("show --property=InvocationID,ActiveState nothing")).toBe(
      "ActiveState=inactive\nInvocationID=\n0",
    );
  });

  it("are shown by their files", async () => {
    await put("/etc/systemd/system/web.service.d/a.conf", "[Unit]\nDescription=Another");
    await systemctl("daemon-reload");
    expect(await systemctl("cat web nothing")).toBe(
      `# /etc/systemd/system/web.service\n${WEB}\n# /etc/systemd/system/web.service.d/a.conf\n[Unit]\nDescription=Another\nNo files found for nothing.service.\n1`,
    );
    await rm(join(host.root, "etc/systemd/system/web.service.d"), { recursive: true });
    expect(await systemctl("daemon-reload; systemctl cat web")).toBe(`# /etc/systemd/system/web.service\n${WEB}0`);
  });

  it("are missed by name", async () => {
    expect(await systemctl("start nothing")).toBe(
      "Failed to start nothing.service: Unit nothing.service not found.\n5",
    );
    expect(await systemctl("is-active nothing")).toBe("inactive\n3");
    expect(await systemctl("show -p LoadState --value nothing")).toBe("not-found\n0");
    expect(await systemctl("hibernate")).toBe("Unknown command verb hibernate on a sandbox host.\n1");
  });

  it("are told of by many callers at once", async () => {
    const { stdout } = await sh(
      connection,
      "for i in 1 2 3 4 5 6 7 8 9 10 11 12; do systemctl is-active multi-user.target & done; wait",
    );
    expect(stdout).toBe("active\n".repeat(12));
  });
});
