import { z } from "zod";
import { exactly, line, quotedList, text, whole, yesOrNo } from "../words.ts";
import type { Package } from "./native-package.ts";
import { templateOf } from "./native-words.ts";

const STORE_PATH = /^\/nix\/store\/[0-9a-df-np-sv-z]{32}-[0-9a-zA-Z+\-_?=][0-9a-zA-Z+\-._?=]{0,210}$/;

const globs = z
  .array(
    text('a glob such as "*.map" or "docs/**"', (value) => value !== "" && !/^\/|\p{Cc}/u.test(value)),
    {
      error: "a list of globs",
    },
  )
  .optional();
const filter = { include: globs, exclude: globs };

/** A package as `directory()` and its siblings make it. Paths may still be relative. */
export const packageSchema: z.ZodType<Package> = z
  .custom<object>((value) => typeof value === "object" && value !== null && "kind" in value, {
    error: "a package made by directory(), file(), tarball(), text() or storePath()",
  })
  .pipe(
    z.discriminatedUnion(
      "kind",
      [
        exactly({ ...filter, kind: z.literal("directory"), path: line('a folder such as "./dist"') }, "a directory"),
        exactly(
          { kind: z.literal("file"), path: line('a file such as "./bin/tool"'), executable: yesOrNo.optional() },
          "a file",
        ),
        exactly(
          {
            ...filter,
            kind: z.literal("tarball"),
            path: line('a tar archive such as "./app.tar.gz"'),
            strip: whole(0, 100).optional(),
          },
          "a tarball",
        ),
        exactly(
          {
            kind: z.literal("text"),
            text: templateOf<string>("text", (value) => typeof value === "string"),
            executable: yesOrNo.optional(),
          },
          "a text",
        ),
        exactly(
          {
            kind: z.literal("store-path"),
            storePath: text('a store path such as "/nix/store/<digest>-nginx-1.26"', (value) => STORE_PATH.test(value)),
          },
          "a store path",
        ),
      ],
      { error: quotedList(["directory", "file", "tarball", "text", "store-path"]) },
    ),
  );
