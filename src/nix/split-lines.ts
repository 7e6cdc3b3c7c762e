import { StringDecoder } from "node:string_decoder";

/** Cuts a stream of bytes into lines of text; the last line needs no line break. */
export interface LineSplitter {
  write(chunk: Buffer): void;
  end(): void;
}

/** @param onLine is called with each line, without its line break. */
export function splitLines(onLine: (line: string) => void): LineSplitter {
  const decoder = new StringDecoder("utf8");
  let rest = "";
  return {
    write(chunk) {
      const lines = decoder.write(chunk).split("\n");
      lines[0] = rest + (lines[0] ?? "");
      rest = lines.pop() ?? "";
      for (const line of lines) onLine(line);
    },
    end() {
      rest += decoder.end();
      if (rest !== "") onLine(rest);
      rest = "";
    },
  };
}
