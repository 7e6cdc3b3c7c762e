import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import axe from "axe-core";
import type { Browser, Page } from "puppeteer-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { renderPastRun } from "#report";
import type { JournalRead, RolloutEvent } from "#rollout";
import { openBrowser, whyNoBrowser } from "./browser.ts";
import { reportRun } from "./report-run.ts";
import { simulatedJournal } from "./simulated-journal.ts";
import { bigChange, journalWithChanges, SMALL_CHANGE, withChanges } from "./typical-changes.ts";
import { BAD_GATEWAY, hostReport, name, rolloutReport, typicalRun } from "./typical-run.ts";

const render = (journal: JournalRead): string => renderPastRun(journal, { format: "html", colors: false, columns: 80 });

/** The journal of events as somebody's run has them. */
function journalOf(events: readonly RolloutEvent[]): JournalRead {
  const reports = new Map(
    events.flatMap((event) => (event.type === "host-finished" ? [[event.host, event.report]] : [])),
  );
  const hosts = ["web-1", "web-2", "db-1"].map((host) => ({
    ...{ name: name(host), wave: "rest", target: { host }, step: undefined, begun: true },
    report: reports.get(name(host)),
  }));
  const end = events.find((event) => event.type === "run-finished");
  return {
    file: "r-7c1d.ndjson",
    header: {
      ...{ v: 1, run: "r-7c1d", goal: "switch", hive: "apiary", operator: "ann@laptop", startedAt: events[0]?.at },
      revision: { name: "apiary", revision: "0123456789abcdef", dirty: false },
      ...{ hosts, policy: {}, process: { pid: 1, machine: "laptop", started: null } },
    },
    ...{ events, resumptions: [], state: "ended", report: end?.report, hosts },
  } as unknown as JournalRead;
}

