import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { finished, pipeline } from "node:stream/promises";
import { Readable } from "node:stream";
import type { Writable } from "node:stream";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { connect, elevations } from "#ssh";
import type { Connection } from "#ssh";
import { sshdMissing, startSshd } from "./sshd.ts";
import type { Sshd } from "./sshd.ts";

let sshd: Sshd;
let connection: Connection;

beforeAll(async () => {
  if (sshdMissing !== undefined) return;
  sshd = await startSshd();
  connection = await connect({ host: "sshd" }, { configFile: sshd.configFile });
});

afterAll(async () => {
  if (sshdMissing !== undefined) return;
  await connection[Symbol.asyncDispose]();
  await sshd[Symbol.asyncDispose]();
});

describe.skipIf(sshdMissing !== undefined)("Connection", () => {
  it("says where it leads and how far that is", () => {
    expect(connection.address).toEqual({ host: "127.0.0.1", port: sshd.port, user: sshd.user });
    expect(connection.roundTripMs).toBeGreaterThan(0);
  });

  it("tells the signal's reason when it aborts while connecting", async () => {
    const signal = AbortSignal.abort(new Error("never mind"));
    await expect(connect({ host: "sshd" }, { configFile: sshd.configFile, signal })).rejects.toThrow("never mind");
  });

  it("leaves root's commands as they are when elevated", async () => {
    await using root = await connect(
      { host: "sshd", user: "root", elevation: { ...elevations.sudo, wrap: () => ["false"] } },
      { configFile: sshd.configFile },
    ).catch(() => ({ elevated: undefined, [Symbol.asyncDispose]: () => Promise.resolve() }));
    if (root.elevated !== undefined) expect((await root.elevated.run(["true"])).exit).toEqual({ exitCode: 0 });
  });

  it("refuses everything once closed, and is not lost then", async () => {
    const closed = await connect({ host: "sshd" }, { configFile: sshd.configFile });
    const running = await closed.open(["cat"]);
    await closed[Symbol.asyncDispose]();
    await closed[Symbol.asyncDispose]();
    await expect(closed.run(["true"])).rejects.toMatchObject({ code: "ssh/closed" });
    await expect(closed.open(["true"])).rejects.toMatchObject({ code: "ssh/closed" });
    await expect(closed.forward({ host: "127.0.0.1", port: sshd.port })).rejects.toMatchObject({ code: "ssh/closed" });
    await expect(running.exited).rejects.toMatchObject({ code: "ssh/closed" });
    expect(await Promise.race([closed.lost, Promise.resolve("not lost")])).toBe("not lost");
  });
});

