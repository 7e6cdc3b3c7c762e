import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";

/**
 * Waits for an exclusive lock between processes and holds it until disposed.
 * The kernel's own lock, held by a child that lives as long as the pipe to it: a killed owner leaves none behind.
 * @throws the signal's reason when it aborts.
 */
export async function lockFile(
  path: string,
  { signal }: { readonly signal?: AbortSignal | undefined } = {},
): Promise<AsyncDisposable> {
  await mkdir(dirname(path), { recursive: true });
  signal?.throwIfAborted();
  const holder = spawn("flock", ["--exclusive", path, "sh", "-c", "echo held; exec cat"], {
    stdio: ["pipe", "pipe", "inherit"],
    detached: true,
  });
  const closed = once(holder, "close");
  const release = async (): Promise<void> => {
    holder.stdin.destroy();
    await closed;
  };
  try {
    const [answer] = (await Promise.race([once(holder.stdout, "data", { signal }), closed])) as [unknown];
    if (String(answer).trim() !== "held") throw new Error(`cannot lock ${path}`);
  } catch (error) {
    holder.kill("SIGKILL");
    signal?.throwIfAborted();
    throw error;
  }
  return { [Symbol.asyncDispose]: release };
}
