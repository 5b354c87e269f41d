import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createSecureServer } from "node:https";
import { readFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { describe, expect, onTestFinished, test } from "vitest";
import { systemClock } from "../../../src/adapters/clock/system.ts";
import { nodeHttp } from "../../../src/adapters/http/node-http.ts";
import type { AppSpec } from "../../../src/core/app-spec.ts";
import { CLAIM_OF_EVERYTHING } from "../../../src/core/routing.ts";
import type { JourneyRequest, JourneyTask, TaskResult } from "../../../src/core/task.ts";
import { runJourneyTask } from "../../../src/engine/tasks/journey-task.ts";
import type { TaskPorts } from "../../../src/engine/tasks/task-order.ts";
import { simSpec } from "../../../sim/spec.ts";
import { orderOf } from "../../support/task-order.ts";
import { temporaryDirectory } from "../../support/temp.ts";
import { filesFor } from "../../support/tls/files.ts";
import { refusingPort } from "../../support/wire/refusing-port.ts";

type Handler = (request: IncomingMessage, answer: ServerResponse) => void;

async function listening(server: ReturnType<typeof createServer>): Promise<number> {
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

function request(path: string, more: Partial<JourneyRequest> = {}): JourneyRequest {
  return { method: "GET", path, headers: {}, body: null, expect: {}, capture: {}, ...more };
}

function walked(spec: AppSpec, requests: readonly JourneyRequest[], more: Partial<JourneyTask> = {}): Promise<TaskResult> {
  const task = { kind: "journey", name: "buys", requests, timeoutMs: 10_000, ...more } as const;
  const workplace = { directory: "/", env: {}, spec, previewKey: "k3y" };
  const releases = { workplace: () => Promise.resolve(workplace) };
  return runJourneyTask({ clock: systemClock, http: nodeHttp, releases } as unknown as TaskPorts, orderOf(task), task);
}

function specAt(port: number, more: Partial<AppSpec> = {}): AppSpec {
  return { ...simSpec("shop", 1, 1), listen: { host: "0.0.0.0", port }, ...more };
}

/** A shop that wants a session cookie and a token for a cart. */
const shop: Handler = (request, answer) => {
  const { url = "", headers } = request;
  if (headers["x-hitless-preview"] !== "k3y") answer.writeHead(403).end("no preview");
  else if (url === "/login")
    answer.writeHead(200, { "set-cookie": ["session=s1; Path=/", "trial=x; Max-Age=0"] }).end('{"token":"a/b"}');
  else if (url === "/cart/a%2Fb" && headers.cookie === "session=s1") answer.writeHead(200).end('{"items":[{"n":1}]}');
  else answer.writeHead(500).end(`what is ${url} with ${headers.cookie ?? "no cookie"}`);
};

describe("a journey", () => {
  test("walks with what it captures and the cookies it gets, through the preview", async () => {
    const port = await listening(createServer(shop));
    const result = await walked(specAt(port), [
      request("/login", { method: "POST", body: "{}", capture: { token: { from: "json", path: "token" } } }),
      request("/cart/${token}", { expect: { status: 200, json: { "items[0].n": 1 } } }),
    ]);
    expect(result).toMatchObject({ verdict: "pass", summary: "journey buys passed (2 requests)" });
    expect(result.details?.[1]).toMatch(/^GET \/cart\/a%2Fb: 200 in \d+ ms$/);
  });

  test("stops at the first answer that is not as expected, and says where and why", async () => {
    const port = await listening(createServer(shop));
    const result = await walked(specAt(port), [
      request("/login"),
      request("/cart/x", { expect: { bodyContains: ["total"] } }),
      request("/never"),
    ]);
    expect(result).toMatchObject({
      verdict: "fail",
      summary: expect.stringMatching(
        /^journey buys failed at request 2 of 3 \(GET \/cart\/x\): the status is 500, expected 200 to 399; the body does not/,
      ) as string,
    });
    expect(result.details?.join("\n")).not.toContain("/never");
  });

  test("asks as a client of the app would: by its host, with what its claim wants", async () => {
    const seen: IncomingMessage["headers"][] = [];
    const port = await listening(
      createServer((asked, answer) => {
        seen.push(asked.headers);
        answer.end();
      }),
    );
    const claim = {
      ...CLAIM_OF_EVERYTHING,
      hosts: ["*.example.com"],
      headers: [{ name: "X-Beta", value: null }],
      cookies: [{ name: "c", value: "1" }],
    };
    await walked(specAt(port, { routing: { claim } }), [request("/", { headers: { Accept: "text/plain" } })]);
    expect(seen[0]).toMatchObject({ host: "preview.example.com", "x-beta": "1", cookie: "c=1", accept: "text/plain" });
  });

  test("goes over TLS where the app has it, whoever its certificate is for", async () => {
    const { cert, key } = await filesFor(temporaryDirectory(), ["shop.example.com"]);
    const names: unknown[] = [];
    const server = createSecureServer({ cert: readFileSync(cert), key: readFileSync(key) }, (asked, answer) => {
      names.push((asked.socket as { servername?: unknown }).servername);
      answer.end("hello");
    });
    const port = await listening(server);
    const tls = { listen: { host: "127.0.0.1", port } } as unknown as AppSpec["tls"];
    const routing = { claim: { ...CLAIM_OF_EVERYTHING, hosts: ["shop.example.com"] } };
    expect((await walked(specAt(1, { tls, routing }), [request("/", { expect: { bodyContains: ["hello"] } })])).verdict).toBe(
      "pass",
    );
    expect(names).toEqual(["shop.example.com"]);
  });

  test("fails where nobody answers, in time", async () => {
    expect((await walked(specAt(await refusingPort()), [request("/")])).summary).toContain("ECONNREFUSED");
    const port = await listening(createServer(() => undefined));
    const late = await walked(specAt(port), [request("/")], { timeoutMs: 200 });
    expect(late).toMatchObject({ verdict: "fail", summary: expect.stringContaining("no answer within") as string });
  });
});
