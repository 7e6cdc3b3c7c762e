import process from "node:process";
import { compile, ROOT } from "./compile.ts";
import type { Result } from "./contestants.ts";
import { measure } from "./measure.ts";
import type { SimulatedReport } from "./simulate-once.ts";

/** The same rollout with simulated hosts: what is left is skep's own, without SSH, a copy or a host. */
export async function simulate(hosts: number, { isUpToDate }: { readonly isUpToDate: boolean }): Promise<Result[]> {
  const argv = [...(await compile("simulate-once.ts")), String(hosts), isUpToDate ? "same" : "changed"] as const;
  const { stdout, cpuSeconds } = await measure(argv, { env: process.env, cwd: ROOT });
  const report = JSON.parse(stdout) as SimulatedReport;
  const [logins, ...others] = report.logins;
  if (logins !== (isUpToDate ? 1 : 2) || others.length > 0)
    throw new Error(`simulated hosts had ${String(report.logins)} logins`);
  return [{ tool: "skep", seconds: report.seconds, cpuSeconds, peakBytes: report.peakBytes, logins }];
}
