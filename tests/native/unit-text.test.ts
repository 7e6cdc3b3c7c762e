import { describe, expect, it } from "vitest";
import type { Unit } from "#hive";
import { service, socket, system, target, text, timer } from "#hive";
import { filesOf, hostOf, openEvaluator, pathNamed } from "./evaluating.ts";

/** The text of the one unit, as it comes to lie in the store, and of the manifest. */
async function written(name: string, unit: Unit, others: Readonly<Record<string, Unit>> = {}) {
  await using evaluator = openEvaluator();
  const source = system({ packages: { page: text("hello\n") }, units: { [name]: unit, ...others } });
  const closure = await evaluator.evaluate(hostOf(source));
  const files = await filesOf(evaluator, pathNamed(closure, `unit-${name}`));
  const { manifest = "" } = await filesOf(evaluator, closure.toplevel);
  const { path } = closure.paths.find((info) => info.path.endsWith("-page")) ?? {};
  return { text: files[name] ?? "", lines: (files[name] ?? "").split("\n"), manifest, page: path ?? "" };
}

describe("a service's unit file", () => {
  it("has the command, environment and limits that were said", async () => {
    const { text: unit, page } = await written(
      "web.service",
      service({
        description: "100% honey",
        exec: ({ packages }) => ["/bin/web", "--root", packages.page],
        environment: { PORT: 80, GREETING: 'say "hi"', NONE: undefined },
        after: ["db.service"],
        wants: ["db.service"],
        user: "web",
        restart: "on-failure",
        restartSec: "2s",
        restartTriggers: ({ packages }) => [packages.page],
        settings: { Service: { LimitNOFILE: 65_536, PrivateTmp: true, ReadWritePaths: ["/a", "/b"] } },
      }),
    );
    expect(unit).toBe(
      [
        "[Unit]",
        "Description=100%% honey",
        "After=db.service",
        "Wants=db.service",
        `X-Restart-Trigger="${page}"`,
        "",
        "[Service]",
        "Type=exec",
        `ExecStart=/bin/web --root ${page}`,
        "Environment=PORT=80",
        String.raw`Environment="GREETING=say \"hi\""`,
        "User=web",
        "Restart=on-failure",
        "RestartSec=2000ms",
        "LimitNOFILE=65536",
        "PrivateTmp=yes",
        "ReadWritePaths=/a",
        "ReadWritePaths=/b",
        "",
        "[Install]",
        "WantedBy=multi-user.target",
        "",
      ].join("\n"),
    );
  });

  it.each([
    ["a b", '"a b"'],
    ["", '""'],
    ["100%", "100%%"],
    ["$HOME", "$$HOME"],
    ["${HOME}", '"$${HOME}"'],
    ['say "hi"', String.raw`"say \"hi\""`],
    ["it's", `"it's"`],
    [String.raw`a\nb`, String.raw`"a\\nb"`],
    ["a\nb\tc", String.raw`"a\x0ab\x09c"`],
    [";", '";"'],
    ["-x", "-x"],
    ["é", '"é"'],
  ])("quotes %j as systemd reads it", async (word, quoted) => {
    const { lines } = await written("web.service", service({ exec: ["/bin/we$b", word] }));
    expect(lines).toContain(`ExecStart=/bin/we$b ${quoted}`);
  });

  it("is not started by itself when a timer, a socket or a path of its name starts it", async () => {
    const unit = service({ exec: ["/bin/web"] });
    expect((await written("web.service", unit)).text).toContain("WantedBy=multi-user.target");
    const others = {
      "web.timer": timer({ onBootSec: "1m" }),
      "web.socket": socket({ listenStream: 80 }),
      "web.path": "",
    };
    for (const [name, other] of Object.entries(others)) {
      const { text: unitText, manifest } = await written("web.service", unit, { [name]: other });
      expect(unitText).not.toContain("WantedBy");
      expect(manifest).toMatch(/^unit\tweb\.service\t.*\trestart\t-\t-$/m);
    }
  });
});

describe("other units", () => {
  it("are written in their own words", async () => {
    const tidy = await written(
      "tidy.timer",
      timer({ onCalendar: ["daily", "Sat 09:30"], persistent: true, onUnitActiveSec: "90s" }),
    );
    expect(tidy.lines).toEqual(
      expect.arrayContaining([
        "[Timer]",
        "OnCalendar=daily",
        "OnCalendar=Sat 09:30",
        "OnUnitActiveSec=90000ms",
        "Persistent=yes",
        "WantedBy=timers.target",
      ]),
    );
    const web = await written("web.socket", socket({ listenStream: [8080, "/run/web.sock"], service: "page.service" }));
    expect(web.lines).toEqual(
      expect.arrayContaining(["[Socket]", "ListenStream=8080", "ListenStream=/run/web.sock", "Service=page.service"]),
    );
    expect(web.manifest).toMatch(/^unit\tweb\.socket\t.*\tstart\tpage\.service$/m);
    const site = await written("site.target", target({ wants: ["web.service"] }));
    expect(site.text).toBe(
      "[Unit]\nDescription=site.target\nWants=web.service\n\n[Install]\nWantedBy=multi-user.target\n",
    );
  });

  it("raw text stays as it is, and its [Install] section counts", async () => {
    const raw =
      "# mine\n[Service]\nExecStart=/bin/raw %i $X\n[Install]\nWantedBy=a.target \\\n  multi-user.target\nWantedBy=c.service\nRequiredBy=d.target\n";
    const { text: unit, manifest } = await written("raw.service", raw);
    expect(unit).toBe(raw);
    const links = [...manifest.matchAll(/system\/(.*(?:wants|requires))\/raw\.service$/gm)].map(([, folder]) => folder);
    expect(links).toEqual(["a.target.wants", "multi-user.target.wants", "c.service.wants", "d.target.requires"]);
    expect(manifest).toMatch(/^unit\traw\.service\t.*\tstart\t-$/m);
  });

  it.each([
    ["rescue.target", false],
    ["db.service", false],
    ["graphical.target", true],
    ["ours.target", true],
    ["idle.target", false],
  ])("a service that %s wants is started by an activation: %s", async (by, started) => {
    const { manifest } = await written("web.service", service({ exec: ["/bin/web"], wantedBy: [by] }), {
      "ours.target": target(),
      "idle.target": target({ wantedBy: [] }),
    });
    expect(manifest).toMatch(new RegExp(`^unit\tweb\\.service\t.*\trestart\t${started ? "start" : "-"}\t-$`, "m"));
  });
});
