import { defineConfig } from "vitest/config";

const conditions = ["skep-source"];
const shared = {
  resolve: { conditions },
  ssr: { resolve: { conditions } },
};

export default defineConfig({
  test: {
    projects: [
      {
        ...shared,
        test: {
          name: "unit",
          include: ["tests/**/*.test.ts"],
          exclude: ["tests/fleet/**"],
          // Half of them wait for programs and hosts; by itself one worker would do all on a machine of two cores.
          maxWorkers: 2,
          testTimeout: 60_000,
          sequence: { groupOrder: 0 },
        },
      },
      {
        ...shared,
        test: {
          name: "fleet",
          include: ["tests/fleet/**/*.test.ts"],
          globalSetup: ["tests/fleet/global-setup.ts"],
          // They wait more than they work; the harness keeps fleets beside one another apart.
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
          testTimeout: 180_000,
          hookTimeout: 300_000,
        },
      },
    ],
  },
});
