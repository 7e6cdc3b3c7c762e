import { createHmac, randomBytes } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { judgeHostKey, keysKnownFor, knownHostName, parseKnownHosts } from "../../src/ssh/host-keys/known-hosts.ts";

const ED25519 = key("ssh-ed25519", 1);
const OTHER = key("ssh-ed25519", 2);
const RSA = key("ssh-rsa", 3);

/** A line's key text: a wire form that starts with its type, and filling. */
function key(type: string, filling: number): string {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(type.length);
  return `${type} ${Buffer.concat([length, Buffer.from(type), Buffer.alloc(36, filling)]).toString("base64")}`;
}

function blobOf(text: string): Buffer {
  return Buffer.from(text.split(" ")[1]!, "base64");
}

function hashed(name: string): string {
  const salt = randomBytes(20);
  return `|1|${salt.toString("base64")}|${createHmac("sha1", salt).update(name).digest("base64")}`;
}

function judge(text: string, shown: string, { host = "web-1", port = 22 } = {}): string {
  const name = knownHostName(host, port);
  return judgeHostKey(parseKnownHosts(text, "known_hosts"), { name, plainName: host, blob: blobOf(shown) }).kind;
}

describe("judgeHostKey()", () => {
  it("knows a host by its name", () => {
    expect(judge(`web-1 ${ED25519} a comment`, ED25519)).toBe("known");
  });

  it("knows a host by one of several names, patterns and keys", () => {
    const text = `db-1,10.0.0.* ${RSA}\nweb-1,web-?.example.org ${RSA}\nweb-1 ${ED25519}`;
    expect(judge(text, ED25519)).toBe("known");
    expect(judge(text, RSA)).toBe("known");
    expect(judge(text, RSA, { host: "web-7.example.org" })).toBe("known");
    expect(judge(text, RSA, { host: "10.0.0.9" })).toBe("known");
  });

  it("does not let a pattern match what it negates", () => {
    const text = `*.example.org,!edge.example.org ${ED25519}`;
    expect(judge(text, ED25519, { host: "web.example.org" })).toBe("known");
    expect(judge(text, ED25519, { host: "edge.example.org" })).toBe("unknown");
  });

  it("counts no case in names", () => {
    expect(judge(`WEB-1 ${ED25519}`, ED25519)).toBe("known");
    expect(judge(`web-1 ${ED25519}`, ED25519, { host: "Web-1" })).toBe("known");
  });

  it("knows hashed names", () => {
    expect(judge(`${hashed("web-1")} ${ED25519}`, ED25519)).toBe("known");
    expect(judge(`${hashed("[web-1]:2222")} ${ED25519}`, ED25519, { port: 2222 })).toBe("known");
    expect(judge(`${hashed("db-1")} ${ED25519}`, ED25519)).toBe("unknown");
  });

  it("tells ports apart, but accepts the host's own key on any port", () => {
    expect(judge(`[web-1]:2222 ${ED25519}`, ED25519, { port: 2222 })).toBe("known");
    expect(judge(`[web-1]:2222 ${ED25519}`, ED25519)).toBe("unknown");
    expect(judge(`web-1 ${ED25519}`, ED25519, { port: 2222 })).toBe("known");
    expect(judge(`web-1 ${ED25519}`, OTHER, { port: 2222 })).toBe("unknown");
    expect(judge(`[web-1]:2222 ${ED25519}\nweb-1 ${OTHER}`, OTHER, { port: 2222 })).toBe("changed");
  });

  it("calls another key changed, of the same or of another type", () => {
    expect(judge(`web-1 ${ED25519}`, OTHER)).toBe("changed");
    expect(judge(`web-1 ${ED25519}`, RSA)).toBe("changed");
  });

  it("puts a revoked key above everything, on every host its line names", () => {
    expect(judge(`web-1 ${ED25519}\n@revoked * ${ED25519}`, ED25519)).toBe("revoked");
    expect(judge(`@revoked web-1 ${ED25519}`, ED25519, { port: 2222 })).toBe("revoked");
    expect(judge(`web-1 ${OTHER}\n@revoked * ${ED25519}`, OTHER)).toBe("known");
  });

  it("does not take a certificate authority's key for the host's", () => {
    const text = `@cert-authority *.example.org ${ED25519}`;
    expect(judge(text, ED25519, { host: "web.example.org" })).toBe("unknown");
  });

  it("names the certificate authorities it cannot use", () => {
    const hosts = parseKnownHosts(`\n@cert-authority web-1 ${RSA}`, "/k");
    const verdict = judgeHostKey(hosts, { name: "web-1", plainName: "web-1", blob: blobOf(ED25519) });
    expect(verdict).toMatchObject({ kind: "unknown", authorities: [{ location: "/k:2" }] });
  });
});

describe("parseKnownHosts()", () => {
  it("skips what is not a line of its form", () => {
    const text = [
      "# a comment",
      "",
      "web-1",
      "web-1 ssh-ed25519",
      "web-1 ssh-ed25519 not*base64",
      `web-1 ssh-rsa ${ED25519.split(" ")[1]!}`,
      `@unheard-of web-1 ${ED25519}`,
      "|1|short|short ssh-ed25519 AAAA",
      `|2|${hashed("web-1").slice(3)} ${ED25519}`,
      `web-1 1024 35 ${"9".repeat(300)}`,
      `\tweb-1\t ${ED25519}\r`,
    ].join("\n");
    const hosts = parseKnownHosts(text, "/k");
    expect(hosts.map((host) => host.location)).toEqual(["/k:11"]);
    expect(keysKnownFor(hosts, "web-1")).toHaveLength(1);
  });

  it("never throws, whatever a file holds", () => {
    const word = fc.oneof(fc.string(), fc.constantFrom("@revoked", "web-1", "|1|", "!*", ED25519, hashed("web-1")));
    fc.assert(
      fc.property(fc.array(fc.array(word, { maxLength: 6 }), { maxLength: 6 }), (lines) => {
        const hosts = parseKnownHosts(lines.map((words) => words.join(" ")).join("\n"), "/k");
        for (const host of hosts) host.matches("web-1");
      }),
    );
  });

  it("finds every plain and hashed line again under its name", () => {
    const host = fc.stringMatching(/^[a-z0-9][a-z0-9.-]{0,20}$/);
    fc.assert(
      fc.property(fc.array(fc.tuple(host, fc.integer({ min: 1, max: 65535 }), fc.boolean())), (entries) => {
        const names = entries.map(([name, port]) => knownHostName(name, port));
        const text = names.map((name, at) => `${entries[at]![2] ? hashed(name) : name} ${ED25519}\n`).join("");
        const hosts = parseKnownHosts(text, "/k");
        for (const name of names) expect(keysKnownFor(hosts, name).length).toBeGreaterThan(0);
        expect(keysKnownFor(hosts, "nobody.invalid.")).toEqual([]);
      }),
    );
  });
});
