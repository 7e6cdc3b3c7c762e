import { describe, expect, it } from "vitest";
import { directory, file, HiveError, parseHive, service, storePath, system, tarball, target, text, timer } from "#hive";
import type { SystemOptions } from "#hive";

function parse(options: SystemOptions) {
  const { hosts } = parseHive({ hosts: { "web-1": { system: system(options) } } }, { directory: "/fleet" });
  const source = hosts[0]?.system;
  if (source?.kind !== "native") throw new Error("expected a native system");
  return source;
}

/** What is wrong with a system, without the path of the system itself. */
function problemsOf(options: unknown): readonly string[] {
  try {
    parse(options as SystemOptions);
    return [];
  } catch (error) {
    if (!(error instanceof HiveError)) throw error;
    return error.message
      .split("\n")
      .slice(1)
      .map((line) => line.replace("  hosts.web-1.system.", ""));
  }
}

describe("system()", () => {
  it("is complete when it says nothing", () => {
    expect(parse({})).toEqual({ kind: "native", packages: {}, etc: {}, units: {}, hooks: {} });
  });

  it("makes local paths absolute, durations milliseconds, and text an entry", () => {
    const template = () => "made";
    const source = parse({
      packages: { site: directory("./site"), app: tarball("app.tgz", { strip: 1 }), motd: text("hello") },
      etc: { motd: "hello", "ssh/sshd_config": { file: "./sshd_config", takeOver: true }, "a b": { template } },
      units: { "web.service": service({ exec: ["web"], restartSec: "2s" }), "raw.mount": "[Mount]\n" },
    });
    expect(source).toMatchObject({
      packages: { site: { path: "/fleet/site" }, app: { path: "/fleet/app.tgz", strip: 1 }, motd: { text: "hello" } },
      etc: {
        motd: { text: "hello" },
        "ssh/sshd_config": { file: "/fleet/sshd_config", takeOver: true },
        "a b": { template },
      },
      units: { "web.service": { kind: "service", exec: ["web"], restartSec: 2_000 }, "raw.mount": "[Mount]\n" },
    });
    expect(Object.isFrozen(source.units["web.service"])).toBe(true);
  });
});

describe("what is wrong with system() is said", () => {
  it.each<[what: string, options: unknown, lines: readonly string[]]>([
    ["a misspelt key", { pakages: {} }, [`pakages: unknown key, did you mean "packages"?`]],
    [
      "packages in a list",
      { packages: [] },
      ["packages: expected packages by name, as an object, found an empty list"],
    ],
    [
      "a package that is a path",
      { packages: { site: "./site" } },
      [
        `packages.site: expected a package made by directory(), file(), tarball(), text() or storePath(), found "./site"`,
      ],
    ],
    [
      "a package with an odd name",
      { packages: { "my site": text("") } },
      [
        `packages["my site"]: expected a package's name of letters, digits, "_", "-", "." and "+", the first a letter, found "my site"`,
      ],
    ],
    [
      "a store path that is none",
      { packages: { nginx: storePath("./result") } },
      [`packages.nginx.storePath: expected a store path such as "/nix/store/<digest>-nginx-1.26", found "./result"`],
    ],
    [
      "a misspelt option of a package",
      { packages: { web: file("./web", { exectable: true } as never) } },
      [`packages.web.exectable: unknown key, did you mean "executable"?`],
    ],
    [
      "an entry outside /etc",
      { etc: { "../passwd": "" } },
      [`etc["../passwd"]: expected a path below /etc such as "app/config.json", found "../passwd"`],
    ],
    [
      "an absolute entry",
      { etc: { "/etc/motd": "" } },
      [`etc["/etc/motd"]: expected a path below /etc such as "app/config.json", found "/etc/motd"`],
    ],
    [
      "an entry below another",
      { etc: { app: "", "app/x": "" } },
      [`etc["app/x"]: expected a path that does not lie below "app", which is an entry too, found "app/x"`],
    ],
    [
      "an entry with two contents",
      { etc: { motd: { text: "", file: "./motd" } } },
      [`etc.motd: expected just one of "text", "template", "file" and "linkTo", found an object with text, file`],
    ],
    [
      "an entry without contents",
      { etc: { motd: { mode: "0600" } } },
      [`etc.motd: expected just one of "text", "template", "file" and "linkTo", found an empty object`],
    ],
    [
      "a mode in decimal",
      { etc: { motd: { text: "", mode: 640 } } },
      [`etc.motd.mode: expected permissions in octal such as "0640", found 640`],
    ],
    [
      "a link with a mode",
      { etc: { motd: { linkTo: "/x", mode: "0640" } } },
      [`etc.motd.mode: expected no mode beside a link, found "0640"`],
    ],
    [
      "a unit without its type",
      { units: { web: service({ exec: ["web"] }) } },
      [
        `units.web: expected the whole name of a unit such as "app.service", found "web"`,
        `units.web: expected a name that ends with .service, which this unit is, found "web"`,
      ],
    ],
    [
      "a timer named a service",
      { units: { "web.service": timer({}) } },
      [`units["web.service"]: expected a name that ends with .timer, which this unit is, found "web.service"`],
    ],
    [
      "a unit that is none",
      { units: { "web.service": { exec: ["web"] } } },
      [
        `units["web.service"]: expected a unit made by service(), timer(), socket() or target(), or the text of a unit file, found an object with exec`,
      ],
    ],
    [
      "a command in one word",
      { units: { "web.service": service({ exec: "web -x" as never }) } },
      [
        `units["web.service"].exec: expected a program and its arguments as a list of words such as ["nginx", "-t"], or a function that makes it, found "web -x"`,
      ],
    ],
    [
      "a misspelt directive",
      { units: { "web.service": service({ exec: ["web"], restat: "always" } as never) } },
      [`units["web.service"].restat: unknown key, did you mean "restart"?`],
    ],
    [
      "a reload that is none",
      { units: { "web.service": service({ exec: ["web"], reloadIfChanged: true }) } },
      [
        `units["web.service"].reloadIfChanged: expected an execReload beside it, without which it cannot be reloaded, found true`,
      ],
    ],
    [
      "a short unit name",
      { units: { "site.target": target({ wants: ["web"] }) } },
      [`units["site.target"].wants[0]: expected the whole name of a unit such as "db.service", found "web"`],
    ],
    [
      "a hook in one word",
      { hooks: { before: ["touch x"] } },
      [
        `hooks.before[0]: expected a command such as ["systemd-tmpfiles", "--create"], or a function that makes it, found "touch x"`,
      ],
    ],
  ])("%s", (_what, options, lines) => {
    expect(problemsOf(options)).toEqual(lines);
  });
});

describe("the types of system()", () => {
  it("know the names of packages in the templates of /etc", () => {
    system({
      packages: { site: directory("./site") },
      etc: {
        ok: { template: ({ packages }) => packages.site },
        // @ts-expect-error sitee is no package
        bad: { template: ({ packages }) => packages.sitee as string },
      },
      units: { "web.service": service({ exec: ({ packages }) => ["/bin/web", packages.site] }) },
    });
    // @ts-expect-error a service needs a command
    service({ restart: "always" });
    // @ts-expect-error one way to fill an entry
    system({ etc: { motd: { text: "", linkTo: "/x" } } });
  });
});
