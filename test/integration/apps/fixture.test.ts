import { connect } from "node:net";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { AppProcess } from "../../support/apps/app-process.ts";
import { until } from "../../support/temp.ts";

const DIRECTORY = fileURLToPath(new URL("../../support/apps/", import.meta.url));
const start = (env: Record<string, string> = {}): Promise<AppProcess> =>
  AppProcess.start({ command: process.execPath, args: ["fixture.mjs"], directory: DIRECTORY, env });
const listening = (app: AppProcess): Promise<unknown> => until(() => app.output.includes("listening on"));
const refused = (url: string): Promise<boolean> =>
  fetch(url).then(
    () => false,
    (error: unknown) => (error as { cause?: { code?: string } }).cause?.code === "ECONNREFUSED",
  );

describe("the app with every fault", () => {
  test("behaves without any: answers, echoes, tells its release, and finishes a slow request at SIGTERM", async () => {
    const app = await (await start({ HITLESS_RELEASE: "r3", HITLESS_INSTANCE: "web-9", MESSAGE: "hi" })).ready();
    expect(await (await fetch(`${app.url}/release`)).text()).toBe("r3 web-9 hi\n");
    const echo = await fetch(`${app.url}/echo`, { method: "POST", body: '{"id":1}' });
    expect([echo.status, await echo.text()]).toEqual([201, '{"id":1}']);
    const slow = fetch(`${app.url}/slow?ms=600`);
    await fetch(app.url);
    app.terminate();
    await until(() => refused(app.url));
    expect((await slow).status).toBe(200);
    expect(await app.ended()).toBe(0);
  });

  test("crashes at start, or later, with its own exit codes", async () => {
    const [early, late] = await Promise.all([start({ CRASH_AT_START: "1" }), start({ CRASH_AFTER_MS: "50" })]);
    expect([await early.ended(), await late.ended()]).toEqual([3, 4]);
    expect([early.output, late.output]).toEqual([
      expect.stringContaining("crashing at start"),
      expect.stringContaining("crashing, as told"),
    ]);
  });

  test("listens nowhere, or on another port, and still ends at SIGTERM", async () => {
    const [never, wrong] = await Promise.all([start({ NEVER_LISTEN: "1" }), start({ WRONG_PORT: "1", BOOT_MS: "10" })]);
    await listening(wrong);
    expect(await Promise.all([refused(never.url), refused(wrong.url)])).toEqual([true, true]);
    expect(wrong.output).not.toContain(`${new URL(wrong.url).host}\n`);
    // The handler is there once the program runs; before that SIGTERM ends it all the same, by the signal.
    for (const app of [never, wrong]) app.terminate();
    expect([await wrong.ended(), [0, "SIGTERM"].includes((await never.ended()) as string)]).toEqual([0, true]);
  });

  test.each([
    ["500", 500],
    ["301", 301],
    ["slow", 200],
  ])("HEALTH=%s answers the check with %i", async (health, status) => {
    const app = await start({ HEALTH: health });
    await listening(app);
    const answer = await fetch(`${app.url}/up`, { redirect: "manual" });
    expect([answer.status, answer.headers.has("location")]).toEqual([status, status === 301]);
    expect((await fetch(app.url)).status).toBe(200);
  });

  test("HEALTH=garbage answers something else than HTTP, HEALTH=hang nothing", async () => {
    const [garbage, hang] = await Promise.all([start({ HEALTH: "garbage" }), start({ HEALTH: "hang" })]);
    await Promise.all([listening(garbage), listening(hang)]);
    const socket = connect(Number(new URL(garbage.url).port), "127.0.0.1").setEncoding("utf8");
    socket.write("GET /up HTTP/1.1\r\nHost: x\r\n\r\n");
    expect(await new Promise((resolve) => socket.once("data", resolve))).toBe("this is not HTTP\r\n\r\n");
    socket.destroy();
    await expect(fetch(`${hang.url}/up`, { signal: AbortSignal.timeout(300) })).rejects.toThrow("timeout");
  });

  test("IGNORE_SIGTERM serves on, EXIT_AT_SIGTERM drops what is in flight", async () => {
    const [deaf, hasty] = await Promise.all([start({ IGNORE_SIGTERM: "1" }), start({ EXIT_AT_SIGTERM: "1" })]);
    await Promise.all([deaf.ready(), hasty.ready()]);
    deaf.terminate();
    await until(() => deaf.output.includes("SIGTERM ignored"));
    expect((await fetch(deaf.url)).status).toBe(200);
    const slow = fetch(`${hasty.url}/slow?ms=60000`).catch((error: unknown) => String(error));
    await fetch(hasty.url);
    hasty.terminate();
    expect(await hasty.ended()).toBe(0);
    expect(await slow).toContain("fetch failed");
  });
});
