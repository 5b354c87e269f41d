import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { HitlessError } from "../../../src/base/error.ts";
import { loadConfig } from "../../../src/config/load.ts";
import type { AppSpec } from "../../../src/core/app-spec.ts";
import { temporaryDirectory } from "../../support/temp.ts";

const MINIMAL = { app: "shop", listen: 8080, processes: { web: { command: "node server.js" } } };

/** The spec of a configuration with these files beside it, or the problems that were listed. */
async function load(config: object, files: Readonly<Record<string, string | Buffer>> = {}): Promise<AppSpec | readonly string[]> {
  const directory = temporaryDirectory();
  mkdirSync(join(directory, "pages"));
  for (const [name, content] of Object.entries(files)) writeFileSync(join(directory, name), content);
  writeFileSync(join(directory, "hitless.config.json"), JSON.stringify({ ...MINIMAL, ...config }));
  try {
    return (await loadConfig({ directory, file: null, env: {} })).spec;
  } catch (error) {
    if (error instanceof HitlessError && error.failure.code === "ERR_CONFIG_INVALID") return error.failure.details ?? [];
    throw error;
  }
}

describe("proxy.hold", () => {
  test.each([
    [undefined, { holdMs: 10_000, holdRequests: 10_000, holdBytes: 67_108_864 }],
    ["3s", { holdMs: 3_000, holdRequests: 10_000, holdBytes: 67_108_864 }],
    [0, { holdMs: 0 }],
    [
      { time: "1m", requests: 50, bytes: "1MiB" },
      { holdMs: 60_000, holdRequests: 50, holdBytes: 1_048_576 },
    ],
    [{ bytes: 100_000 }, { holdMs: 10_000, holdBytes: 100_000 }],
  ])("%j", async (hold, expected) => {
    expect(await load({ proxy: { hold } })).toMatchObject({ proxy: expected });
  });

  test.each([["soon"], [{ time: "1s", requests: 0 }], [{ bytes: "64MB" }], [{ bytes: 10 }], [{ seconds: 1 }], [null]])(
    "%j is refused with the place named",
    async (hold) => {
      expect(await load({ proxy: { hold } })).toEqual([expect.stringContaining("proxy.hold")]);
    },
  );
});

describe("proxy.maxBody", () => {
  test("is a size; without it there is no limit", async () => {
    expect(await load({ proxy: { maxBody: "10MiB" } })).toMatchObject({ proxy: { maxBodyBytes: 10_485_760 } });
    expect(await load({})).not.toHaveProperty("proxy.maxBodyBytes");
    expect(await load({ proxy: { maxBody: "10MB" } })).toEqual([expect.stringContaining("proxy.maxBody")]);
  });
});

test("proxy.connectionsPerClient is a number of at least one", async () => {
  expect(await load({ proxy: { connectionsPerClient: 500 } })).toMatchObject({ proxy: { connectionsPerClient: 500 } });
  expect(await load({ proxy: { connectionsPerClient: 0 } })).toEqual([expect.stringContaining("proxy.connectionsPerClient")]);
});

test("metrics.listen is an address", async () => {
  expect(await load({ metrics: { listen: 9464 } })).toMatchObject({ proxy: { metrics: { host: "127.0.0.1", port: 9464 } } });
  expect(await load({ metrics: { listen: "here" } })).toEqual([expect.stringContaining("metrics.listen")]);
});

describe("errorPages", () => {
  test("are read with their type", async () => {
    const files = { "pages/502.html": "<p>é", "pages/503.txt": "later" };
    expect(await load({ errorPages: { 502: "pages/502.html", 503: "pages/503.txt" } }, files)).toMatchObject({
      errorPages: {
        502: { type: "text/html; charset=utf-8", body: "<p>é" },
        503: { type: "text/plain; charset=utf-8", body: "later" },
      },
    });
  });

  test("every file that cannot be one is listed", async () => {
    const files = { "big.html": "x".repeat(65_537), "binary.html": Buffer.from([0x3c, 0xff]), "page.php": "" };
    expect(await load({ errorPages: { 502: "missing.html", 503: "big.html", 504: "binary.html" } }, files)).toEqual([
      "errorPages.502: missing.html cannot be read (there is no such file)",
      expect.stringContaining("errorPages.503: big.html has 65537 bytes, expected at most 65536"),
      "errorPages.504: binary.html is not UTF-8 text",
    ]);
    expect(await load({ errorPages: { 502: "page.php" } }, files)).toEqual([
      expect.stringContaining("expected a file whose name ends in one of"),
    ]);
    expect(await load({ errorPages: { 500: "pages/502.html" } })).toEqual([expect.stringContaining("errorPages.500")]);
  });
});

describe("maintenance", () => {
  test("its page is read when it is deployed; the rest has defaults", async () => {
    const files = { "pages/m.html": "<p>later" };
    const given = { page: "pages/m.html", allow: ["10.0.0.0/8", "::1"], allowCookies: { pass: "x", staff: true } };
    expect(await load({ maintenance: given }, files)).toMatchObject({
      maintenance: {
        status: 503,
        retryAfterS: 120,
        page: { type: "text/html; charset=utf-8", body: "<p>later" },
        allow: ["10.0.0.0/8", "::1"],
        allowCookies: [
          { name: "pass", value: "x" },
          { name: "staff", value: null },
        ],
      },
    });
    expect(await load({ maintenance: { retryAfter: 0 } })).toMatchObject({ maintenance: { retryAfterS: null, page: null } });
  });

  test.each([
    [{ page: "none.html" }, "maintenance.page: none.html cannot be read"],
    [{ allow: ["10.0.0.0/33"] }, "maintenance.allow[0]"],
    [{ status: 99 }, "maintenance.status"],
    [{ pages: "x" }, "maintenance.pages"],
  ])("%j is refused", async (given, problem) => {
    expect(await load({ maintenance: given })).toEqual([expect.stringContaining(problem)]);
  });
});