describe("the page of a run", () => {
  it("loads nothing, and holds no text of a host's that is markup", () => {
    const evil = `</title></script><script>alert(1)</script><img src=x onerror=alert(1)>"'\u0000`;
    const events = typicalRun().map((event): RolloutEvent => {
      if (event.type === "log") return { ...event, line: evil };
      if (event.type !== "host-finished" || event.host !== "db-1") return event;
      const error = { ...BAD_GATEWAY, message: evil, hint: evil, cause: evil, code: evil };
      return { ...event, report: hostReport("db-1", { outcome: "failed", error, notices: [evil] }) };
    });
    const page = render(journalOf(events));
    expect(page.match(/<img|alert\(1\)<\/script>/g)).toBeNull();
    expect(page.match(/<script/g)).toHaveLength(1);
    expect(page.match(/<[^>]*\s(src|href|style|on\w+)=|@import|url\(/gi)).toBeNull();
  });

  it("is the same of the events as they come as of a journal of them", async () => {
    const journal = journalOf(typicalRun());
    const { operator, revision } = journal.header;
    const events = typicalRun().map((event): RolloutEvent => {
      if (event.type !== "run-started") return event;
      const waves = [{ name: "rest", hosts: journal.hosts.map((host) => host.name) }];
      return { ...event, operator, revision: revision.revision ?? undefined, dirty: revision.dirty, waves };
    });
    const folder = mkdtempSync(join(tmpdir(), "skep-page-"));
    const file = join(folder, "report.html");
    await reportRun(events, { html: file });
    expect(readFileSync(file, "utf8")).toBe(render(journal));
    rmSync(folder, { recursive: true });
  });

  it("holds no markup of what changed, and names nothing of an old journal, which does not tell", () => {
    const evil = `</td><script>alert(1)</script><img src=x onerror=alert(1)>"'`;
    const change = {
      packages: [{ name: evil, kind: "up" as const, from: [evil], to: [evil], sizeDelta: 1 }],
      units: { stop: [evil], reload: [], restart: [], start: [] },
      ...{ said: [evil], etc: { added: [evil], changed: [], removed: [] }, reboot: evil },
    };
    const page = render(journalOf(withChanges(typicalRun(), () => change)));
    expect(page.match(/<img|alert\(1\)<\/script>/g)).toBeNull();
    expect(page.match(/<[^>]*\s(src|href|style|on\w+)=/gi)).toBeNull();
    expect(page).toContain("What changed");
    expect(render(journalOf(typicalRun()))).not.toContain("What changed");
  });

  it("stays small where every host of a large run changes much, and in another way", async () => {
    const journal = await simulatedJournal(500, { bad: 1, policy: { waves: ["rest"], maxFailures: 30 } });
    const events = withChanges(journal.events, (host) => bigChange(host));
    const page = render({ ...journal, events });
    expect(Buffer.byteLength(page)).toBeLessThan(3 * 1024 * 1024);
    expect(page).toContain("too much for this page");
  });

  it("is small and made at once also of a thousand hosts", async () => {
    const journal = await simulatedJournal(1_000, { bad: 20, policy: { waves: ["@canary", "rest"], maxFailures: 30 } });
    const page = render(journal);
    expect(Buffer.byteLength(page)).toBeLessThan(2 * 1024 * 1024);
    for (const { name: host } of journal.hosts) expect(page).toContain(`>${host}<`);
  });
});

const reason = whyNoBrowser();
describe.skipIf(reason !== undefined)(
  `the page of a run in a browser${reason === undefined ? "" : ` (skipped: ${reason})`}`,
  { timeout: 120_000 },
  () => {
    let browser: Browser;
    let page: Page;
    let folder = "";
    /** What the browser had against the page, and what it asked for beside it. */
    let complaints: string[];
    beforeAll(async () => {
      folder = mkdtempSync(join(tmpdir(), "skep-page-"));
      browser = await openBrowser();
    }, 90_000);
    afterAll(async () => {
      await browser.close();
      rmSync(folder, { recursive: true });
    });
    beforeEach(async () => {
      page = await browser.newPage();
      complaints = [];
      page.on("console", (message) => complaints.push(message.text()));
      page.on("pageerror", (error) => complaints.push(String(error)));
      page.on("request", (request) => {
        if (!request.url().startsWith("file:")) complaints.push(request.url());
      });
      await page.setViewport({ width: 1_280, height: 900 });
    });
    afterEach(() => page.close());

    const open = async (journal: JournalRead): Promise<void> => {
      const file = join(folder, "report.html");
      writeFileSync(file, render(journal));
      await page.goto(pathToFileURL(file).href);
    };
    const three = (): JournalRead => journalOf(typicalRun());
    const many = (count: number): Promise<JournalRead> =>
      simulatedJournal(count, { bad: 12, policy: { waves: ["@canary", "10%", "rest"], maxFailures: 40 } });
    /** What an expression of the page's own comes to. */
    const ask = async <T>(expression: string): Promise<T> => (await page.evaluate(expression)) as T;
    /** What axe has against it: contrast, names, landmarks, tables, keyboard. */
    const accessibility = async (): Promise<readonly string[]> => {
      await page.evaluate(axe.source);
      return ask(`
        axe.run().then(({ violations }) =>
          violations.map(({ id, nodes }) => id + ": " + nodes.map(({ html, failureSummary }) => html + failureSummary)))
      `);
    };
    const count = (selector: string): Promise<number> =>
      ask(`document.querySelectorAll(${JSON.stringify(selector)}).length`);
    const text = (selector: string): Promise<string[]> =>
      ask(
        `[...document.querySelectorAll(${JSON.stringify(selector)})].map((one) => one.innerText.trim().replaceAll(/\\s+/g, " "))`,
      );

    it("shows three hosts: how each ended, its steps along the time, and what went wrong", async () => {
      await open(three());
      expect(await page.title()).toBe("switch of apiary: 1 deployed, 1 unchanged, 1 rolled back in 42 s");
      expect(await text("header .tally li")).toEqual(["= 1 unchanged", "+ 1 deployed", "< 1 rolled back"]);
      expect(await text(".card h3")).toContain("db-1 < rolled back");
      expect(await text(".card pre")).toEqual(["nginx: bind() to 0.0.0.0:80 failed"]);
      const rows = await text("table.hosts > tbody > tr:first-child");
      expect(rows.map((row) => row.replaceAll("\t", " "))).toEqual([
        "db-1 < rolled back 38.0 MiB 29 s",
        "web-1 + deployed 38.0 MiB 12 s",
        "web-2 = unchanged 1.0 s",
      ]);
      const lanes = await ask<readonly { readonly label: string; readonly widths: readonly boolean[] }[]>(`
        [...document.querySelectorAll("svg.lanes")].map((one) => ({
          label: one.getAttribute("aria-label"),
          widths: [...one.querySelectorAll("path:not(.grid)")].map((path) => path.getBoundingClientRect().width > 1),
        }))
      `);
      expect(lanes[0]).toEqual({ label: "check 25 s, failed, roll-back 3.0 s", widths: [true, true] });
      expect(lanes[1]?.label).toBe("connect 0.4 s, copy 4.0 s, test 6.0 s, commit 1.0 s");
      expect(complaints).toEqual([]);
    });

    it("opens a host's steps from the keyboard", async () => {
      await open(three());
      const isOpen = (): Promise<boolean> => ask(`document.querySelector("table.hosts details").open`);
      await page.focus("table.hosts summary");
      expect(await isOpen()).toBe(false);
      await page.keyboard.press("Enter");
      expect(await isOpen()).toBe(true);
      expect((await text("table.hosts details table.steps tbody tr"))[0]).toMatch(
        /^check \+\d+ s 25 s failed: health\/failed$/,
      );
    });

    it("folds 500 hosts into those that went the same way, and finds one among them", async () => {
      const journal = await many(500);
      await open(journal);
      const groups = await text("table.hosts > tbody > tr:first-child > th");
      expect(groups.length).toBeLessThan(30);
      expect(groups.filter((one) => one.includes(" hosts")).length).toBeGreaterThan(2);
      expect(await count("svg.comb path")).toBe(500);
      expect(await count("details[open]")).toBe(0);
      const isWide = await page.evaluate("document.documentElement.scrollWidth > innerWidth");
      expect(isWide).toBe(false);

      await page.type("#find", "host-137");
      expect(await text("#found")).toEqual(["1 host"]);
      expect(await text("table.hosts > tbody:not([hidden]) table.matrix > tbody > tr:not([hidden]) > th")).toEqual([
        "host-137",
      ]);
      await ask(
        `const input = document.getElementById("find"); input.value = ""; input.dispatchEvent(new Event("input"))`,
      );
      expect(await count("[hidden]")).toBe(0);
      expect(complaints).toEqual([]);
    });

    it("shows what changed, the same on several hosts once, in the words of a plan", async () => {
      const changeOf = (host: string) => (host === "web-2" ? undefined : SMALL_CHANGE);
      await open(journalOf(withChanges(typicalRun(), changeOf)));
      expect(await text(".changes h2")).toEqual(["What changed"]);
      expect(await text(".change h3")).toEqual(["web-1 + deployed db-1 < rolled back"]);
      expect(await text(".change tbody tr")).toEqual([
        ...["packages up nginx 1.24.0 → 1.26.1 +117 KiB", "down openssl 3.0.13 → 3.0.12 -293 KiB"],
        ...["added hello 2.12 +48.8 KiB", "removed cowsay 3.7 -48.8 KiB", "rebuilt etc-{host}"],
        ...["units stop cowsay.service", "restart nginx.service", "start hello.service"],
        ...["/etc added hello.conf", "changed nginx/nginx.conf", "removed cowsay.conf", "secrets added web/token"],
      ]);
      expect(complaints).toEqual([]);
    });

    it("says of which hosts that were deployed nothing is told", async () => {
      await open(journalOf(withChanges(typicalRun(), (host) => (host === "db-1" ? SMALL_CHANGE : undefined))));
      expect(await text(".changes .note")).toEqual(["web-1 What changed there could not be found out."]);
    });

    it("shows the changes of 500 hosts in a few cards, what most have first, and opens all of it for a printer", async () => {
      await open(journalWithChanges(await many(500)));
      const shown = await text(".changes > .change h3");
      expect(shown).toHaveLength(6);
      expect(shown[0]).toMatch(/^1\d\d hosts \+ deployed/);
      expect(await text(".changes > .folded > summary")).toEqual([expect.stringMatching(/^\d+ changes more$/)]);
      expect(await text(".changes > .change:nth-of-type(1) > details > summary")).toEqual([
        "packages: 40 up, 60 rebuilt",
      ]);
      expect(await ask("document.documentElement.scrollWidth > innerWidth")).toBe(false);
      await page.evaluate('dispatchEvent(new Event("beforeprint"))');
      expect(await count(".changes details:not([open])")).toBe(0);
      await page.evaluate('dispatchEvent(new Event("afterprint"))');
      expect(await count(".changes details[open]")).toBe(0);
      await page.setViewport({ width: 380, height: 700 });
      expect(await ask("document.documentElement.scrollWidth > innerWidth")).toBe(false);
      expect(complaints).toEqual([]);
    });

    it.each(["light", "dark"])("is accessible in the %s, with 3 hosts and with 500", async (value) => {
      const few = journalOf(withChanges(typicalRun(), () => SMALL_CHANGE));
      for (const journal of [few, journalWithChanges(await many(500))]) {
        await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value }]);
        await open(journal);
        await ask(`[...document.querySelectorAll("details")].slice(0, 5).forEach((one) => (one.open = true))`);
        await ask(
          `[...document.querySelectorAll("table.hosts details")].slice(0, 5).forEach((one) => (one.open = true))`,
        );
        expect(await accessibility()).toEqual([]);
      }
    });

    it("looks otherwise by night than by day, and prints by day with everything open", async () => {
      const paper = (): Promise<string> => ask("getComputedStyle(document.body).backgroundColor");
      await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: "light" }]);
      await open(three());
      const day = await paper();
      await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: "dark" }]);
      expect(await paper()).not.toBe(day);
      const pdf = await page.pdf({ format: "A4" });
      expect(Buffer.from(pdf.subarray(0, 5)).toString()).toBe("%PDF-");
      await page.evaluate('dispatchEvent(new Event("beforeprint"))');
      expect(await count("table.hosts details:not([open])")).toBe(0);
      await page.evaluate('dispatchEvent(new Event("afterprint"))');
      expect(await count("table.hosts details[open]")).toBe(0);
    });

    it("is whole without its script, and without the controls that need it", async () => {
      await page.setJavaScriptEnabled(false);
      await open(three());
      const body = await page.evaluate("document.body.innerText");
      expect(body).toContain("http :80/healthz answered 502");
      expect(body).toContain("web-1");
      expect(body).not.toContain("Find a host");
    });

    it("runs and loads nothing but its own, even where a host's text were taken for markup", async () => {
      const file = join(folder, "planted.html");
      const planted = `<script>document.title = "planted"</script><img src="https://192.0.2.1/a.png"><p style="color:red">`;
      writeFileSync(file, render(three()).replace("<main>", `<main>${planted}`));
      await page.goto(pathToFileURL(file).href);
      expect(await page.title()).not.toBe("planted");
      expect(complaints.filter((one) => one.includes("Content Security Policy")).length).toBeGreaterThanOrEqual(3);
    });

    it("tells of a run that never came to its end", async () => {
      const events = typicalRun().slice(0, -4);
      await open(journalOf(events));
      expect(await text("header .tally li")).toEqual(["= 1 unchanged", "+ 1 deployed", "? 1 not ended"]);
      expect(await text("header .facts")).toEqual([expect.stringContaining("did not come to its end")]);
      expect(complaints).toEqual([]);
    });

    it("has room for any name, on a telephone too", async () => {
      const report = rolloutReport([hostReport(`web-${"x".repeat(50)}`, { outcome: "deployed" })]);
      await page.setViewport({ width: 380, height: 700 });
      await open(journalOf([...typicalRun().slice(0, -1), { at: 0, type: "run-finished", report }]));
      expect(await page.evaluate("document.documentElement.scrollWidth > innerWidth")).toBe(false);
    });
  },
);
