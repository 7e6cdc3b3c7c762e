import { beforeEach, describe, expect, it } from "vitest";
import { nixosHost } from "./host.ts";
import type { NixosHost, Shell } from "./host.ts";
import { needsHost } from "./tools.ts";

const TEN = Array.from({ length: 10 }, (_, index) => `secret-${String(index)}`);

describe.each<Shell>(["/bin/bash", "/bin/dash"])("the activation of age.secrets, run by %s", (shell) => {
  let host: NixosHost;

  beforeEach(async (context) => {
    needsHost(context);
    host = await nixosHost(shell);
    return () => host[Symbol.asyncDispose]();
  });

  /** Ten secrets of one text each, each with a unit of its own, owned by `web`. */
  const ten = async (text: string, changes: Readonly<Record<string, string>> = {}) => {
    const secrets = TEN.map(async (name) => {
      const file = changes[name] ?? (await host.seal(`${text} of ${name}`));
      return `${name} = { file = ${file}; owner = "web"; group = "web"; restartUnits = [ "${name}.service" ]; };`;
    });
    return `{ age.secrets = { ${(await Promise.all(secrets)).join(" ")} }; }`;
  };
  const secret = async (text: string, rest = "") =>
    `{ age.secrets.token = { file = ${await host.seal(text)}; restartUnits = [ "nginx.service" ]; ${rest} }; }`;
  const generation = () => host.tell("readlink /run/agenix");
  const secrets = () =>
    host.tell("cd /run/agenix/ && find . -type f | sort | xargs -d '\\n' stat -c '%n %U:%G %a' && cat *");

  it("opens ten secrets into memory that is not swapped, for their owners", async () => {
    expect(await host.activate(await ten("first"))).toMatchObject({ exitCode: 0, stderr: "" });
    expect(await host.tell("cd /run/agenix/ && stat -c '%n %U:%G %a' *")).toBe(
      TEN.map((name) => `${name} web:web 400`).join("\n"),
    );
    expect(await host.tell("cat /run/agenix/secret-3")).toBe("first of secret-3");
    expect(await host.tell("stat -c '%U:%G %a' /run/agenix.d /run/agenix/.")).toBe("root:keys 751\nroot:keys 751");
    const mount = await host.tell("grep ' /run/agenix.d ' /proc/mounts");
    expect(mount).toMatch(/^none \/run\/agenix\.d (tmpfs .*noswap|ramfs )/);
    for (const option of ["nodev", "nosuid", "noexec"]) expect(mount).toContain(option);
  });

  it("leaves everything as it was when one of ten cannot be opened, and fails", async () => {
    await host.activate(await ten("first"), { action: "switch" });
    const before = [await generation(), await secrets()];
    const stranger = await host.seal("second", { to: "stranger" });
    const broken = await ten("second", { "secret-4": stranger, "secret-7": '"/no/such.age"' });

    const result = await host.activate(broken, { action: "switch" });

    expect(result).toMatchObject({ exitCode: 1, stdout: "snippet 'agenixInstall' failed (1)\n" });
    expect(result.stderr).toContain(`secret-4: ${JSON.parse(stranger) as string} cannot be opened`);
    expect(result.stderr).toContain("secret-7: /no/such.age does not exist");
    expect(result.stderr).toContain("nothing was changed");
    expect([await generation(), await secrets()]).toEqual(before);
    expect(await host.tell("ls /run/agenix.d")).toBe("1\nsettled");
    expect(await host.units()).toEqual({ restart: [], reload: [] });
  });

  it("restarts nothing and moves nothing when nothing changed", async () => {
    await host.activate(await ten("first"), { action: "switch" });
    const before = await generation();
    expect(await host.activate(await ten("first"), { action: "switch" })).toMatchObject({ exitCode: 0 });
    expect(await generation()).toBe(before);
    expect(await host.units()).toEqual({ restart: [], reload: [] });
  });

  it("tells a switch the unit of a changed secret, and no other", async () => {
    await host.activate(await ten("first"), { action: "switch" });
    const changed = await ten("first", { "secret-4": await host.seal("second") });
    await host.activate(changed, { action: "test" });
    expect(await host.units()).toEqual({ restart: ["secret-4.service"], reload: [] });
    expect(await host.tell("cat /run/agenix/secret-4")).toBe("second");
    await host.activate(changed, { action: "switch" });
    expect(await host.units()).toEqual({ restart: [], reload: [] });
  });

  it("counts owner, group and mode as changes, and each unit once", async () => {
    const units = 'reloadUnits = [ "nginx.service" "nginx.service" ];';
    await host.activate(await secret("one", units), { action: "switch" });
    for (const change of ['mode = "0440";', 'owner = "web";', 'group = "web";']) {
      await host.activate(await secret("one", `${units} ${change}`), { action: "switch" });
      expect(await host.units()).toEqual({ restart: ["nginx.service"], reload: ["nginx.service"] });
    }
  });

  it("leaves no request for the next switch at boot", async () => {
    await host.activate(await secret("one"));
    await host.activate(await secret("two"));
    expect(await host.units()).toEqual({ restart: [], reload: [] });
  });

  it("says in a dry activation what a switch would restart, and changes nothing", async () => {
    expect(await host.activate(await secret("one"), { action: "dry-activate" })).toMatchObject({ exitCode: 0 });
    expect(await host.tell("ls /run; cat /proc/mounts")).not.toMatch(/agenix$|agenix\.d /m);

    await host.activate(await secret("one"), { action: "switch" });
    const before = await host.tell("ls -lR /run");
    expect(await host.activate(await secret("two"), { action: "dry-activate" })).toMatchObject({ exitCode: 0 });
    expect(await host.units("dry-")).toEqual({ restart: ["nginx.service"], reload: [] });
    expect(await host.tell("rmdir /run/nixos; ls -lR /run")).toBe(before);

    const stranger = `{ age.secrets.token.file = ${await host.seal("two", { to: "stranger" })}; }`;
    expect(await host.activate(stranger, { action: "dry-activate" })).toMatchObject({ exitCode: 1 });
    expect(await host.tell("ls /run/agenix.d")).toBe("1\nopened\nsettled");
  });

  it("has secrets ready for the making of users, and gives them to users made since", async () => {
    const password = await host.seal("$y$hash");
    await host.activate(`{ age.secrets.hashed-password = { file = ${password}; owner = "web"; group = "web"; }; }`);
    expect(await host.tell("cat /run/seen-when-users-were-made")).toBe("$y$hash");
    expect(await host.tell("stat -c %U:%G /run/agenix/hashed-password")).toBe("web:web");
  });

  it("notices a new owner who did not exist when the secret was opened", async () => {
    await host.activate(await secret("one"), { action: "switch" });
    await host.tell(
      "sed -i /web/d /etc/passwd 2>/dev/null || grep -v web /etc/passwd >/run/p; [ ! -e /run/p ] || cat /run/p >/etc/passwd",
    );
    await host.activate(await secret("one", 'owner = "web";'), { action: "switch" });
    expect(await host.tell("stat -c %U /run/agenix/token")).toBe("web");
    expect(await host.units()).toEqual({ restart: ["nginx.service"], reload: [] });
  });

  it("fails when an owner is unknown, and leaves the secret to root", async () => {
    const result = await host.activate(await secret("one", 'owner = "nobody-here";'), { action: "switch" });
    expect(result).toMatchObject({ exitCode: 1, stdout: "snippet 'agenixChown' failed (1)\n" });
    expect(result.stderr).toContain("token: cannot be given to nobody-here:0");
    expect(await host.tell("stat -c '%U %a' /run/agenix/token")).toBe("root 400");
  });

  it("links a secret to its path, or copies it there with its owner and mode", async () => {
    const paths = `
      linked = { file = ${await host.seal("linked")}; path = "/run/etc/linked"; };
      copied = {
        file = ${await host.seal("copied")};
        path = "/run/etc/copied"; symlink = false; owner = "web"; group = "web"; mode = "u=r,g=r";
      };
    `;
    const module = `{ age.secrets = { ${paths} }; }`;
    expect(await host.activate(module)).toMatchObject({ exitCode: 0 });
    const placed = "cd /run/etc && stat -c '%n %F %U:%G %a' * && cat * && ls -A | wc -l";
    const expected = "copied regular file web:web 440\nlinked symbolic link root:root 777\ncopiedlinked2";
    expect(await host.tell(placed)).toBe(expected);
    await host.tell("cd /run/etc && echo meddled >copied && ln -sfn /dev/null linked");
    await host.activate(module);
    expect(await host.tell(placed)).toBe(expected);

    await host.tell("cd /run/etc && rm linked && mkdir linked");
    const before = await generation();
    const result = await host.activate(module);
    expect(result).toMatchObject({ exitCode: 1 });
    expect(result.stderr).toContain("linked: /run/etc/linked is a folder");
    expect(await generation()).toBe(before);

    const nowhere = await host.seal("nowhere");
    const full = `{ age.secrets.token = { file = ${nowhere}; path = "/proc/self/token"; owner = "web"; }; }`;
    expect(await host.activate(full)).toMatchObject({ exitCode: 1, stdout: "snippet 'agenixChown' failed (1)\n" });
    expect(await host.tell("stat -c %U /run/agenix/token")).toBe("web");
  });

  it("takes names and paths as they are", async () => {
    const names = ["-rf", "with space", "it's", "$(touch /run/hacked)", "deep/er/*", "back\\slash", '"quoted"'];
    const lines = names.map(async (name, index) => {
      const path = JSON.stringify(`/run/-o dd/${String(index)} -n '$HOME'`).replaceAll("$", "\\$");
      const attribute = JSON.stringify(name).replaceAll("$", "\\$");
      return `${attribute} = { file = ${await host.seal(name)}; path = ${path}; symlink = ${String(index % 2 === 0)}; };`;
    });
    const module = `{
      age.secretsMountPoint = "/run/-mount point";
      age.secretsDir = "/run/secrets dir";
      age.secrets = { ${(await Promise.all(lines)).join("\n")} };
    }`;
    expect(await host.activate(module, { action: "switch" })).toMatchObject({ exitCode: 0, stderr: "" });
    const found = await host.tell("cd '/run/secrets dir/' && find . -type f -printf '%P\\n' | sort");
    expect(found.split("\n")).toEqual([...names].sort());
    expect(await host.tell("cd '/run/-o dd' && cat *")).toBe(names.join(""));
    expect(await host.run("test -e /run/hacked")).toMatchObject({ exitCode: 1 });
  });

  it("takes over from agenix without restarting what did not change", async () => {
    await host.tell(`
      mkdir -p /run/agenix.d && mount -t ramfs none /run/agenix.d -o nodev,nosuid,mode=0751 && mkdir /run/agenix.d/7
      umask 077; printf same >/run/agenix.d/7/same; printf old >/run/agenix.d/7/other
      chmod 0400 /run/agenix.d/7/*; ln -s /run/agenix.d/7 /run/agenix
    `);
    const unitOf = async (name: string, text: string) =>
      `${name} = { file = ${await host.seal(text)}; restartUnits = [ "${name}.service" ]; };`;
    const module = `{ age.secrets = { ${await unitOf("same", "same")} ${await unitOf("other", "new")} }; }`;
    expect(await host.activate(module, { action: "switch" })).toMatchObject({ exitCode: 0 });
    expect(await generation()).toBe("/run/agenix.d/8");
    expect(await host.units()).toEqual({ restart: ["other.service"], reload: [] });
  });

  it("tells units what they missed when an activation ended between opening and owning", async () => {
    const system = async (one: string, two: string) =>
      host.evaluate(`{ age.secrets = {
        one = { file = ${await host.seal(one)}; restartUnits = [ "one.service" ]; };
        two = { file = ${await host.seal(two)}; restartUnits = [ "two.service" ]; };
      }; }`);
    await host.activate(await system("1", "1"), { action: "switch" });
    const interrupted = await system("2", "1");
    await host.tell(interrupted.activationScripts.agenixInstall?.text ?? "");
    await host.activate(await system("2", "2"), { action: "switch" });
    expect(await host.units()).toEqual({ restart: ["one.service", "two.service"], reload: [] });
  });

  it("keeps the generation before, and no more", async () => {
    for (const text of ["one", "two", "three"]) await host.activate(await secret(text), { action: "switch" });
    expect(await host.tell("cd /run/agenix.d && cat 2/token 3/token && ls")).toBe("twothree2\n3\nopened\nsettled");
  });

  it("refuses to write to what is mounted already and not in memory", async () => {
    await host.tell("mkdir /run/agenix.d && mount -t proc none /run/agenix.d");
    const result = await host.activate(await secret("one"));
    expect(result).toMatchObject({ exitCode: 1 });
    expect(result.stderr).toContain("/run/agenix.d: what is mounted there is not in memory");
  });

  it("says when no identity is there", async () => {
    await host.tell(`rm '${host.identity}'`);
    const gone = await host.activate(await secret("two"));
    expect(gone).toMatchObject({ exitCode: 1 });
    expect(gone.stderr).toContain("none of age.identityPaths is there");
  });

  it("restarts units itself when it runs as a unit, but for those that the switch restarts", async () => {
    const service = async (text: string) => {
      const units = 'restartUnits = [ "nginx.service" "php.service" ]; reloadUnits = [ "haproxy.service" ];';
      const file = await host.seal(text);
      const { services } = await host.evaluate(
        `{ systemd.sysusers.enable = true; age.secrets.token = { file = ${file}; ${units} }; }`,
      );
      return (services["agenix-install-secrets"]?.serviceConfig.ExecStart as string[]).join(" && ");
    };
    await host.tell("mkdir /run/nixos && echo php.service >/run/nixos/restart-list");
    expect(await host.run(await service("one"))).toMatchObject({ exitCode: 0, stderr: "" });
    expect(await host.run("test -e /run/systemctl-calls")).toMatchObject({ exitCode: 1 });
    expect(await host.run(await service("two"))).toMatchObject({ exitCode: 0, stderr: "" });
    expect(await host.tell("cat /run/agenix/token /run/systemctl-calls")).toBe(
      "tworestart --no-block -- nginx.service\ntry-reload-or-restart --no-block -- haproxy.service",
    );
  });

  it("calls the keeper once users exist, where there is one", async () => {
    expect(await host.activate("{ }")).toMatchObject({ exitCode: 0 });
    await host.tell(
      "mkdir -p /var/lib/skep/secrets && echo 'id -u web; echo $1; exit 3' >/var/lib/skep/secrets/keeper",
    );
    expect(await host.activate("{ }")).toMatchObject({
      exitCode: 1,
      stdout: "990\nown\nsnippet 'skepSecretsOwners' failed (3)\n",
    });
  });
});
