import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, onTestFinished, test } from "vitest";
import { systemClock } from "../../../src/adapters/clock/system.ts";
import { nodeHttp } from "../../../src/adapters/http/node-http.ts";
import type { PrometheusTask, TaskResult } from "../../../src/core/task.ts";
import { runPrometheusTask } from "../../../src/engine/tasks/prometheus-task.ts";
import type { TaskPorts } from "../../../src/engine/tasks/task-order.ts";
import { isInstalled } from "../../support/found.ts";
import { startPrometheus } from "../../support/prometheus.ts";
import { orderOf } from "../../support/task-order.ts";
import { until } from "../../support/temp.ts";
import { refusingPort } from "../../support/wire/refusing-port.ts";

const LIMIT_MS = 60_000;

const GATE = { kind: "prometheus", pass: { max: 0.05 }, everyMs: 50, forMs: 200, failures: 2, timeoutMs: 2_000 } as const;

function gate(url: string, query: string, more: Partial<PrometheusTask> = {}): Promise<TaskResult> {
  const task = { ...GATE, name: "errors", url, query, ...more };
  return runPrometheusTask({ clock: systemClock, http: nodeHttp } as TaskPorts, orderOf(task), task);
}

test.skipIf(!isInstalled("prometheus"))(
  "a real Prometheus (Debian package prometheus): within bounds passes, out of bounds fails, nothing and NaN are not enough data",
  { timeout: LIMIT_MS },
  async () => {
    const server = await startPrometheus('shop_errors{release="r1"} 0.01\nshop_errors{release="r2"} 0.02\n');
    const query = 'shop_errors{release="${release}"}';
    expect(await gate(server.url, query)).toMatchObject({ verdict: "pass", summary: "errors is 0.02, expected at most 0.05" });
    expect((await gate(server.url, "shop_errors", { pass: { max: 0.015 } })).verdict).toBe("fail");
    expect((await gate(server.url, 'scalar(shop_errors{release="r2"})')).verdict).toBe("pass");
    expect((await gate(server.url, "no_such_metric")).verdict).toBe("not-enough-data");
    expect((await gate(server.url, `${query} * NaN`)).verdict).toBe("not-enough-data");
    expect((await gate(server.url, `${query} / 0`)).verdict).toBe("not-enough-data");
    expect(await gate(server.url, "shop_errors{")).toMatchObject({
      verdict: "not-enough-data",
      summary: expect.stringContaining("HTTP 400") as string,
    });

    server.set('shop_errors{release="r2"} 0.4\n');
    await until(async () => (await gate(server.url, query, { forMs: 0, failures: 1 })).verdict === "fail");
    await server.end();
    expect((await gate(server.url, query)).verdict).toBe("not-enough-data");
  },
);

describe("scenario 63: a server that gives no data never lets a release pass", () => {
  test("down", async () => {
    const result = await gate(`http://127.0.0.1:${String(await refusingPort())}`, "up");
    expect(result).toMatchObject({ verdict: "not-enough-data", summary: expect.stringContaining("ECONNREFUSED") as string });
  });

  test("silent, broken off, garbage, an answer of another kind", async () => {
    const answers: Record<string, (socket: { end(text: string): void; destroy(): void }) => void> = {
      silent: () => undefined,
      off: (socket) => {
        socket.destroy();
      },
      garbage: (socket) => {
        socket.end("HTTP/1.1 200 OK\r\ncontent-length: 5\r\nconnection: close\r\n\r\nhello");
      },
      half: (socket) => {
        socket.end('HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n{"status":"success"');
      },
    };
    const server = createServer((request) => {
      const query = new URL(request.url ?? "", "http://x").searchParams.get("query") ?? "";
      answers[query]?.(request.socket);
    });
    await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
    onTestFinished(() => {
      server.closeAllConnections();
      server.close();
    });
    const url = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
    for (const query of Object.keys(answers))
      expect((await gate(url, query, { timeoutMs: 200, forMs: 100 })).verdict).toBe("not-enough-data");
  });

  test("an address that is in the environment of the release is taken from there", async () => {
    const workplace = { directory: "/", env: { PROM: `http://127.0.0.1:${String(await refusingPort())}` } };
    const ports = { clock: systemClock, http: nodeHttp, releases: { workplace: () => Promise.resolve(workplace) } };
    const of = (url: string): PrometheusTask => ({ ...GATE, name: "errors", url, query: "up" });
    const run = (task: PrometheusTask) => runPrometheusTask(ports as unknown as TaskPorts, orderOf(task), task);
    expect((await run(of("env:PROM"))).summary).toContain("ECONNREFUSED");
    expect((await run(of("env:NONE"))).summary).toContain("no variable NONE");
  });

  test("the key in its address is not told to anybody", async () => {
    const { summary } = await gate(`http://127.0.0.1:${String(await refusingPort())}/k/s3cret`, "up");
    expect(summary).not.toContain("s3cret");
  });
});