describe.skipIf(sshdMissing !== undefined)("Connection.run()", () => {
  it("hands every word to the program as it is", async () => {
    const word = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.constantFrom(
        "",
        " ",
        "'",
        '"',
        "a'b'c",
        "\n",
        "a\nb",
        "$HOME",
        "`id`",
        "\\",
        "*",
        "~",
        "é☃🐝",
        "-n",
        "!!",
        "a=b",
      ),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          word.filter((text) => !text.includes("\0")),
          { maxLength: 6 },
        ),
        async (words) => {
          const { stdout } = await connection.run(["printf", "%s\\0", "first", ...words]);
          expect(stdout).toBe(["first", ...words].map((text) => `${text}\0`).join(""));
        },
      ),
      { numRuns: 40 },
    );
  });

  it("returns a command that fails as a result", async () => {
    expect(await connection.run(["sh", "-c", "echo out; echo err >&2; exit 4"])).toEqual({
      argv: ["sh", "-c", "echo out; echo err >&2; exit 4"],
      exit: { exitCode: 4 },
      stdout: "out\n",
      stderr: "err\n",
    });
  });

  it("tells an end by signal", async () => {
    expect((await connection.run(["sh", "-c", "kill -KILL $$"])).exit).toEqual({ exitCode: null, signal: "KILL" });
  });

  it("writes its input and ends it; without any the input is empty", async () => {
    expect((await connection.run(["cat"], { stdin: "héllo" })).stdout).toBe("héllo");
    expect((await connection.run(["cat"], { stdin: new Uint8Array([104, 105]) })).stdout).toBe("hi");
    expect((await connection.run(["cat"])).stdout).toBe("");
  });

  it("is content with a command that does not read its input", async () => {
    const stdin = Buffer.alloc(8 * 1024 * 1024);
    expect((await connection.run(["true"], { stdin })).exit).toEqual({ exitCode: 0 });
  });

  it("hands over lines as they come, the unfinished last one too", async () => {
    const lines: string[] = [];
    const script =
      "printf 'on'; sleep 0.05; printf 'e\\n\\ntw'; sleep 0.05; printf '\\303'; sleep 0.05; printf '\\266'";
    await connection.run(["sh", "-c", script], { onStdoutLine: (line) => lines.push(line) });
    expect(lines).toEqual(["one", "", "twö"]);
  });

  it("does not take a part of a long output for the whole", async () => {
    const most = 16 * 1024 * 1024;
    expect((await connection.run(["head", "-c", String(most), "/dev/zero"])).stdout).toHaveLength(most);
    await expect(connection.run(["head", "-c", String(most + 1), "/dev/zero"])).rejects.toMatchObject({
      code: "ssh/output-too-long",
    });
    await expect(connection.run(["yes"])).rejects.toMatchObject({ code: "ssh/output-too-long" });
  });

  it("keeps the end of a long standard error", async () => {
    const { stderr } = await connection.run(["sh", "-c", `yes 1234567 | head -c 50000000 >&2; echo the end >&2`]);
    expect(stderr).toHaveLength(16 * 1024 * 1024);
    expect(stderr.endsWith("the end\n")).toBe(true);
  });

  it("gives a command up at its deadline, and goes on with the next", async () => {
    await expect(connection.run(["sleep", "60"], { timeoutMs: 50 })).rejects.toMatchObject({
      code: "ssh/command-timeout",
      message: expect.stringContaining("sleep 60") as string,
    });
    expect((await connection.run(["echo", "next"])).stdout).toBe("next\n");
  });

  it("gives a command up when its signal aborts", async () => {
    const abort = new AbortController();
    const run = connection.run(["sh", "-c", "echo started; sleep 60"], {
      signal: abort.signal,
      onStdoutLine: () => {
        abort.abort(new Error("changed my mind"));
      },
    });
    await expect(run).rejects.toThrow("changed my mind");
    await expect(connection.run(["true"], { signal: abort.signal })).rejects.toThrow("changed my mind");
  });

  it("runs more commands at once than sshd has sessions for", async () => {
    await using small = await connect({ host: "sshd" }, { configFile: sshd.configFile });
    const results = await Promise.all(Array.from({ length: 30 }, (_, at) => small.run(["echo", String(at)])));
    expect(results.map((result) => result.stdout)).toEqual(Array.from({ length: 30 }, (_, at) => `${at}\n`));
  });

  it("lets the ninth session wait for one of eight to end", async () => {
    await using small = await connect({ host: "sshd" }, { configFile: sshd.configFile });
    const eight = await Promise.all(Array.from({ length: 8 }, () => small.open(["cat"])));
    await expect(small.run(["true"], { timeoutMs: 100 })).rejects.toMatchObject({ code: "ssh/command-timeout" });
    const ninth = small.run(["echo", "nine"]);
    eight[3]?.stdin.end();
    expect((await ninth).stdout).toBe("nine\n");
  });

  it("says that the host refused another session", async () => {
    await using narrow = await startSshd({ config: ["MaxSessions 1"] });
    await using small = await connect({ host: "sshd" }, { configFile: narrow.configFile });
    await using first = await small.open(["cat"]);
    await expect(small.run(["true"])).rejects.toMatchObject({
      code: "ssh/channel-refused",
      hint: expect.stringContaining("MaxSessions") as string,
    });
    first.stdin.end();
    expect(await first.exited).toEqual({ exitCode: 0 });
    expect((await small.run(["echo", "again"])).stdout).toBe("again\n");
  });
});

