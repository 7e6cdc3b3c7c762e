import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { text } from "node:stream/consumers";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import fc from "fast-check";
import ssh2 from "ssh2";
import type { IdentityCallback, ParsedKey, SignCallback } from "ssh2";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Sandbox, SandboxHost } from "#sandbox";
import { startSandbox } from "#sandbox";
import type { Connection } from "#ssh";
import { connect } from "#ssh";
import { generateKeyPair } from "../../src/sandbox/ssh/keys.ts";
import { logIn, sh } from "./log-in.ts";

const MiB = 1024 * 1024;

let sandbox: Sandbox;
let web: SandboxHost;
let connection: Connection;

beforeAll(async () => {
  sandbox = await startSandbox({ hosts: ["web-1", "db-1"] });
  web = sandbox.host("web-1");
  connection = await logIn(web);
});
afterAll(async () => {
  await connection[Symbol.asyncDispose]();
  await sandbox[Symbol.asyncDispose]();
});

function parseKey(text: string): ParsedKey {
  const key = ssh2.utils.parseKey(text);
  if (key instanceof Error) throw key;
  return key;
}

describe("logging in to a sandbox host", () => {
  it("refuses every key but its own", async () => {
    await using other = await startSandbox({ hosts: ["stranger"] });
    const { host, port, user, hostKey } = web.target;
    const strange = { host, port, user, hostKeys: [hostKey], identityFiles: [other.identityFile] };
    await expect(connect(strange, { configFile: "none" })).rejects.toMatchObject({ code: "ssh/auth-refused" });
  });

  it("refuses its own key with a signature that another key made", async () => {
    const known = parseKey(await readFile(`${sandbox.identityFile}.pub`, "utf8"));
    const other = parseKey(generateKeyPair().privateKey);
    class Impostor extends ssh2.BaseAgent {
      override getIdentities(answer: IdentityCallback): void {
        answer(undefined, [known]);
      }
      override sign(_key: unknown, data: Buffer, options: unknown, answer?: SignCallback): void {
        (answer ?? (options as SignCallback))(undefined, other.sign(data));
      }
    }
    const client = new ssh2.Client();
    const refused = once(client, "ready").then(
      () => "let in",
      (error: unknown) => String(error),
    );
    client.connect({ host: "127.0.0.1", port: web.port, username: "root", agent: new Impostor() });
    expect(await refused).toContain("All configured authentication methods failed");
    client.end();
  });

  it("refuses every user but its own", async () => {
    await expect(logIn(web, { user: "nobody" })).rejects.toMatchObject({ code: "ssh/auth-refused" });
  });

  it("shows each host's own key", async () => {
    const { host, port, user, identityFile } = web.target;
    const mistaken = {
      host,
      port,
      user,
      identityFiles: [identityFile],
      hostKeys: [sandbox.host("db-1").target.hostKey],
    };
    await expect(connect(mistaken, { configFile: "none" })).rejects.toMatchObject({ code: "ssh/host-key-changed" });
  });

  it("is known by the files it writes", async () => {
    const target = { host: "db-1" };
    await using db = await connect(target, { configFile: sandbox.sshConfigFile });
    expect((await sh(db, 'echo "$SKEP_HOST"')).stdout).toBe("db-1\n");
  });
});

