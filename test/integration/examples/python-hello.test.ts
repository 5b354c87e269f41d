import { spawnSync } from "node:child_process";
import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { AppProcess } from "../../support/apps/app-process.ts";
import { runLoad } from "../../support/load/run.ts";
import { until } from "../../support/temp.ts";

const DIRECTORY = fileURLToPath(new URL("../../../examples/python-hello/", import.meta.url));
const start = async (): Promise<AppProcess> => {
  const env = { HITLESS_RELEASE: "r7", HITLESS_INSTANCE: "web-3" };
  return (await AppProcess.start({ command: "python3", args: ["hello.py"], directory: DIRECTORY, env })).ready();
};

describe.skipIf(spawnSync("python3", ["--version"]).status !== 0)("the Python example", () => {
  test("greets with its release, is healthy, and refuses what it does not know", async () => {
    const app = await start();
    expect(await (await fetch(app.url)).text()).toBe("Hello from release r7, web-3\n");
    expect((await fetch(`${app.url}/up`)).status).toBe(200);
    expect((await fetch(`${app.url}/elsewhere`)).status).toBe(404);
    expect((await fetch(`${app.url}/?delay=soon`)).status).toBe(400);
  });

  test("keeps connections open between requests", async () => {
    const app = await start();
    const report = await runLoad({ url: app.url, rate: 200, keepAlive: 2, fresh: 1, post: 0, paths: ["/", "/up"], seconds: 1 });
    expect(report).toMatchObject({ ok: report.requests, connectionErrors: 0, timeouts: 0, stray: 0 });
    expect(report.ok).toBeGreaterThan(10);
  });

  test("at SIGTERM finishes the request in flight, waits for no idle connection, and exits with 0", async () => {
    const app = await start();
    const { port } = new URL(app.url);
    const idle = connect(Number(port), "127.0.0.1");
    idle.on("error", () => undefined);
    idle.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    await new Promise((resolve) => idle.once("data", resolve));

    const slow = connect(Number(port), "127.0.0.1");
    slow.setEncoding("utf8").write("GET /?delay=1 HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n\r\n");
    // The interim answer says that the request has begun.
    const interim = await new Promise((resolve) => slow.once("data", resolve));
    expect(interim).toBe("HTTP/1.1 100 Continue\r\n\r\n");
    app.terminate();
    await until(() => refused(Number(port)));

    const answer = await text(slow);
    expect(answer).toMatch(/^HTTP\/1\.1 200 /);
    expect(answer).toMatch(/\r\nConnection: close\r\n/);
    expect(answer).toMatch(/Hello from release r7, web-3\n$/);
    expect(await app.ended()).toBe(0);
    expect(app.output).toContain("Stopped");
    idle.destroy();
  });
});

function refused(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => {
      socket.destroy();
      resolve(false);
    });
    socket.once("error", () => {
      resolve(true);
    });
  });
}
