import { describe, expect, it } from "vitest";
import { resolveEnvironment } from "../../../src/config/environment.ts";
import { parseConfig } from "../../../src/config/load.ts";
import { sessionsOf } from "../../../src/config/sessions.ts";
import { appSpecSchema } from "../../../src/api/app-spec.ts";

const config = (sessions: unknown): ReturnType<typeof parseConfig> =>
  parseConfig(
    { app: "shop", listen: "127.0.0.1:1", processes: { web: { command: "x" }, worker: { command: "y" } }, sessions },
    "f",
  );

const environment = (sessions: unknown, own: NodeJS.ProcessEnv = {}) => resolveEnvironment(config(sessions), "/none", own);

describe("sessions in the configuration", () => {
  it("with Hitless: the daemon learns how the server is to be, and the environment stays as it is", async () => {
    const given = { store: "hitless", memory: "2GiB", variable: "REDIS_URL" };
    const spec = sessionsOf(config(given).sessions!);
    expect(spec).toEqual({ server: { memoryBytes: 2 ** 31, fsync: "always" }, variable: "REDIS_URL" });
    expect((await environment(given)).env).toEqual({ web: {}, worker: {} });
    expect(
      (appSpecSchema as unknown as { shape: { sessions: { parse(value: unknown): unknown } } }).shape.sessions.parse(spec),
    ).toEqual(spec);
  });

  it("elsewhere: every process has the URL, and the specification, which is journaled, has not", async () => {
    const given = { store: "env:SECRET_URL", variable: "REDIS_URL" };
    const url = "rediss://:pw@cache:6380";
    expect(sessionsOf(config(given).sessions!)).toEqual({ variable: "REDIS_URL" });
    const both = { HITLESS_SESSION_URL: url, REDIS_URL: url };
    expect(await environment(given, { SECRET_URL: url })).toMatchObject({ env: { web: both, worker: both }, problems: [] });
  });

  it("with ASP.NET: the server learns where it listens; where everybody could come in is refused, with all other problems", () => {
    expect(sessionsOf(config({ store: "hitless", aspNet: "10.0.0.5:42424" }).sessions!).server).toMatchObject({
      aspNet: { host: "10.0.0.5", port: 42_424 },
    });
    expect(sessionsOf(config({ store: "hitless", aspNet: 42_424 }).sessions!).server?.aspNet?.host).toBe("127.0.0.1");
    for (const aspNet of ["0.0.0.0:42424", "[::]:42424", "127.0.0.1:0", "nowhere"])
      expect(() => config({ store: "hitless", aspNet }), aspNet).toThrow(/one problem/);
    expect(() => config({ store: "redis://x", aspNet: 42_424, memory: "1GiB" })).toThrow(/2 problems/);
  });

  it("refuses what is no store, and does not show what may be a password", async () => {
    expect(() => config({ store: "memory" })).toThrow(/one problem/);
    expect(() => config({ store: "redis://x", memory: "1GiB" })).toThrow(/one problem/);
    expect(() => config({ store: "hitless", variable: "PORT" })).toThrow(/one problem/);
    const { problems } = await environment({ store: "env:X" }, { X: "hunter2" });
    expect(problems).toHaveLength(1);
    expect(problems[0]).not.toContain("hunter2");
    expect((await environment({ store: "env:NONE" })).problems).toEqual([expect.stringContaining("NONE is not set")]);
  });
});
