/**
 * An application with every fault a deployment has to meet, chosen by its environment. Without any it behaves well: it finishes what is in
 * flight at SIGTERM and exits with 0. Plain JavaScript, since it also stands for applications on an older Node.
 *
 * CRASH_AT_START=1  NEVER_LISTEN=1  WRONG_PORT=1  BOOT_MS=…  CRASH_AFTER_MS=…  IGNORE_SIGTERM=1  EXIT_AT_SIGTERM=1
 * FAIL_EVERY=20 (of the GETs every 20th is answered 500)  FAIL_MIRRORED=1 (those that are copies of live requests are)
 * HEALTH=500|301|garbage|hang|slow  (slow answers after HEALTH_MS, 300 by default)
 *
 * HEALTH_PORT=<port>: GET /up is answered there, and not on PORT.
 *
 * ORDERS=<file> keeps the id of every order there, one a line.  GET /bytes?mib=… and POST /sink move large bodies (the latter slowly).
 * GET /assets/… are the files of its release below assets/.
 * GET /events is an event stream that counts on from Last-Event-ID, and says which instance it comes from.
 * An Upgrade is answered with 101, and everything after it is echoed.
 */
import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { setTimeout as pause } from "node:timers/promises";

const { env } = process;
const host = env.HOST ?? "127.0.0.1";
const port = Number(env.PORT ?? 0);
/** A pending timer keeps the process alive where the fault leaves it without a socket. */
const FOREVER = 2 ** 31 - 1;
const PIECE = Buffer.alloc(1024 * 1024, "hitless ");

const server = createServer((request, response) => {
  answer(request, response).catch((error) => {
    console.error(error);
    response.destroy();
  });
});
server.keepAliveTimeout = 65_000;
server.on("upgrade", (_request, socket) => {
  socket.on("error", () => {});
  socket.write("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n");
  socket.pipe(socket);
});
let stopping = false;

process.on("SIGTERM", () => {
  if (env.IGNORE_SIGTERM === "1") console.log("SIGTERM ignored");
  else if (env.EXIT_AT_SIGTERM === "1") process.exit(0);
  else finish();
});

if (env.CRASH_AT_START === "1") {
  console.error("fixture: crashing at start, as told");
  process.exit(3);
}
if (env.CRASH_AFTER_MS !== undefined) {
  setTimeout(() => {
    console.error("fixture: crashing, as told");
    process.exit(4);
  }, Number(env.CRASH_AFTER_MS));
}
if (env.BOOT_MS !== undefined) await pause(Number(env.BOOT_MS));
if (env.NEVER_LISTEN === "1") setTimeout(() => {}, FOREVER);
else {
  server.on("error", (error) => {
    console.error(`fixture: ${error.message}`);
    process.exit(1);
  });
  if (env.HEALTH_PORT !== undefined) createServer(health).listen(Number(env.HEALTH_PORT), host);
  server.listen(env.WRONG_PORT === "1" ? 0 : port, host, () => {
    console.log(`fixture: listening on ${host}:${server.address().port}`);
  });
}

let asked = 0;

function isFailing({ method, url, headers }) {
  if (method !== "GET" || url === "/up") return false;
  if (headers["x-hitless-mirror"] !== undefined) return env.FAIL_MIRRORED === "1";
  asked += 1;
  return asked % Number(env.FAIL_EVERY ?? Infinity) === 0;
}

async function answer(request, response) {
  if (isFailing(request)) return text(response, 500, "fixture: failing, as told\n");
  const url = new URL(request.url, "http://fixture");
  switch (`${request.method} ${url.pathname}`) {
    case "GET /up":
      if (env.HEALTH_PORT !== undefined) return text(response, 404, "not here\n");
      return health(request, response);
    case "GET /slow":
      await pause(Number(url.searchParams.get("ms") ?? 1_000));
      return text(response, 200, "slow\n");
    case "GET /release":
      return text(response, 200, `${env.HITLESS_RELEASE ?? ""} ${env.HITLESS_INSTANCE ?? ""} ${env.MESSAGE ?? ""}\n`);
    case "GET /events":
      return events(request, response);
    case "GET /bytes":
      return bytes(Number(url.searchParams.get("mib") ?? 1), response);
    case "POST /sink":
      return sink(request, response);
    case "POST /api/orders":
    case "POST /echo":
      return echo(request, response, url.pathname === "/api/orders");
    case "GET /":
      return text(response, 200, `${env.MESSAGE ?? "hello"}\n`);
    default:
      return asset(response, `.${url.pathname}`);
  }
}

function asset(response, path) {
  if (path.startsWith("./assets/") && existsSync(path)) text(response, 200, readFileSync(path));
  else text(response, 404, "not found\n");
}

async function health(request, response) {
  switch (env.HEALTH) {
    case "500":
      return text(response, 500, "fixture: unhealthy, as told\n");
    case "301":
      response.setHeader("Location", "https://elsewhere.example/up");
      return text(response, 301, "");
    case "garbage":
      request.socket.end("this is not HTTP\r\n\r\n");
      return;
    case "hang":
      return;
    case "slow":
      await pause(Number(env.HEALTH_MS ?? 300));
      return text(response, 200, "ok\n");
    default:
      return text(response, 200, "ok\n");
  }
}

async function echo(request, response, isOrder) {
  const parts = [];
  for await (const part of request) parts.push(part);
  if (isOrder && env.ORDERS !== undefined) appendFileSync(env.ORDERS, `${JSON.parse(Buffer.concat(parts)).id}\n`);
  response.setHeader("Content-Type", request.headers["content-type"] ?? "application/octet-stream");
  text(response, 201, Buffer.concat(parts));
}

async function events(request, response) {
  response.writeHead(200, { "Content-Type": "text/event-stream", "Cache-Control": "no-store" });
  for (let id = Number(request.headers["last-event-id"] ?? 0) + 1; !response.closed; id += 1) {
    response.write(`id: ${id}\ndata: ${env.HITLESS_INSTANCE ?? ""} ${env.MESSAGE ?? ""}\n\n`);
    await pause(20);
  }
}

async function bytes(mib, response) {
  response.setHeader("Content-Length", mib * PIECE.length);
  await pipeline(Readable.from(Array.from({ length: mib }, () => PIECE)), response);
}

async function sink(request, response) {
  let received = 0;
  for await (const part of request) {
    received += part.length;
    if (received % (8 * PIECE.length) < part.length) await pause(40);
  }
  text(response, 200, `${received}\n`);
}

function text(response, status, body) {
  if (!response.hasHeader("Content-Type")) response.setHeader("Content-Type", "text/plain; charset=utf-8");
  response.setHeader("Content-Length", Buffer.byteLength(body));
  if (stopping) response.setHeader("Connection", "close");
  response.writeHead(status).end(body);
}

function finish() {
  if (stopping) return;
  stopping = true;
  if (!server.listening) process.exit(0);
  server.close(() => process.exit(0));
}
