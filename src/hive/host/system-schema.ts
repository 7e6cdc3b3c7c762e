import { z } from "zod";
import { nativeSchema } from "../native/native-schema.ts";
import { exactly, line, quotedList, text } from "../words.ts";
import type { SystemSource } from "./system-source.ts";

/** A component is a plain word or anything in double quotes: `nixosConfigurations."web.example.org"`. */
const ATTRIBUTE_PATH = /^(?:"[^"]+"|[^\s."#]+)(?:\.(?:"[^"]+"|[^\s."#]+))*$/;
const STORE_PATH = /^\/nix\/store\/[0-9a-df-np-sv-z]{32}-[0-9a-zA-Z+\-_?=][0-9a-zA-Z+\-._?=]{0,210}$/;

/** What {@link nixos} takes; its typing errors are found here, after it has put a `kind` beside them. */
const keys = ["flake", "file", "attribute", "storePath"];
const attribute = text('an attribute path such as "nixosConfigurations.web-1"', (value) => ATTRIBUTE_PATH.test(value));

const sources = z.discriminatedUnion(
  "kind",
  [
    exactly(
      {
        kind: z.literal("nix-flake"),
        flake: text('a flake reference without a fragment such as "." or "github:owner/repo"', (value) =>
          /^[^\s#]([^#\p{Cc}]*[^\s#])?$/u.test(value),
        ),
        attribute: attribute.optional(),
      },
      "a flake",
      keys,
    ),
    exactly(
      {
        kind: z.literal("nix-file"),
        file: line('the path of a Nix file or its folder such as "./hosts.nix"'),
        attribute: attribute.optional(),
      },
      "a Nix file",
      keys,
    ),
    exactly(
      {
        kind: z.literal("store-path"),
        storePath: text('a store path such as "/nix/store/<digest>-nixos-system-web-1"', (value) =>
          STORE_PATH.test(value),
        ),
      },
      "a store path",
      keys,
    ),
    nativeSchema,
  ],
  { error: quotedList(["nix-flake", "nix-file", "store-path", "native"]) },
);

/** A system as `nixos()` or `system()` returns it; its paths may still be relative. */
export const systemSchema: z.ZodType<SystemSource> = z
  .custom<object>((value) => typeof value === "object" && value !== null && "kind" in value, {
    error: 'a system such as nixos({ flake: "." })',
  })
  .pipe(sources)
  .transform((source): SystemSource =>
    source.kind === "store-path" || source.kind === "native" ? source : { ...source, attribute: source.attribute },
  );
