import type { HiveError } from "#hive";
import { baseline, check, http, nixos, parseHive, unit } from "#hive";
import { describe, expect, it } from "vitest";

const system = nixos({ flake: "." });

/** A host's checks as the hive makes them. */
function checksOf(...checks: readonly unknown[]) {
  return parseHive({ hosts: { "web-1": { system, checks } } }, { directory: "/fleet/meadow" }).hosts[0]!.checks;
}

function problemsOf(...checks: readonly unknown[]): readonly string[] {
  try {
    checksOf(...checks);
    return [];
  } catch (error) {
    const lines = (error as HiveError).message.split("\n").slice(1);
    return lines.map((text) => text.trim().replace("hosts.web-1.checks[0].", ""));
  }
}

const PEM = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";

describe("parseHive() reads checks", () => {
  it("http() with headers, by lower-case names, and a list of statuses", () => {
    const headers = { "Content-Type": "text/html", "X-Release": { equals: "v2" } };
    expect(checksOf(http({ method: "HEAD", status: [200, 304], headers }))).toMatchObject([
      {
        method: "HEAD",
        status: [200, 304],
        headers: [
          { name: "content-type", contains: "text/html" },
          { name: "x-release", equals: "v2" },
        ],
      },
    ]);
  });

  it("http() with tls asks over https, on its port", () => {
    const fingerprint = "A1:".repeat(31) + "b2";
    expect(checksOf(http({ path: "/up", tls: { ca: PEM, fingerprint, minDaysLeft: 14 } }))).toMatchObject([
      {
        name: "https :443/up",
        port: 443,
        tls: { ca: [PEM], fingerprint: `${"a1".repeat(31)}b2`, minDaysLeft: 14, servername: undefined },
      },
    ]);
    expect(checksOf(http({ port: 8443, tls: {} }))).toMatchObject([{ port: 8443, tls: { minDaysLeft: 0 } }]);
    expect(checksOf(http({ url: "HTTPS://web/", tls: {} }))).toMatchObject([{ name: "http HTTPS://web/" }]);
  });

  it("baseline() with units to ignore, which may lack their suffix", () => {
    expect(checksOf(baseline({ ignore: ["certbot", "backup@db.timer", "user@*", "run-[ab]"] }))).toMatchObject([
      { kind: "baseline", name: "baseline", ignore: ["certbot.service", "backup@db.timer", "user@*", "run-[ab]"] },
    ]);
  });

  it("check(), whose function comes out as it went in", async () => {
    const probe = () => "ill";
    const [made] = checksOf(check("drains", probe, { timeout: "2s" }));
    expect(made).toMatchObject({ kind: "custom", name: "drains", timeoutMs: 2_000, required: false, failures: 3 });
    expect(Object.isFrozen(made)).toBe(true);
    if (made?.kind !== "custom") throw new Error("expected a check of one's own");
    expect(made.probe).toBe(probe);
    expect(Object.isFrozen(probe)).toBe(false);
    expect(await made.probe({} as never)).toBe("ill");
  });

  it("that are required, and how often they may fail", () => {
    expect(checksOf(unit("web", { required: true, failures: 7 }))).toMatchObject([{ required: true, failures: 7 }]);
  });
});

describe("parseHive() says what is wrong with a check", () => {
  it.each<[string, unknown, readonly string[]]>([
    [
      "tls beside a plain url",
      http({ url: "http://web/", tls: {} }),
      ["tls: expected no tls beside a url that is not https, found an empty object"],
    ],
    [
      "a body in the answer to HEAD",
      http({ method: "HEAD", body: "ok" }),
      ['body: expected no body, which the answer to a HEAD request has not, found "ok"'],
    ],
    ["another method", http({ method: "POST" as never }), ['method: expected "GET" or "HEAD", found "POST"']],
    [
      "no statuses",
      http({ status: [] }),
      ["status: expected a status from 100 to 599, or a list of them, found an empty list"],
    ],
    [
      "a pattern for a header",
      http({ headers: { server: /nginx/ as never } }),
      ['headers.server: expected text that the header must contain, or { equals: "…" }, found a RegExp'],
    ],
    [
      "a certificate's file in place of the certificate",
      http({ tls: { ca: "./ca.pem" } }),
      ['tls.ca: expected a certificate in PEM, "-----BEGIN CERTIFICATE-----" and so on, found "./ca.pem"'],
    ],
    [
      "half a fingerprint",
      http({ tls: { fingerprint: "a1:b2" } }),
      ['tls.fingerprint: expected a SHA-256 fingerprint such as "A1:B2:…" of 32 bytes in hexadecimal, found "a1:b2"'],
    ],
    [
      "an address as the server's name",
      http({ tls: { servername: "10.0.0.1" } }),
      ['tls.servername: expected a DNS name such as "www.example.org", found "10.0.0.1"'],
    ],
    [
      "a misspelt key of tls",
      http({ tls: { minDayLeft: 3 } as never }),
      ['tls.minDayLeft: unknown key, did you mean "minDaysLeft"?'],
    ],
    [
      "a glob without an end",
      baseline({ ignore: ["a["] }),
      ['ignore[0]: expected a unit or a glob such as "backup-*", found "a["'],
    ],
    [
      "a check without a function",
      { kind: "custom", name: "own" },
      ["probe: expected a function that says whether the host is well, found nothing"],
    ],
    [
      "a check without a name",
      { kind: "custom", probe: () => true },
      ["name: expected a name of one line, at most 100 characters, found nothing"],
    ],
    [
      "a function that was not given to check()",
      () => true,
      [
        "hosts.web-1.checks[0]: expected a check made by http(), tcp(), unit(), command(), baseline() or check(), found a function",
      ],
    ],
    ["no failures at all", unit("a", { failures: 0 }), ["failures: expected a whole number from 1 to 1000, found 0"]],
  ])("%s", (_what, input, lines) => {
    expect(problemsOf(input)).toEqual(lines);
  });
});
