import { createServer } from "node:https";
import type { Server } from "node:https";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runChecks } from "#health";
import type { HttpCheckOptions } from "#hive";
import { check, http } from "#hive";
import type { Authority, Certificate } from "./certificates.ts";
import { hasOpenssl, openAuthority } from "./certificates.ts";
import { made, steppingClock, thisHost } from "./scene.ts";

const NAME = "www.meadow.example";

// Certificates that end soon, or are of another name, take openssl to make.
describe.skipIf(!hasOpenssl)("http() with tls", () => {
  let authority: Authority;
  const servers: Server[] = [];
  let lasting: Served;
  let ending: Served;
  let own: Served;

  interface Served {
    readonly port: number;
    readonly certificate: Certificate;
  }

  async function serve(certificate: Certificate): Promise<Served> {
    const server = createServer({ cert: certificate.cert, key: certificate.key }, (request, response) => {
      const { servername } = request.socket as unknown as { readonly servername: string | false };
      response.setHeader("x-asked", `${servername === false ? "nobody" : servername} ${request.headers.host ?? ""}`);
      response.end("all is well");
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    servers.push(server);
    return { port: (server.address() as AddressInfo).port, certificate };
  }
  async function seen(options: HttpCheckOptions): Promise<string> {
    const [result] = await runChecks([made(http(options))], { host: thisHost, clock: steppingClock(), retry: false });
    return `${result!.passed ? "passed" : "failed"}: ${result!.lastSeen.join(" | ")}`;
  }

  beforeAll(async () => {
    authority = openAuthority();
    lasting = await serve(authority.issue(NAME, { days: 20 }));
    ending = await serve(authority.issue(NAME, { days: 5 }));
    own = await serve(authority.selfSigned("another.example"));
  });
  afterAll(() => {
    for (const server of servers) server.close();
    authority[Symbol.dispose]();
  });

  it.each(["operator", "host"] as const)(
    "verifies the certificate against its own authority, from the %s",
    async (from) => {
      const tls = { ca: authority.cert, servername: NAME };
      expect(await seen({ port: lasting.port, from, tls })).toBe("passed: status 200");
      expect(await seen({ port: lasting.port, from, tls: { servername: NAME } })).toMatch(
        /^failed: unable to (verify|get)/,
      );
    },
  );

  it.each(["operator", "host"] as const)(
    "asks for the name and wants it in the certificate, from the %s",
    async (from) => {
      const { port } = lasting;
      const tls = { ca: authority.cert, servername: NAME };
      expect(await seen({ port, from, tls, headers: { "x-asked": { equals: `${NAME} ${NAME}:${port}` } } })).toBe(
        "passed: status 200",
      );
      expect(await seen({ port, from, tls: { ...tls, servername: "db.meadow.example" } })).toMatch(/altnames/);
      // Without a name it is the address that the certificate would have to have.
      expect(await seen({ port, from, tls: { ca: authority.cert } })).toMatch(/^failed: .*127\.0\.0\.1/);
    },
  );

  it("takes an https URL, and verifies its host's name", async () => {
    const url = `https://localhost:${lasting.port}/`;
    expect(await seen({ url })).toMatch(/^failed: unable to/);
    expect(await seen({ url, tls: { ca: authority.cert } })).toMatch(/altnames/);
    expect(await seen({ url, tls: { ca: authority.cert, servername: NAME } })).toBe("passed: status 200");
  });

  it("wants the certificate to last as long as it was told", async () => {
    const tls = { ca: authority.cert, servername: NAME, minDaysLeft: 14 };
    expect(await seen({ port: lasting.port, tls })).toBe("passed: status 200");
    expect(await seen({ port: ending.port, tls: { ...tls, minDaysLeft: 3 } })).toBe("passed: status 200");
    expect(await seen({ port: ending.port, tls })).toMatch(
      /^failed: status 200, the certificate ends in 4 days, on \d{4}-\d\d-\d\d; 14 days are wanted$/,
    );
  });

  it.each(["operator", "host"] as const)(
    "takes a self-signed certificate by its fingerprint only, from the %s",
    async (from) => {
      const { port, certificate } = own;
      expect(await seen({ port, from, tls: {} })).toMatch(/^failed: self-signed certificate/);
      expect(await seen({ port, from, tls: { fingerprint: certificate.fingerprint } })).toBe("passed: status 200");
      const { fingerprint } = lasting.certificate;
      expect(await seen({ port, from, tls: { fingerprint } })).toBe(
        `failed: status 200, another certificate: its SHA-256 is ${certificate.fingerprint}`,
      );
      expect(await seen({ port, from, tls: { ca: certificate.cert, servername: "another.example" } })).toBe(
        "passed: status 200",
      );
    },
  );

  it("with an authority and a fingerprint wants both", async () => {
    const both = { ca: authority.cert, servername: NAME, fingerprint: lasting.certificate.fingerprint };
    expect(await seen({ port: lasting.port, tls: both })).toBe("passed: status 200");
    const { fingerprint } = own.certificate;
    expect(await seen({ port: own.port, tls: { ...both, fingerprint } })).toMatch(/^failed: self-signed certificate/);
  });

  it("a check of one's own fetches over https from the host", async () => {
    const input = check("fetch", async ({ fetch }) => {
      const answer = await fetch(`https://127.0.0.1:${lasting.port}/`, { ca: authority.cert });
      return answer.ok;
    });
    const [result] = await runChecks([made(input)], { host: thisHost, retry: false });
    expect(result).toMatchObject({ passed: false, lastSeen: [expect.stringContaining("127.0.0.1")] });
  });
});