describe("a command on a sandbox host", () => {
  it("gets every word as it is", async () => {
    const word = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.constantFrom("", "'", "a\nb", "$HOME", "`id`", "\\", "*", "é🐝"),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          word.filter((one) => !one.includes("\0")),
          { maxLength: 5 },
        ),
        async (words) => {
          const { stdout } = await connection.run(["printf", "%s\\0", "first", ...words]);
          expect(stdout).toBe(["first", ...words].map((one) => `${one}\0`).join(""));
        },
      ),
      { numRuns: 25 },
    );
  });

  it("tells how it ended", async () => {
    const { exit, stdout, stderr } = await sh(connection, "echo out; echo err >&2; exit 4");
    expect({ exit, stdout, stderr }).toEqual({ exit: { exitCode: 4 }, stdout: "out\n", stderr: "err\n" });
    expect((await sh(connection, "kill -KILL $$")).exit).toEqual({ exitCode: 128 + 9 });
  });

  it("runs in the host's folder, in an environment that has nothing of the operator's", async () => {
    process.env.SKEP_TEST_SECRET = "mine";
    const { stdout } = await sh(connection, "pwd; env");
    expect(stdout.startsWith(`${web.root}\n`)).toBe(true);
    expect(stdout).toContain(`HOME=${web.root}/root\n`);
    expect(stdout).not.toContain("SKEP_TEST_SECRET");
  });

  it("has pipes for its streams, which can be opened again by name", async () => {
    const { stdout, stderr } = await sh(connection, "echo out >/dev/stdout; echo err >/dev/stderr; test -p /dev/stdin");
    expect([stdout, stderr]).toEqual(["out\n", "err\n"]);
  });

  it("seems to be root's, on a host without Nix, sudo, or a systemd of its own", async () => {
    const { stdout } = await sh(
      connection,
      "id -u; for name in nix-store nix-env sudo systemd-run systemctl; do command -v $name; done",
    );
    expect(stdout).toBe(`0\n${web.root}/run/skep-sandbox/bin/systemctl\n`);
  });

  it("takes 64 MiB and gives 64 MiB back", async () => {
    const bytes = randomBytes(64 * MiB);
    const hash = createHash("sha256").update(bytes).digest("hex");
    await using channel = await connection.open(["tee", "/dev/stderr"]);
    const hashOf = async (stream: Readable): Promise<string> => {
      const sum = createHash("sha256");
      for await (const chunk of stream) sum.update(chunk as Buffer);
      return sum.digest("hex");
    };
    const hashes = Promise.all([hashOf(channel.stdout), hashOf(channel.stderr)]);
    const chunks = function* (): Generator<Buffer> {
      for (let at = 0; at < bytes.length; at += 65_536) yield bytes.subarray(at, at + 65_536);
    };
    await pipeline(Readable.from(chunks(), { objectMode: false }), channel.stdin);
    expect(await hashes).toEqual([hash, hash]);
    expect(await channel.exited).toEqual({ exitCode: 0 });
  });

  it("holds the writer back when it does not read", async () => {
    await using channel = await connection.open(["sleep", "60"]);
    let taken = 0;
    const fill = (): void => {
      channel.stdin.write(Buffer.alloc(65_536), (error) => {
        if (error) return;
        taken += 65_536;
        fill();
      });
    };
    fill();
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(taken).toBeLessThan(8 * MiB);
  });

  it("is held back when nobody reads what it prints", async () => {
    await using channel = await connection.open([
      "sh",
      "-c",
      'n=0; while :; do printf "%65536s"; n=$((n + 1)); echo $n >counted; done',
    ]);
    await once(channel.stdout, "readable");
    await new Promise((resolve) => setTimeout(resolve, 500));
    const { stdout } = await sh(connection, "cat counted");
    expect(Number(stdout) * 65_536).toBeLessThan(16 * MiB);
  });

  it("is content with a reader of a part of its input", async () => {
    expect((await connection.run(["true"], { stdin: Buffer.alloc(8 * MiB) })).exit).toEqual({ exitCode: 0 });
  });

  it("goes on when it was left behind by setsid, as under sshd", async () => {
    const { stdout } = await sh(
      connection,
      "setsid sh -c 'sleep 0.3; echo done >left-behind' >/dev/null 2>&1 </dev/null & echo started",
    );
    expect(stdout).toBe("started\n");
    await expect.poll(async () => (await sh(connection, "cat left-behind")).stdout, { timeout: 10_000 }).toBe("done\n");
  });

  it("runs beside many others", async () => {
    await using busy = await logIn(web);
    const all = await Promise.all(Array.from({ length: 40 }, (_, at) => busy.run(["echo", String(at)])));
    expect(all.map(({ stdout }) => stdout)).toEqual(Array.from({ length: 40 }, (_, at) => `${at}\n`));
  });
});

describe("forwarding from a sandbox host", () => {
  it("reaches the loopback port that stands for the host's own", async () => {
    const server = createServer((_request, response) => response.end("honey"));
    server.listen(await web.portOf(8080), "127.0.0.1");
    await once(server, "listening");
    try {
      const stream = await connection.forward({ host: "127.0.0.1", port: 8080 });
      stream.end("GET / HTTP/1.0\r\n\r\n");
      expect(await text(stream)).toContain("honey");
    } finally {
      server.close();
    }
  });

  it("refuses where nothing listens, and to go anywhere else", async () => {
    for (const destination of [
      { host: "127.0.0.1", port: 8081 },
      { host: "192.0.2.1", port: 80 },
      { host: "example.org", port: 80 },
    ]) {
      await expect(connection.forward(destination)).rejects.toMatchObject({
        code: "ssh/forward-refused",
        // ssh2's server gives no words of its own.
        message: expect.stringMatching(/ from there: (connection refused|the connection failed)$/) as string,
      });
    }
  });

  it("gives every host ports of its own", async () => {
    const ports = await Promise.all([80, 8080].flatMap((port) => sandbox.hosts.map((host) => host.portOf(port))));
    expect(new Set(ports).size).toBe(4);
    expect(await web.portOf(80)).toBe(web.httpPort);
  });
});

describe("the faults of a sandbox host", () => {
  it("cuts connections, and takes new ones", async () => {
    await using doomed = await logIn(web);
    const running = doomed.run(["sleep", "60"]);
    web.faults.cutConnections();
    await expect(running).rejects.toMatchObject({ code: "ssh/connection-lost" });
    connection = await logIn(web);
    expect((await connection.run(["echo", "back"])).stdout).toBe("back\n");
  });

  it("refuses logins for a while", async () => {
    {
      using _refusing = web.faults.refuseLogins();
      await expect(logIn(web)).rejects.toMatchObject({ code: "ssh/auth-refused" });
    }
    await using again = await logIn(web);
    expect((await again.run(["true"])).exit).toEqual({ exitCode: 0 });
  });

  it("freezes for a while, and goes on where it was", async () => {
    const frozen = web.faults.freeze();
    const running = connection.run(["echo", "thawed"]);
    const login = logIn(web);
    const first = await Promise.race([running, login, new Promise((resolve) => setTimeout(resolve, 300, "nothing"))]);
    expect(first).toBe("nothing");
    frozen[Symbol.dispose]();
    expect((await running).stdout).toBe("thawed\n");
    await using late = await login;
    expect((await late.run(["true"])).exit).toEqual({ exitCode: 0 });
  });
});
