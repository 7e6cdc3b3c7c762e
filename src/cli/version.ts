import { createRequire } from "node:module";

const { version: found } = createRequire(import.meta.url)("../../package.json") as { readonly version: string };

/** This package's version. */
export const version: string = found;
