#!/usr/bin/env node
import { runInProcess } from "./run-in-process.ts";
import { runRekey } from "./run-rekey.ts";

await runInProcess(runRekey);
