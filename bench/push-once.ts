/**
 * Pushes bytes to `cat >/dev/null` on a host over skep's SSH, and prints a {@link PushReport}. Arguments: ssh_config, host,
 * bytes in all, bytes of each write.
 */
import process from "node:process";
import { once } from "node:events";
import { connect } from "#ssh";

export interface PushReport {
  /** From connect to the command's end. */
  readonly seconds: number;
  readonly peakBytes: number;
}

const [configFile = "", host = "", bytes = "", chunkBytes = ""] = process.argv.slice(1);
const startedAt = performance.now();
{
  await using connection = await connect({ host }, { configFile });
  const { stdin, exited } = await connection.open(["sh", "-c", "exec cat >/dev/null"]);
  const chunk = Buffer.alloc(Number(chunkBytes));
  for (let left = Number(bytes); left > 0; left -= chunk.length) if (!stdin.write(chunk)) await once(stdin, "drain");
  stdin.end();
  await exited;
}
const report: PushReport = {
  seconds: (performance.now() - startedAt) / 1_000,
  peakBytes: process.resourceUsage().maxRSS * 1024,
};
process.stdout.write(JSON.stringify(report));
