import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { HitlessError } from "../../../src/base/error.ts";
import type { HealthSpec } from "../../../src/core/app-spec.ts";
import { loadConfig } from "../../../src/config/load.ts";
import { appSpecSchema } from "../../../src/api/app-spec.ts";
import { temporaryDirectory } from "../../support/temp.ts";

/** The check of `web` after everything was read, and what is said when it is refused. */
async function healthOf(health: unknown, web: object = {}, rest: object = {}): Promise<HealthSpec | null | readonly string[]> {
  const directory = temporaryDirectory();
  const config = { app: "shop", listen: 8080, processes: { web: { command: "run", health, ...web } }, ...rest };
  writeFileSync(join(directory, "hitless.config.json"), JSON.stringify(config));
  try {
    const { spec } = await loadConfig({ directory, file: null, env: {} });
    expect(appSpecSchema.safeParse(spec).error, "the daemon takes what the command reads").toBeUndefined();
    return spec.processes["web"]?.health ?? null;
  } catch (error) {
    if (!(error instanceof HitlessError)) throw error;
    return error.failure.details ?? [];
  }
}

describe("scenario 20: a port for health checks alone", () => {
  test("is named by its variable, and speaks HTTP/1.1 whatever the instances speak", async () => {
    expect(await healthOf({ port: "ADMIN_PORT" })).toMatchObject({ path: "/up", portVariable: "ADMIN_PORT" });
    expect(await healthOf({ port: "ADMIN_PORT" }, { protocol: "h2c" })).not.toHaveProperty("protocol");
    expect(await healthOf({ port: "ADMIN_PORT" }, { proxyProtocol: "v2" })).not.toHaveProperty("proxyProtocol");
    expect(await healthOf({}, { protocol: "h2c" })).toMatchObject({ protocol: "h2c" });
  });

  test("may speak TLS", async () => {
    expect(await healthOf({ port: "ADMIN_PORT", tls: true, host: "shop.test" })).toMatchObject({ tls: true, host: "shop.test" });
  });

  test.each([
    ["a number, which two instances could not share", { port: 9000 }, "each instance gets a free port in it"],
    ["a variable that Hitless sets itself", { port: "PORT" }, "not one that Hitless sets itself"],
    ["a name that is none of a variable", { port: "ADMIN-PORT" }, "expected the name of a variable"],
    ["TLS where the instances serve", { tls: true }, "expected `port` beside it"],
    ["gRPC's health protocol", { port: "ADMIN_PORT", path: "/grpc.health.v1.Health/Check" }, "is spoken on PORT"],
  ])("is not %s", async (_what, health, why) => {
    expect(await healthOf(health)).toEqual([expect.stringContaining(why)]);
  });

  test.each([
    ["the app", {}, { env: { ADMIN_PORT: 1 } }],
    ["the process type", { env: { ADMIN_PORT: 1 } }, {}],
  ])("is refused when the environment of %s gives the variable a value", async (_whose, web, rest) => {
    const why = expect.stringContaining("processes.web.health.port: ADMIN_PORT has a value already") as string;
    expect(await healthOf({ port: "ADMIN_PORT" }, web, rest)).toEqual([why]);
  });
});
