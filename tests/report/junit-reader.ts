import { readFileSync } from "node:fs";
import { join } from "node:path";
import { validateXML } from "xmllint-wasm";

const SCHEMA = readFileSync(join(import.meta.dirname, "junit.xsd"), "utf8");

/** What libxml2 has against files of JUnit XML: nothing, where all is well. */
export async function junitProblems(files: readonly string[]): Promise<readonly string[]> {
  const { errors } = await validateXML({
    xml: files.map((contents, index) => ({ fileName: `${index}.xml`, contents })),
    schema: { fileName: "junit.xsd", contents: SCHEMA },
  });
  return errors.map(({ rawMessage }) => rawMessage);
}

export interface TestCase {
  readonly name: string;
  readonly ending: "passed" | "failure" | "skipped" | "error";
  readonly type: string | undefined;
  readonly message: string | undefined;
}

/** The test cases of a file that a parser takes, and the counts at its head. */
export function readJunit(xml: string): {
  readonly cases: readonly TestCase[];
  readonly counts: Readonly<Record<string, number>>;
} {
  const attribute = (tag: string, name: string): string | undefined => new RegExp(` ${name}="([^"]*)"`).exec(tag)?.[1];
  const cases = [...xml.matchAll(/<testcase ([^>]*)>([^]*?)<\/testcase>/g)].map(
    ([, head = "", body = ""]): TestCase => {
      const [tag, ending] = /^\s*<(failure|skipped|error)[^>]*>/.exec(body) ?? [];
      return {
        name: attribute(` ${head}`, "name") ?? "",
        ending: (ending as TestCase["ending"] | undefined) ?? "passed",
        type: attribute(tag ?? "", "type"),
        message: attribute(tag ?? "", "message"),
      };
    },
  );
  const suite = /<testsuite [^>]*>/.exec(xml)?.[0] ?? "";
  const counts = ["tests", "failures", "errors", "skipped"].map((name) => [name, Number(attribute(suite, name))]);
  return { cases, counts: Object.fromEntries(counts) as Record<string, number> };
}
