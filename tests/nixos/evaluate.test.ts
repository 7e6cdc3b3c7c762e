import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { evaluate } from "./evaluate.ts";
import { needsNix } from "./tools.ts";

let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "skep-nixos-"));
  await writeFile(join(directory, "password.age"), "not opened here\n");
  await writeFile(join(directory, "host-key"), "a private key\n");
});
beforeEach(needsNix);
afterAll(() => rm(directory, { recursive: true }));

const system = (module: string) => evaluate(module, { directory });
const SECRET = 'age.secrets."db/password".file = ./password.age;';

describe("age.*", () => {
  it("has agenix's options and defaults", async () => {
    const { age, problems } = await system(`{ ${SECRET} }`);
    expect(problems).toEqual([]);
    expect(age).toMatchObject({
      ageBin: "/usr/bin/age",
      identityPaths: ["/etc/ssh/ssh_host_ed25519_key"],
      secretsDir: "/run/agenix",
      secretsMountPoint: "/run/agenix.d",
    });
    expect(age.secrets["db/password"]).toEqual({
      name: "db/password",
      file: join(directory, "password.age"),
      path: "/run/agenix/db/password",
      mode: "0400",
      owner: "0",
      group: "0",
      symlink: true,
      restartUnits: [],
      reloadUnits: [],
    });
  });

  it("derives path from name and secretsDir, and group from owner", async () => {
    const { age } = await system(`{
      users.users.postgres.group = "databases";
      age.secretsDir = "/run/secrets";
      age.secrets.password = { file = ./password.age; name = "db"; owner = "postgres"; };
    }`);
    expect(age.secrets.password).toMatchObject({ path: "/run/secrets/db", group: "databases" });
  });

  it("copies what is encrypted into the store, and a private key never", async () => {
    await system(`{ ${SECRET} age.identityPaths = [ ./host-key ]; }`);
    const stored = (await readdir(join(directory, "store"))).map((name) => name.replace(/^[^-]*-/, ""));
    expect(stored).toContain("password.age");
    expect(stored).not.toContain("host-key");
  });

  it("keeps the names of agenix's scripts, in its order: opened before users are made, owned after", async () => {
    const { activationScripts, services } = await system(`{ ${SECRET} }`);
    const deps = Object.entries(activationScripts).map(([name, script]) => [name, script.deps]);
    expect(Object.fromEntries(deps)).toMatchObject({
      agenixNewGeneration: ["specialfs"],
      agenixInstall: ["agenixNewGeneration"],
      users: ["groups", "agenixInstall"],
      agenixChown: ["users", "groups"],
      agenix: ["agenixChown"],
    });
    expect(Object.entries(activationScripts).filter(([, script]) => script.supportsDryActivation)).toMatchObject([
      ["agenixInstall", { text: expect.stringMatching(/-age-secrets open$/) as string }],
    ]);
    expect(Object.keys(services)).toEqual(["skep-secrets"]);
  });

  it.each(["systemd.sysusers.enable = true;", "services.userborn.enable = true;"])(
    "is a unit where users are made by one: %s",
    async (users) => {
      const { activationScripts, services } = await system(`{ ${SECRET} ${users} }`);
      expect(Object.keys(activationScripts)).toEqual(["groups", "specialfs", "users"]);
      expect(services["agenix-install-secrets"]).toMatchObject({
        wantedBy: ["sysinit.target"],
        requiredBy: ["sysinit-reactivation.target"],
        after: ["systemd-sysusers.service", "userborn.service"],
        before: ["sysinit.target", "sysinit-reactivation.target", "shutdown.target"],
        unitConfig: { DefaultDependencies: false, RequiresMountsFor: ["/etc/ssh/ssh_host_ed25519_key"] },
        serviceConfig: {
          Type: "oneshot",
          RemainAfterExit: true,
          ExecStart: [
            expect.stringMatching(/-age-secrets open$/) as string,
            expect.stringMatching(/-age-secrets own --systemctl$/) as string,
          ],
        },
      });
    },
  );

  it("does nothing where there is no secret", async () => {
    const { activationScripts, problems } = await system("{ services.openssh.enable = false; }");
    expect(Object.keys(activationScripts)).not.toContain("agenixInstall");
    expect(problems).toEqual([]);
  });

  it("tells every problem that can be known before a deployment", async () => {
    const { problems } = await system(`{
      services.openssh.enable = false;
      age.secrets = {
        gone.file = ./gone.age;
        up = { file = ./password.age; name = "../up"; };
        one = { file = ./password.age; name = "db"; };
        two = { file = ./password.age; name = "db"; };
        below = { file = ./password.age; name = "db/password"; };
        relative = { file = ./password.age; path = "etc/password"; };
        later.file = "/var/lib/later.age";
      };
    }`);
    expect(problems.map((problem) => problem.replace(directory, "."))).toEqual([
      "age.identityPaths is empty: enable services.openssh or name the keys that open the secrets.",
      'age.secrets."gone".file: ./gone.age does not exist; a flake sees only files that git knows.',
      'age.secrets."one".name: "db" is the name or the folder of another secret, too.',
      'age.secrets."relative".path: "etc/password" is not the absolute path of a file.',
      'age.secrets."two".name: "db" is the name or the folder of another secret, too.',
      'age.secrets."up".name: "../up" is not a relative path.',
    ]);
  });

  it.each([
    ['age.secretsMountPoint = "/run/agenix.d/";', "the option age.secretsMountPoint is not of type string"],
    [
      'age.secrets.password = { file = ./password.age; restartUnits = "nginx.service"; };',
      "the option age.secrets.password.restartUnits is not of type list of string",
    ],
    ["age.secrets.password.restart = [ ];", "the option age.secrets.password.restart does not exist"],
    ['age.secrets.password.mode = "0440";', "file has no value"],
  ])("refuses %s", async (module, message) => {
    await expect(system(`{ ${module} }`)).rejects.toThrow(message);
  });
});

