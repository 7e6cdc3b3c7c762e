/** Evaluates systems written in TypeScript, without Nix and without hosts; see README.md. */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { directory, parseHive, service, system } from "#hive";
import { openNativeEvaluator } from "#native";
import { readArguments } from "./arguments.ts";
import type { Result } from "./contestants.ts";
import { print } from "./print.ts";
import { race } from "./race.ts";

const args = readArguments();
const [hosts, files] = args.quick ? [10, 50] : [100, 200];
const folder = await mkdtemp(join(tmpdir(), "skep-bench-"));
try {
  await mkdir(join(folder, "site"));
  for (let index = 0; index < files; index += 1) {
    await writeFile(join(folder, "site", `page-${index}.html`), `page ${index}\n`.repeat(200));
  }
  const result = await race([{ name: "skep" }], {
    bench: "native",
    name: `${hosts} hosts, each with ${files} entries of /etc and a package of ${files} files`,
    runs: args.runs,
    prepare: () => Promise.resolve(),
    attempt: evaluate,
  });
  print(result, args.format);
} finally {
  await rm(folder, { recursive: true, force: true });
}

async function evaluate(): Promise<readonly Result[]> {
  const before = process.cpuUsage();
  const startedAt = performance.now();
  const hive = parseHive(
    { hosts: Object.fromEntries(Array.from({ length: hosts }, (_, index) => [`host-${index}`, makeHost(index)])) },
    { directory: folder },
  );
  await using evaluator = openNativeEvaluator({ readNixClosure: () => Promise.reject(new Error("no Nix here")) });
  for (const { system: source, ...host } of hive.hosts) {
    if (source.kind === "native") await evaluator.evaluate({ ...host, system: source });
  }
  const { user, system: inKernel } = process.cpuUsage(before);
  const seconds = (performance.now() - startedAt) / 1_000;
  return [{ tool: "skep", seconds, cpuSeconds: (user + inKernel) / 1e6, peakBytes: process.memoryUsage.rss() }];
}

function makeHost(index: number) {
  const etc = Array.from({ length: files }, (_, at) => [`app/part-${at}.conf`, `host ${index}, part ${at}\n`] as const);
  return {
    system: system({
      packages: { site: directory("./site") },
      etc: Object.fromEntries(etc),
      units: {
        "web.service": service({
          exec: ({ packages }) => ["/usr/bin/env", "cat", `${packages.site ?? ""}/page-0.html`],
        }),
      },
    }),
  };
}
