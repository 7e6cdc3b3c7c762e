import { createHash, randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { chmod, mkdir, readdir, rename, rm, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import type { Argv } from "#core";
import type { ImageName, ImageRecipe } from "./image-recipe.ts";
import { imageRecipes } from "./image-recipe.ts";
import { lockFile } from "./lock.ts";
import { readMirror } from "./mirror.ts";
import { must } from "./run.ts";

const STEP_TIMEOUT_MS = 900_000;
const UNFINISHED = ".part";

export interface ImageOptions {
  readonly signal?: AbortSignal | undefined;
  /** Called with one line as each step of the making starts. */
  readonly onProgress?: ((line: string) => void) | undefined;
}

/**
 * The folder of a base image, made by debootstrap on first use and kept for all later runs.
 * Made aside and then renamed, under a lock: it is whole or not there, whoever else wants it at the same time.
 * @throws with the failing program's output when it cannot be made.
 */
export async function ensureBaseImage(name: ImageName, { signal, onProgress }: ImageOptions = {}): Promise<string> {
  const recipe = imageRecipes[name];
  const image = join(cacheFolder(), `${name}-${keyOf(recipe)}`);
  if (existsSync(image)) return image;
  await using _lock = await lockFile(join(cacheFolder(), `${name}.lock`), { signal });
  if (existsSync(image)) return image;

  await removeUnfinished(name);
  const folder = `${image}.${randomBytes(4).toString("hex")}${UNFINISHED}`;
  try {
    onProgress?.(`making the base image ${name} (once; kept in ${cacheFolder()})`);
    await debootstrap(recipe, folder, { signal });
    await writeFiles(recipe, folder);
    onProgress?.(`finishing the base image ${name}`);
    await installExtraPackages(recipe, folder, { signal });
    await runInside(folder, recipe.finish, { signal });
    await rename(folder, image);
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
  return image;
}

/** `$SKEP_FLEET_CACHE`, else `skep-fleet` in the user's cache folder. */
function cacheFolder(): string {
  const { SKEP_FLEET_CACHE: own, XDG_CACHE_HOME: cache } = process.env;
  if (own !== undefined && own !== "") return own;
  return join(cache === undefined || cache === "" ? join(homedir(), ".cache") : cache, "skep-fleet");
}

function keyOf(recipe: ImageRecipe): string {
  return createHash("sha256").update(JSON.stringify(recipe)).digest("hex").slice(0, 12);
}

/** Under the lock nobody is making this image, so what is unfinished was left by a killed run. */
async function removeUnfinished(name: ImageName): Promise<void> {
  for (const entry of await readdir(cacheFolder())) {
    const isOurs = entry.startsWith(`${name}-`) && /^[0-9a-f]{12}\./.test(entry.slice(name.length + 1));
    if (isOurs && entry.endsWith(UNFINISHED)) await rm(join(cacheFolder(), entry), { recursive: true, force: true });
  }
}

async function debootstrap(recipe: ImageRecipe, folder: string, { signal }: ImageOptions): Promise<void> {
  const include = `--include=${recipe.packages.join(",")}`;
  const mirror = await readMirror();
  // Without a mirror debootstrap takes the distribution's own.
  const source = mirror === undefined ? [] : [mirror];
  await runContained(["debootstrap", "--variant=minbase", include, recipe.suite, folder, ...source], { signal });
}

async function installExtraPackages(recipe: ImageRecipe, folder: string, { signal }: ImageOptions): Promise<void> {
  const install = `apt-get install -y --no-install-recommends ${recipe.extraPackages.join(" ")}`;
  await runInside(folder, `${install} || dpkg --configure -a && ${install}\napt-get clean\n`, { signal });
}

async function writeFiles(recipe: ImageRecipe, folder: string): Promise<void> {
  for (const [path, [mode, content]] of Object.entries(recipe.files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await rm(join(folder, path), { force: true });
    await writeFile(join(folder, path), content);
    await chmod(join(folder, path), mode);
  }
}

/** Runs a script in the image, with a /proc. */
async function runInside(folder: string, script: string, options: ImageOptions): Promise<void> {
  const enter = 'mount -t proc proc "$1/proc" && exec chroot "$1" sh -ec "$2"';
  await runContained(["sh", "-c", enter, "sh", folder, script], options);
}

/** Runs a program in namespaces of its own: its mounts go away with it, and so do its children when it is given up. */
async function runContained(argv: Argv, { signal }: ImageOptions): Promise<void> {
  await must(["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "--", ...argv], {
    signal,
    timeoutMs: STEP_TIMEOUT_MS,
    env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", DEBIAN_FRONTEND: "noninteractive", LC_ALL: "C.UTF-8" },
  });
}
