import { chmod, mkdir, mkdtemp, rm, symlink } from "node:fs/promises";
import { dirname, join } from "node:path";

/** Where a host has its secrets in memory: a tmpfs of its own, for which a sandbox host has a link into this machine's. */
export const SECRETS_MOUNT = "run/skep/secrets.d";

/** Gives the host a new and empty folder in memory for its secrets. It and what is in it is removed when disposed of. */
export async function mountSecrets(
  root: string,
  { name, tmpfsFolder }: { readonly name: string; readonly tmpfsFolder: string },
): Promise<AsyncDisposable> {
  const folder = await mkdtemp(join(tmpfsFolder, `${name}-`));
  // mkdtemp(3) lets only the owner in.
  await chmod(folder, 0o751);
  const place = join(root, SECRETS_MOUNT);
  await mkdir(dirname(place), { recursive: true });
  await symlink(folder, place);
  return {
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}
