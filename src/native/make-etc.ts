import { basename } from "node:path";
import type { EtcEntry, Scope } from "#hive";
import { readFileTree } from "#store";
import type { Evaluation } from "./evaluation.ts";
import { etcLine } from "./manifest.ts";
import type { ManifestLine } from "./manifest.ts";
import { isText, isWord, renderTemplate } from "./render-template.ts";

/**
 * Adds the files of `/etc` to a system, each as a store object of its own.
 * @throws NativeError `native/template`; StoreError.
 */
export async function makeEtc(
  evaluation: Evaluation,
  { etc, scope }: { readonly etc: Readonly<Record<string, EtcEntry>>; readonly scope: Scope },
): Promise<readonly ManifestLine[]> {
  const lines: ManifestLine[] = [];
  for (const [path, entry] of Object.entries(etc)) {
    const { mode, user, group, takeOver = false } = entry;
    const isCopy = mode !== undefined || user !== undefined || group !== undefined;
    lines.push(
      etcLine({
        path,
        target: await makeEntry(evaluation, { path, entry, scope }),
        takeOver,
        copy: isCopy ? { mode: mode ?? "0644", user: user ?? "root", group: group ?? "root" } : undefined,
      }),
    );
  }
  return lines;
}

interface EntryParts {
  readonly path: string;
  readonly entry: EtcEntry;
  readonly scope: Scope;
}

async function makeEntry(evaluation: Evaluation, { path, entry, scope }: EntryParts): Promise<string> {
  const { file, linkTo, text, template } = entry;
  const place = { host: evaluation.host.name, scope, where: `etc["${path}"]` };
  if (file !== undefined)
    return evaluation.addFiles(basename(path), ["etc", file], () => readFileTree(file, evaluation));
  if (linkTo !== undefined) {
    const isTarget = (value: unknown): value is string => isWord(value) && /^[^\t\n]+$/.test(value);
    return renderTemplate(linkTo, { ...place, expected: "a path to link to", isRight: isTarget });
  }
  const contents = renderTemplate(text ?? template, { ...place, expected: "text", isRight: isText });
  return evaluation.addText(basename(path), contents);
}