describe("skep.secrets", () => {
  it("opens at boot what was deployed, and leaves to the agent what is open already", async () => {
    const { services, activationScripts, systemPackages } = await system("{ }");
    expect(systemPackages).toEqual(["/usr"]);
    expect(services).toMatchObject({
      "skep-secrets": {
        wantedBy: ["sysinit.target"],
        after: ["local-fs.target", "systemd-sysusers.service", "userborn.service"],
        before: ["skep-boot.service", "sysinit.target", "shutdown.target"],
        restartIfChanged: false,
        unitConfig: {
          DefaultDependencies: false,
          ConditionPathExists: ["/var/lib/skep/secrets/keeper", "!/run/skep/secrets"],
        },
        serviceConfig: {
          Type: "oneshot",
          RemainAfterExit: true,
          ExecStart: "/bin/bash /var/lib/skep/secrets/keeper boot",
        },
      },
    });
    expect(activationScripts.skepSecretsOwners).toMatchObject({ deps: ["users", "groups"] });
  });

  it("gives secrets to users that a unit makes, on every switch", async () => {
    const { services, activationScripts } = await system("{ systemd.sysusers.enable = true; }");
    expect(activationScripts).not.toHaveProperty("skepSecretsOwners");
    expect(services["skep-secrets-owners"]).toMatchObject({
      requiredBy: ["sysinit-reactivation.target"],
      after: ["systemd-sysusers.service", "userborn.service"],
      before: ["sysinit-reactivation.target", "shutdown.target"],
      serviceConfig: { Type: "oneshot", ExecStart: "/bin/bash /var/lib/skep/secrets/keeper own" },
    });
    expect(services["skep-secrets-owners"]?.serviceConfig).not.toHaveProperty("RemainAfterExit");
  });

  it("can be left out", async () => {
    const { services, activationScripts, systemPackages } = await system("{ skep.secrets.enable = false; }");
    expect(services).toEqual({});
    expect(activationScripts).not.toHaveProperty("skepSecretsOwners");
    expect(systemPackages).toEqual([]);
  });
});
