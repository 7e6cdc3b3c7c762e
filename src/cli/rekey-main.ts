#!/usr/bin/env node
// `skep-rekey …` is `skep secrets rekey …`.
process.argv.splice(2, 0, "secrets", "rekey");
await import("./main.ts");
