import { describe, expect, it } from "vitest";
import { parseDeb822Sources, parseListSources } from "./harness/mirror.ts";

describe("parseListSources()", () => {
  it("reads lines of packages and passes over comments, sources and options", () => {
    const text = `# deb http://old.example/debian bookworm main
deb [arch=amd64 signed-by=/usr/share/keyrings/a.gpg] http://mirror.example/debian bookworm main contrib # ours
deb-src http://mirror.example/debian bookworm main
`;
    expect(parseListSources(text)).toEqual([
      { uri: "http://mirror.example/debian", suites: ["bookworm"], components: ["main", "contrib"] },
    ]);
  });
});

describe("parseDeb822Sources()", () => {
  it("reads stanzas, with comments inside and lists over several lines", () => {
    const text = `Types: deb deb-src
# a snapshot of yesterday
URIs: http://mirror.example/debian
Suites: bookworm
 bookworm-updates
Components: main

Types: deb
URIs: http://mirror.example/security
Suites: bookworm-security
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
`;
    expect(parseDeb822Sources(text)).toEqual([
      { uri: "http://mirror.example/debian", suites: ["bookworm", "bookworm-updates"], components: ["main"] },
      { uri: "http://mirror.example/security", suites: ["bookworm-security"], components: ["main"] },
    ]);
  });

  it("passes over stanzas that are switched off or hold no packages", () => {
    const stanza = "URIs: http://mirror.example/debian\nSuites: bookworm\nComponents: main\n";
    expect(parseDeb822Sources(`Types: deb\nEnabled: no\n${stanza}\nTypes: deb-src\n${stanza}`)).toEqual([]);
  });
});
