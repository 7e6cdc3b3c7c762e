import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { ARTIFACTS_FOLDER, STATE_FOLDER } from "#hive";
import { isThere } from "./choose-kind.ts";

/** What makes the folder a project of its own. Where such a file is there already, it is left alone. */
const PROJECT_FILES: Readonly<Record<string, string>> = {
  "package.json": `{
  "private": true,
  "type": "module"
}
`,
  "tsconfig.json": `{
  "compilerOptions": {
    "target": "ES2023",
    "module": "NodeNext",
    "strict": true,
    "noUncheckedIndexedAccess": true,
    "verbatimModuleSyntax": true,
    "erasableSyntaxOnly": true,
    "allowImportingTsExtensions": true,
    "skipLibCheck": true,
    "noEmit": true
  },
  "include": ["hive.ts", "hosts", "secrets"]
}
`,
  ".gitignore": `/node_modules/
/${STATE_FOLDER}/
/${ARTIFACTS_FOLDER}/
/plan.json
`,
};

/** What an existing file needs to have, for who has one. */
const NEEDS: Readonly<Record<string, string>> = {
  "package.json": 'it needs "type": "module", for tsc and for editors',
  "tsconfig.json": 'for editors hive.ts needs "module": "NodeNext", "allowImportingTsExtensions" and "noEmit"',
  ".gitignore": `it needs /node_modules/, /${STATE_FOLDER}/ and /${ARTIFACTS_FOLDER}/`,
};

export interface ProjectFiles {
  /** The texts of those to be written, by their names. */
  readonly files: Readonly<Record<string, string>>;
  /** What there is to know about those that were there already. */
  readonly notes: readonly string[];
}

/** What the folder lacks to be a project. */
export async function projectFiles(folder: string): Promise<ProjectFiles> {
  const files: Record<string, string> = {};
  const notes: string[] = [];
  for (const [name, text] of Object.entries(PROJECT_FILES)) {
    if (!(await isThere(join(folder, name)))) files[name] = text;
    else if (!(await isFit(name, folder))) notes.push(`Your ${name} stays as it is: ${NEEDS[name] ?? ""}.`);
  }
  // What is nobody's business but this machine's stays out of git whatever the folder's own file says.
  const ownIgnore = join(STATE_FOLDER, ".gitignore");
  if (!(".gitignore" in files) && !(await isThere(join(folder, ownIgnore)))) files[ownIgnore] = "*\n";
  return { files, notes };
}

async function isFit(name: string, folder: string): Promise<boolean> {
  const text = await readFile(join(folder, name), "utf8").catch(() => "");
  switch (name) {
    case "package.json":
      return /"type"\s*:\s*"module"/.test(text);
    case ".gitignore":
      return ["node_modules", STATE_FOLDER, ARTIFACTS_FOLDER].every((word) => text.includes(word));
    default:
      return text.includes("allowImportingTsExtensions");
  }
}