describe.skipIf(sshdMissing !== undefined)("Connection.open()", () => {
  it("hands over the three streams of a running command", async () => {
    await using channel = await connection.open(["sh", "-c", "read -r line; echo got $line; echo done >&2"]);
    channel.stdin.write("one\n");
    expect(String((await once(channel.stdout, "data"))[0])).toBe("got one\n");
    expect((await channel.stderr.toArray()).join("")).toBe("done\n");
    expect(await channel.exited).toEqual({ exitCode: 0 });
    expect(channel.argv).toEqual(["sh", "-c", "read -r line; echo got $line; echo done >&2"]);
  });

  it.each([1, 1_000, 40_000, 1_000_000])("loses nothing of a long input written %i bytes at a time", async (size) => {
    const total = Math.min(20_000_000, size * 20_000);
    const bytes = randomBytes(total);
    await using channel = await connection.open(["sh", "-c", "sleep 0.1; sha256sum"]);
    const chunks = function* (): Generator<Buffer> {
      for (let at = 0; at < total; at += size) yield bytes.subarray(at, at + size);
    };
    const output = channel.stdout.toArray();
    await pipeline(Readable.from(chunks(), { objectMode: false }), channel.stdin);
    expect((await output).join("")).toContain(createHash("sha256").update(bytes).digest("hex"));
    expect(await channel.exited).toEqual({ exitCode: 0 });
  });

  it("holds the writer back when the command does not read", async () => {
    await using channel = await connection.open(["sleep", "60"]);
    let written = 0;
    const full = new Promise<void>((resolve) => {
      const write = (): void => {
        while (written < 64 * 1024 * 1024) {
          written += 65_536;
          if (!channel.stdin.write(Buffer.alloc(65_536))) break;
        }
        setTimeout(resolve, 300);
      };
      channel.stdin.on("drain", write);
      write();
    });
    await full;
    // Its window of 2 MiB, and what the streams on both sides hold.
    expect(written).toBeLessThan(4 * 1024 * 1024);
  });

  it("carries a long input through changes of the session's keys", async () => {
    await using fickle = await startSshd({ config: ["RekeyLimit 1M"] });
    await using other = await connect({ host: "sshd" }, { configFile: fickle.configFile });
    const bytes = randomBytes(20_000_000);
    const { stdout } = await other.run(["sha256sum"], { stdin: bytes });
    expect(stdout).toContain(createHash("sha256").update(bytes).digest("hex"));
    expect((await other.run(["head", "-c", "10000000", "/dev/zero"])).stdout).toHaveLength(10_000_000);
  });

  it("holds all writers back when the network does not take what they write", async () => {
    const pidFile = join(sshd.directory, "proxy.pid");
    const configFile = join(sshd.directory, "stalling_config");
    const command = `sh -c 'echo $$ >${pidFile}; exec ssh -F ${sshd.configFile} -W 127.0.0.1:${sshd.port} sshd'`;
    await writeFile(configFile, `ProxyCommand ${command}\n${await readFile(sshd.configFile, "utf8")}`);
    await using stalling = await connect({ host: "sshd" }, { configFile });
    const channels = await Promise.all(Array.from({ length: 8 }, () => stalling.open(["cat"])));
    const proxy = Number(await readFile(pidFile, "utf8"));
    process.kill(proxy, "SIGSTOP");
    let taken = 0;
    const fill = (stdin: Writable): void => {
      stdin.write(Buffer.alloc(65_536), (error) => {
        if (error) return;
        taken += 65_536;
        fill(stdin);
      });
    };
    for (const { stdin } of channels) fill(stdin);
    await new Promise((resolve) => setTimeout(resolve, 300));
    process.kill(proxy, "SIGCONT");
    // Each channel's window alone would take 2 MiB.
    expect(taken).toBeLessThan(4 * 1024 * 1024);
  });

  it("holds the command back when nobody reads", async () => {
    await using channel = await connection.open(["yes"]);
    await once(channel.stdout, "readable");
    expect(channel.stdout.read(4)).toEqual(Buffer.from("y\ny\n"));
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(channel.stdout.readableLength).toBeLessThan(1024 * 1024);
  });

  it("fails the input of a command that ends before it has read it", async () => {
    await using channel = await connection.open(["true"]);
    const input = Readable.from([Buffer.alloc(8 * 1024 * 1024)], { objectMode: false });
    await expect(pipeline(input, channel.stdin)).rejects.toMatchObject({ code: "ssh/stdin-closed" });
    expect(await channel.exited).toEqual({ exitCode: 0 });
  });

  it("does not end the process when nobody hears of a failure", async () => {
    const channel = await connection.open(["cat"]);
    await channel[Symbol.asyncDispose]();
    await expect(channel.exited).rejects.toMatchObject({ code: "ssh/closed" });
  });

  it("closes the channel when the signal aborts, with its reason on every stream", async () => {
    const abort = new AbortController();
    await using channel = await connection.open(["cat"], { signal: abort.signal });
    const ends = [channel.stdin, channel.stdout, channel.stderr].map((stream) => finished(stream));
    abort.abort(new Error("enough"));
    for (const end of ends) await expect(end).rejects.toThrow("enough");
    await expect(channel.exited).rejects.toThrow("enough");
  });

  it("gives back its session when it ends in whatever way", async () => {
    await using small = await connect({ host: "sshd" }, { configFile: sshd.configFile });
    for (let round = 0; round < 30; round += 1) {
      const channel = await small.open(["cat"]);
      if (round % 3 === 0) channel.stdout.destroy();
      if (round % 3 === 1) channel.stdin.end();
      if (round % 3 === 1) await channel.exited;
      await channel[Symbol.asyncDispose]();
    }
    expect((await small.run(["echo", "still there"])).stdout).toBe("still there\n");
  });
});

describe.skipIf(sshdMissing !== undefined)("Connection.forward()", () => {
  it("reaches a port of the host's own", async () => {
    const stream = await connection.forward({ host: "127.0.0.1", port: sshd.port });
    expect(String((await once(stream, "data"))[0])).toMatch(/^SSH-2\.0-OpenSSH/);
    stream.destroy();
  });

  it("says when nothing listens there, and when the host does not allow it", async () => {
    await expect(connection.forward({ host: "127.0.0.1", port: 1 })).rejects.toMatchObject({
      code: "ssh/forward-refused",
      message: expect.stringContaining("127.0.0.1 port 1") as string,
    });
    await using closed = await startSshd({ config: ["AllowTcpForwarding no"] });
    await using inside = await connect({ host: "sshd" }, { configFile: closed.configFile });
    await expect(inside.forward({ host: "127.0.0.1", port: closed.port })).rejects.toMatchObject({
      code: "ssh/forward-refused",
      hint: expect.stringContaining("AllowTcpForwarding") as string,
    });
  });
});
