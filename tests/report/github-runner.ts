/** The commands that GitHub's runner knows, of either spelling; a log's page folds and paints by some of them too. */
const KNOWN = new Set([
  ...["group", "endgroup", "error", "warning", "notice", "debug", "add-mask", "stop-commands", "echo", "command"],
  ...["set-output", "save-state", "set-env", "add-path", "add-matcher", "remove-matcher", "section"],
]);

export interface RunnerCommand {
  readonly name: string;
  readonly properties: Readonly<Record<string, string>>;
  readonly data: string;
}

/** What GitHub's runner does with a job's output: lines that are commands, and lines that are shown. */
export function readAsRunner(output: string): {
  readonly commands: readonly RunnerCommand[];
  readonly shown: readonly string[];
} {
  const commands: RunnerCommand[] = [];
  const shown: string[] = [];
  for (const line of output.split(/\r\n|\n|\r/)) {
    const command = parseNew(line) ?? parseOld(line);
    if (command === undefined) shown.push(line);
    else commands.push(command);
  }
  return { commands, shown };
}

/** `::name key=value,key=value::data`, after white space. */
function parseNew(line: string): RunnerCommand | undefined {
  const text = line.replace(/^[\s\u0085]+/, "");
  const end = text.indexOf("::", 2);
  if (!text.startsWith("::") || end === -1) return undefined;
  return commandOf(text.slice(2, end), { data: text.slice(end + 2), separator: "," });
}

/** `##[name key=value;key=value]data`, anywhere. */
function parseOld(line: string): RunnerCommand | undefined {
  const start = line.indexOf("##[");
  const end = line.indexOf("]", start);
  if (start === -1 || end === -1) return undefined;
  return commandOf(line.slice(start + 3, end), { data: line.slice(end + 1), separator: ";" });
}

function commandOf(
  head: string,
  { data, separator }: { readonly data: string; readonly separator: string },
): RunnerCommand | undefined {
  const [name = ""] = head.split(" ", 1);
  if (!KNOWN.has(name)) return undefined;
  const pairs = head.slice(name.length).trim().split(separator).filter(Boolean);
  const properties = pairs.map((pair) => [
    pair.slice(0, pair.indexOf("=")),
    unescape(pair.slice(pair.indexOf("=") + 1)),
  ]);
  return { name, properties: Object.fromEntries(properties) as Record<string, string>, data: unescape(data) };
}

function unescape(text: string): string {
  const tokens: Readonly<Record<string, string>> = { "%0D": "\r", "%0A": "\n", "%3A": ":", "%2C": ",", "%25": "%" };
  return text.replaceAll(/%0D|%0A|%3A|%2C|%25/g, (escaped) => tokens[escaped] ?? "");
}
