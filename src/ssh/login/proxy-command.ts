import { spawn } from "node:child_process";
import { once } from "node:events";
import { Duplex } from "node:stream";
import { messageOf } from "#core";
import type { Transport } from "../connection/transport.ts";
import { SshError } from "../errors.ts";

/** A program whose standard input and output lead to the host, run as OpenSSH does: by a shell that it replaces. */
export async function startProxyCommand(command: string): Promise<Transport> {
  const child = spawn("sh", ["-c", `exec ${command}`], { stdio: ["pipe", "pipe", "pipe"] });
  let complaint = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    complaint = (complaint + text).slice(-1_000);
  });
  const { stdin, stdout } = child;
  let bytesRead = 0;
  const duplex = new Duplex({
    read: () => void stdout.resume(),
    write(chunk: Buffer, _encoding, done) {
      // A program that ended says why in its own words, which a broken pipe must not forestall.
      stdin.write(chunk, () => {
        done();
      });
    },
    final(done) {
      stdin.end(() => {
        done();
      });
    },
    destroy(error, done) {
      child.kill();
      done(error);
    },
  });
  stdin.on("error", () => undefined);
  stdout.on("data", (chunk: Buffer) => {
    bytesRead += chunk.length;
    if (!duplex.destroyed && !duplex.push(chunk)) stdout.pause();
  });
  child.once("close", (code, signal) => {
    const end = signal === null ? `exit code ${code}` : `signal ${signal}`;
    const last = complaint.trim().split("\n").at(-1) ?? "";
    if (duplex.destroyed) return;
    if (code === 0) duplex.push(null);
    else duplex.destroy(proxyError(command, last === "" ? end : `${end}: ${last}`));
  });
  try {
    await once(child, "spawn");
  } catch (error) {
    throw proxyError(command, messageOf(error), error);
  }
  return Object.defineProperty(duplex, "bytesRead", { get: () => bytesRead }) as Duplex & Transport;
}

function proxyError(command: string, reason: string, cause?: unknown): SshError {
  return new SshError("ssh/proxy-command", `the ProxyCommand \`${command}\` ended: ${reason}`, { cause });
}
