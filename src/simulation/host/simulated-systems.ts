import { createHash } from "node:crypto";
import type { Closure, PathInfo, StorePath } from "#store";
import { encodeNixBase32, makeClosure, narHashOf, parseStorePath } from "#store";

const MIB = 1024 * 1024;
/** What every release brings, and what every host has already. */
const PACKAGES = [
  { name: "service-1.0", size: 40 * MIB },
  { name: "runtime-3.2", size: 20 * MIB },
] as const;
const BASE_SIZE = 900 * MIB;
const TOPLEVEL_SIZE = 0.1 * MIB;

/** The system of a host in a release. The same names give the same store path. */
export function simulatedSystem(host: string, release: string): StorePath {
  return pathOf(`${host} ${release}`, `system-${host}-${release}`.replaceAll(/[^0-9A-Za-z+\-._?=]/g, "-"));
}

/** The release that a system is of: its name ends in it. */
export function releaseOf(system: StorePath): string {
  return system.slice(system.lastIndexOf("-") + 1);
}

/** What every host has in its store. */
export const BASE_PATH = pathOf("base", "base");

const BASE = infoOf(BASE_PATH, { size: BASE_SIZE, references: [] });

/** Makes the closures of one release, whose packages all hosts share. */
export function closuresOf(release: string): (toplevel: StorePath) => Closure {
  const packages = PACKAGES.map(({ name, size }) =>
    infoOf(pathOf(`${name} ${release}`, name), { size, references: [BASE_PATH] }),
  );
  const references = [BASE_PATH, ...packages.map(({ path }) => path)];
  return (toplevel) =>
    makeClosure(toplevel, [BASE, ...packages, infoOf(toplevel, { size: TOPLEVEL_SIZE, references })]);
}

function infoOf(
  path: StorePath,
  { size, references }: { readonly size: number; readonly references: readonly StorePath[] },
): PathInfo {
  return { path, narHash: narHashOf(digestOf(path)), narSize: Math.round(size), references, signatures: [] };
}

function pathOf(seed: string, name: string): StorePath {
  return parseStorePath(`/nix/store/${encodeNixBase32(digestOf(seed).subarray(0, 20))}-${name}`);
}

function digestOf(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
