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
          testTimeout: 60_000,
        },
      },
      {
        ...shared,
        test: {
          name: "fleet",
          include: ["tests/fleet/**/*.test.ts"],
          globalSetup: ["tests/fleet/global-setup.ts"],
          fileParallelism: false,
          testTimeout: 180_000,
          hookTimeout: 300_000,
        },
      },
    ],
  },
});
