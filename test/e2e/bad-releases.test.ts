import { describe, expect, onTestFinished, test } from "vitest";
import { Scene, sharedScene, type Web } from "../support/scene.ts";
import { expectStanding } from "../support/standing.ts";

interface Fault {
  readonly name: string;
  readonly web: Web;
  readonly error: string;
  /** What happened, why, and what to do now: in words an operator can use. */
  readonly words: readonly string[];
}

const SOON = "2500ms";

const FAULTS: readonly Fault[] = [
  {
    name: "a program that does not exist",
    web: { command: ["no-such-program"] },
    error: "ERR_COMMAND_NOT_FOUND",
    words: ["The command no-such-program was not found", "Looked for it in PATH=", "check `command`"],
  },
  {
    name: "a command line with a program that does not exist",
    web: { command: "true && no-such-program --now" },
    error: "ERR_INSTANCE_EXITED",
    words: ["exited with code 127 before it was ready", "│", "no-such-program", "hitless logs web.r"],
  },
  {
    name: "a program that ends at once",
    web: { env: { CRASH_AT_START: "1" } },
    error: "ERR_INSTANCE_EXITED",
    words: ["exited with code 3 before it was ready", "│ fixture: crashing at start, as told", "hitless logs web.r"],
  },
  {
    name: "a program that finds its port taken",
    web: { command: [process.execPath, "port-taken.mjs"] },
    error: "ERR_INSTANCE_EXITED",
    words: ["exited with code 1 before it was ready", "│ fixture: listen EADDRINUSE", "hitless logs web.r"],
  },
  {
    name: "scenario 13: a program that never listens",
    web: { env: { NEVER_LISTEN: "1" }, startDeadline: "700ms" },
    error: "ERR_INSTANCE_UNREADY",
    words: ["did not become ready in time", "GET /up on 127.0.0.1:", "refused", "listen on the port in its PORT variable"],
  },
  {
    name: "a program that listens on another port",
    web: { env: { WRONG_PORT: "1" }, startDeadline: SOON },
    error: "ERR_INSTANCE_UNREADY",
    words: ["refused", "│ fixture: listening on 127.0.0.1:", "listen on the port in its PORT variable"],
  },
  {
    name: "scenario 20: a port for health checks that nobody listens on",
    web: { health: { path: "/up", port: "ADMIN_PORT" }, startDeadline: SOON },
    error: "ERR_INSTANCE_UNREADY",
    words: ["GET /up on 127.0.0.1:", "refused", "listen on the port in its ADMIN_PORT variable"],
  },
  {
    name: "scenario 14: a health check that answers 500",
    web: { env: { HEALTH: "500" }, startDeadline: SOON },
    error: "ERR_INSTANCE_UNREADY",
    words: ["500", "fixture: unhealthy, as told", "`health.path` name a page that answers 200"],
  },
  {
    name: "scenario 14: a health check that redirects",
    web: { env: { HEALTH: "301" }, startDeadline: SOON },
    error: "ERR_INSTANCE_UNREADY",
    words: ["301", "https://elsewhere.example/up", "without a redirect"],
  },
  {
    name: "a health check that answers garbage",
    web: { env: { HEALTH: "garbage" }, startDeadline: SOON },
    error: "ERR_INSTANCE_UNREADY",
    words: ["this is not HTTP", "speak HTTP/1.1"],
  },
  {
    name: "scenario 19: a health check that never answers",
    web: { env: { HEALTH: "hang" }, startDeadline: SOON, health: { path: "/up", timeout: "200ms" } },
    error: "ERR_INSTANCE_UNREADY",
    words: ["200 ms", "raise `health.timeout`"],
  },
];

/** Takes the port itself before the fixture can. */
const PORT_TAKEN = `
import { createServer } from "node:net";
import { once } from "node:events";
await once(createServer().listen(Number(process.env.PORT), process.env.HOST), "listening");
await import("./fixture.mjs");
`;

describe("on top of a good release", () => {
  const shop = sharedScene(async (scene) => {
    const app = await scene.app("shop");
    app.write("port-taken.mjs", PORT_TAKEN);
    await app.deploy();
    return app;
  });

  test.each(FAULTS)("$name: goes back by itself and says why", async ({ web, error, words }) => {
    const app = shop();
    app.configure(web);
    const { code, out, err } = await app.run(["deploy"]);
    expect(code, out + err).toBe(6);
    for (const word of [`[${error}]`, ...words]) expect(err).toContain(word);
    expect(out).toMatch(/going back to r1[^]*d\d+ went back after .*nothing of it runs any more/);
    await expectStanding(app, "r1", 2);
    const [failed, ...others] = await app.scene.client.releases("shop");
    expect([failed?.active, others], "of those that went back only the last one is kept").toMatchObject([
      false,
      [{ release: "r1" }],
    ]);
  });
});

test.each(FAULTS.slice(2, 3))(
  "as the very first release, $name: leaves nothing running and the address free",
  async ({ web }) => {
    const scene = new Scene();
    onTestFinished(() => scene.close());
    const app = await scene.app("shop", web);
    const { code, out, err } = await app.run(["deploy"]);
    expect(code, out + err).toBe(6);
    expect(await app.status()).toMatchObject({ active: null, instances: [], url: null });
    expect(app.instanceProcesses()).toEqual([]);
    await expect(fetch(app.url)).rejects.toThrow("fetch failed");
  },
);
