import { createServer } from "node:http";
import { once } from "node:events";
import { describe, expect, it } from "vitest";
import { command, http, nixos, parseHive, tcp, unit } from "#hive";
import { sandboxTwin } from "#sandbox";
import { connect } from "#ssh";

const system = nixos({ storePath: "/nix/store/0c0zk2j2r9y3bmzyr5ihsz2bxy7wqa9c-system" });
const hive = parseHive(
  {
    hosts: {
      "web-1": {
        target: { host: "192.0.2.1", user: "deploy", proxyJump: "bastion" },
        system,
        checks: [
          http({ port: 8080, path: "/health" }),
          http({ name: "inside", port: 8080, from: "host" }),
          http({ name: "by url", url: "http://192.0.2.1:8080/x?y" }),
          http({ name: "elsewhere", url: "https://example.org/" }),
          tcp({ port: 9000 }),
          tcp({ port: 5432, name: "database", address: "192.0.2.9" }),
          unit("web"),
          command(["true"]),
        ],
        secrets: {
          "db/password": { owner: "web", group: "web", mode: "0440", path: "/etc/password", restart: ["web.service"] },
          token: { open: "operator", reload: ["web.service"] },
        },
        identityPaths: ["/etc/age/key"],
      },
      "db-1": { target: "192.0.2.2", system },
    },
  },
  { directory: "/fleet", file: "hive.ts" },
);

describe("sandboxTwin()", () => {
  it("gives every host a throw-away host as its target", async () => {
    await using twin = await sandboxTwin(hive.hosts);
    expect(twin.hosts.map(({ name }) => name)).toEqual(["web-1", "db-1"]);
    for (const { name, target, elevation } of twin.hosts) {
      expect({ elevation, target }).toEqual({
        elevation: "none",
        target: { ...twin.sandbox.host(name).target, proxyJump: "none" },
      });
      const { host, port, user, identityFile, hostKey, proxyJump } = target;
      await using connection = await connect(
        {
          ...{ host, port, user, proxyJump },
          identityFiles: [identityFile ?? ""],
          hostKeys: [hostKey ?? ""],
        },
        { configFile: "none" },
      );
      expect((await connection.run(["sh", "-c", 'echo "$SKEP_HOST"'])).stdout).toBe(`${name}\n`);
    }
  });

  it("lets checks ask the twins, and leaves those about others", async () => {
    await using twin = await sandboxTwin(hive.hosts);
    const web = twin.sandbox.host("web-1");
    const [port8080, port9000] = [await web.portOf(8080), await web.portOf(9000)];
    const [asked, inside, byUrl, elsewhere, socket, database, ...rest] = twin.hosts[0]?.checks ?? [];
    expect(asked).toMatchObject({ port: port8080, path: "/health", url: undefined });
    expect(byUrl).toMatchObject({ url: `http://127.0.0.1:${port8080}/x?y` });
    expect(socket).toMatchObject({ port: port9000, address: undefined });
    const unchanged = hive.hosts[0]?.checks ?? [];
    expect([inside, elsewhere, database, ...rest]).toEqual([1, 3, 5, 6, 7].map((at) => unchanged[at]));
  });

  it("lets the twins open all secrets with their own host keys, for the one user they have", async () => {
    await using twin = await sandboxTwin(hive.hosts);
    const [web] = twin.hosts;
    expect(web?.identityPaths).toEqual(["/etc/ssh/ssh_host_ed25519_key"]);
    expect(web?.secrets).toEqual([
      {
        ...{ name: "db/password", owner: "root", group: undefined, mode: "0440", path: "/etc/password" },
        ...{ restart: ["web.service"], reload: [], open: "host" },
      },
      {
        ...{ name: "token", owner: "root", group: undefined, mode: "0400", path: undefined },
        ...{ restart: [], reload: ["web.service"], open: "host" },
      },
    ]);
  });

  it("keeps the ports of one twin from those of another", async () => {
    await using twin = await sandboxTwin(hive.hosts);
    const servers = await Promise.all(
      twin.sandbox.hosts.map(async (host) => {
        const server = createServer((_request, response) => response.end(host.name));
        server.listen(await host.portOf(8080), "127.0.0.1");
        await once(server, "listening");
        return server;
      }),
    );
    for (const host of twin.sandbox.hosts) {
      const answer = await fetch(`http://127.0.0.1:${await host.portOf(8080)}/`);
      expect(await answer.text()).toBe(host.name);
    }
    for (const server of servers) server.close();
  });
});
