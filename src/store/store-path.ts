import { StoreError } from "./errors.ts";

declare const storePathBrand: unique symbol;

/** A checked path of the store, `/nix/store/<digest>-<name>`, with nothing after the name. */
export type StorePath = string & { readonly [storePathBrand]: true };

/** The only store folder there is: paths of other folders have other digests and cannot be moved here. */
export const STORE_FOLDER = "/nix/store";

const DIGEST_LENGTH = 32;
const MAX_NAME_LENGTH = 211;
const DIGEST = /^[0-9abcdfghijklmnpqrsvwxyz]{32}$/;
const NAME = /^[0-9A-Za-z+\-._?=]+$/;
const DOTS_ONLY = /^\.{1,2}(?:-|$)/;
const PREFIX = `${STORE_FOLDER}/`;

/**
 * Reads a store path.
 * @throws StoreError `store/path`, saying which part is wrong.
 */
export function parseStorePath(text: string): StorePath {
  const fault = faultIn(text);
  if (fault !== undefined) {
    throw new StoreError("store/path", `${JSON.stringify(text.slice(0, 300))} is not a store path: ${fault}`);
  }
  return text as StorePath;
}

export function isStorePath(text: string): text is StorePath {
  return faultIn(text) === undefined;
}

/** The 32 digits of nixbase32 between the folder and the name. */
export function storePathDigest(path: StorePath): string {
  return path.slice(PREFIX.length, PREFIX.length + DIGEST_LENGTH);
}

/** What follows the digest: `hello-2.12`, for people. */
export function storePathName(path: StorePath): string {
  return path.slice(PREFIX.length + DIGEST_LENGTH + 1);
}

function faultIn(text: string): string | undefined {
  if (!text.startsWith(PREFIX)) return `it is not in ${STORE_FOLDER}`;
  const base = text.slice(PREFIX.length);
  if (base.includes("/")) return "it leads inside a store object; give the path of the object itself";
  if (!DIGEST.test(base.slice(0, DIGEST_LENGTH))) return "it does not begin with 32 digits of nixbase32";
  if (base.charAt(DIGEST_LENGTH) !== "-") return "no dash follows its digest";
  const name = base.slice(DIGEST_LENGTH + 1);
  if (name === "") return "it has no name";
  if (name.length > MAX_NAME_LENGTH) return `its name is longer than ${MAX_NAME_LENGTH} characters`;
  if (!NAME.test(name)) return "its name has characters other than letters, digits and + - . _ ? =";
  if (DOTS_ONLY.test(name)) return "its name is only dots up to its first dash";
  return undefined;
}
