import { createServer as createHttp1 } from "node:http";
import { createServer, type ServerHttp2Stream } from "node:http2";
import { createServer as createTcp, type AddressInfo, type Server } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import type { HealthSpec } from "../../../../src/core/app-spec.ts";
import type { ProbeOutcome } from "../../../../src/core/routes.ts";
import { probe } from "../../../../src/proxy/holder/probe.ts";
import { refusingPort } from "../../../support/wire/refusing-port.ts";

const HEALTH: HealthSpec = {
  path: "/up",
  protocol: "h2c",
  host: null,
  intervalMs: 1_000,
  timeoutMs: 500,
  passes: 1,
  failures: 1,
};
const GRPC: HealthSpec = { ...HEALTH, path: "/grpc.health.v1.Health/Check" };
/** A HealthCheckResponse as gRPC frames it: its `status` is 1 (SERVING) or 2 (NOT_SERVING). */
const grpcAnswer = (status: number) => Buffer.from([0, 0, 0, 0, 2, 0x08, status]);

async function portOf(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

function ask(port: number, health: HealthSpec = HEALTH): Promise<ProbeOutcome> {
  return probe({ host: "127.0.0.1", port }, health);
}

/** An instance that speaks HTTP/2 and answers its health check so. */
async function instance(answer: (stream: ServerHttp2Stream, fields: Record<string, unknown>) => void): Promise<number> {
  const server = createServer();
  server.on("stream", (stream, fields) => {
    stream.on("error", () => undefined);
    answer(stream, fields);
  });
  return portOf(server);
}

test("2xx passes, and the check says what it asks for", async () => {
  let seen: Record<string, unknown> = {};
  const port = await instance((stream, fields) => {
    seen = fields;
    stream.respond({ ":status": 204 }, { endStream: true });
  });
  expect(await ask(port, { ...HEALTH, host: "shop.test" })).toMatchObject({ kind: "pass", status: 204 });
  expect(seen).toMatchObject({ ":method": "GET", ":path": "/up", ":authority": "shop.test", "user-agent": "hitless-health/1" });
});

test("another status fails, with what the instance says", async () => {
  const port = await instance((stream) => {
    stream.respond({ ":status": 500 });
    stream.end("the database\nis down");
  });
  expect(await ask(port)).toEqual({ kind: "fail", reason: "status", saw: "status 500, body: the database is down" });
});

test.each([
  ["serving", 1, "0", { kind: "pass", status: 200 }],
  ["not serving", 2, "0", { kind: "fail", reason: "status", saw: "the gRPC server says that it is not serving" }],
  ["without the service", 1, "12", { kind: "fail", reason: "status", saw: "grpc-status 12, no such method" }],
])("gRPC's own health check, %s", async (_, status, code, outcome) => {
  let asked = "";
  const port = await instance((stream, fields) => {
    asked = `${String(fields[":method"])} ${String(fields["content-type"])} ${String(fields["te"])}`;
    stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
    stream.on("wantTrailers", () => {
      stream.sendTrailers({ "grpc-status": code, ...(code === "0" ? {} : { "grpc-message": "no such method" }) });
    });
    stream.end(grpcAnswer(status));
  });
  expect(await ask(port, GRPC)).toMatchObject(outcome);
  expect(asked).toBe("POST application/grpc trailers");
});

test("nobody there, nothing said, HTTP/1.1 spoken, the connection closed: each by its name", async () => {
  expect(await ask(await refusingPort())).toMatchObject({ kind: "fail", reason: "refused" });
  expect(await ask(await instance(() => undefined))).toMatchObject({ kind: "fail", reason: "timeout" });
  const endless = await instance((stream) => {
    stream.respond({ ":status": 200 });
    stream.write("and so on");
  });
  expect(await ask(endless)).toMatchObject({ kind: "fail", reason: "timeout" });
  const http1 = await portOf(createHttp1((_request, response) => response.end("ok")));
  expect(await ask(http1)).toMatchObject({ kind: "fail", reason: "garbage" });
  const closing = await portOf(createTcp((socket) => socket.end().destroy()));
  expect((await ask(closing)).kind).toBe("fail");
});
