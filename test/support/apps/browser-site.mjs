/**
 * An application for a browser: a page that keeps a WebSocket, an EventSource and a loop of fetches going, writes down what it sees in
 * `window.seen`, and comes back by itself where pages do.
 */
import { createHash } from "node:crypto";
import { createServer } from "node:http";
import { setTimeout as pause } from "node:timers/promises";

const { env } = process;
const release = env.HITLESS_RELEASE ?? "";
const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
const TEXT = 0x81;
const CLOSE = 0x88;

const server = createServer((request, response) => {
  switch (request.url) {
    case "/up":
      return void response.end("ok");
    case "/":
      return void response.writeHead(200, { "Content-Type": "text/html" }).end(page());
    case "/events":
      return void events(request, response);
    default:
      response.writeHead(200, { "Content-Type": "text/plain", "Cache-Control": "no-store" }).end(release);
  }
});
server.keepAliveTimeout = 65_000;
server.on("upgrade", (request, socket) => {
  const accept = createHash("sha1").update(`${request.headers["sec-websocket-key"]}${GUID}`).digest("base64");
  const head = `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`;
  socket.on("error", () => {});
  socket.write(head);
  let input = Buffer.alloc(0);
  socket.on("data", (data) => {
    input = Buffer.concat([input, data]);
    // Small frames of a browser: masked, one message each.
    for (let size = input.length < 2 ? 0 : 6 + (input[1] & 0x7f); size > 0 && input.length >= size;) {
      const [first] = input;
      const payload = input.subarray(6, size).map((byte, at) => byte ^ input[2 + (at % 4)]);
      input = input.subarray(size);
      if (first === CLOSE) return socket.end(Buffer.concat([Buffer.from([CLOSE, payload.length]), payload]));
      const echo = Buffer.from(`${payload} ${release}`);
      socket.write(Buffer.concat([Buffer.from([TEXT, echo.length]), echo]));
      size = input.length < 2 ? 0 : 6 + (input[1] & 0x7f);
    }
  });
});
server.listen(Number(env.PORT), env.HOST ?? "127.0.0.1");
process.on("SIGTERM", () => server.close(() => process.exit(0)));

async function events(request, response) {
  response.writeHead(200, { "Content-Type": "text/event-stream", "Cache-Control": "no-store" });
  response.write("retry: 50\n\n");
  for (let id = Number(request.headers["last-event-id"] ?? 0) + 1; !response.closed; id += 1) {
    response.write(`id: ${id}\ndata: ${release}\n\n`);
    await pause(20);
  }
}

function page() {
  return `<!doctype html><title>${release}</title><script type="module">${script}</script>`;
}

const script = `
const seen = (window.seen = { fetches: 0, failures: [], releases: [], echoes: 0, lastEcho: "", closes: [], ids: [], lastEvent: "", opens: 0 });
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const stopped = () => seen.stop === true;

function talk() {
  const socket = new WebSocket(location.origin.replace("http", "ws") + "/ws");
  let timer = 0;
  socket.onopen = () => { timer = setInterval(() => socket.send("hi"), 20); };
  socket.onmessage = ({ data }) => { seen.echoes += 1; seen.lastEcho = data; };
  socket.onclose = ({ code, wasClean }) => {
    clearInterval(timer);
    seen.closes.push({ code, wasClean });
    if (!stopped()) talk();
  };
}

function listen() {
  const source = new EventSource("/events");
  source.onopen = () => { seen.opens += 1; };
  source.onmessage = ({ lastEventId, data }) => { seen.ids.push(Number(lastEventId)); seen.lastEvent = data; };
  source.onerror = () => { if (source.readyState === EventSource.CLOSED) seen.failures.push("the EventSource gave up"); };
}

async function ask(method) {
  while (!stopped()) {
    try {
      const answer = await fetch("/release?" + seen.fetches, { method, ...(method === "POST" ? { body: "order" } : {}) });
      const text = await answer.text();
      if (answer.status !== 200) seen.failures.push(method + " " + answer.status + " " + text);
      if (seen.releases.at(-1) !== text) seen.releases.push(text);
    } catch (error) {
      seen.failures.push(method + " " + error);
    }
    seen.fetches += 1;
    await pause(5);
  }
}

talk();
listen();
ask("GET");
ask("POST");
`;
