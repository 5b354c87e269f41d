import { defineConfig } from "vitest/config";
import { COMPILED } from "./test/support/compiled.ts";

/** Vitest itself leaves one processor free, which of two is half. */
const WORKERS = "100%";

/** They measure the memory of a busy proxy or the time of one step, or play the whole demonstration: one at a time. */
const ALONE = ["blue-green", "demo", "streams", "twenty-deployments"].map((name) => `test/e2e/${name}.test.ts`);

/** Groups run one after the other: tests with real processes must not share the machine with those that use it up. */
export default defineConfig({
  test: {
    env: { NODE_COMPILE_CACHE: COMPILED },
    restoreMocks: true,
    setupFiles: ["test/support/setup.ts"],
    projects: [
      {
        test: {
          name: "unit",
          include: ["test/unit/**/*.test.ts"],
          maxWorkers: WORKERS,
          testTimeout: 60_000,
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          name: "simulation",
          include: ["test/simulation/**/*.test.ts"],
          maxWorkers: WORKERS,
          testTimeout: 120_000,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          name: "integration",
          include: ["test/integration/**/*.test.ts"],
          globalSetup: ["test/support/compiled.ts"],
          pool: "forks",
          maxWorkers: 2,
          // Much of it waits for the disk, which other work of the machine can hold up for half a minute.
          testTimeout: 90_000,
          hookTimeout: 90_000,
          sequence: { groupOrder: 2 },
        },
      },
      {
        test: {
          name: "e2e",
          include: ["test/e2e/**/*.test.ts"],
          exclude: ALONE,
          pool: "forks",
          // Half of their time they wait: for what starts, drains or is watched for a while.
          maxWorkers: 3,
          testTimeout: 120_000,
          hookTimeout: 60_000,
          sequence: { groupOrder: 3 },
        },
      },
      {
        test: {
          name: "e2e-alone",
          include: ALONE,
          pool: "forks",
          fileParallelism: false,
          testTimeout: 120_000,
          hookTimeout: 60_000,
          sequence: { groupOrder: 4 },
        },
      },
    ],
  },
});
