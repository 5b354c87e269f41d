import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { createServer, type RequestListener, type Server as HttpServer } from "node:http";
import { createServer as createTcpServer, type AddressInfo, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { describe, expect, onTestFinished, test } from "vitest";
import { runLoad, type LoadOptions, type LoadReport } from "../../support/load/run.ts";
import type { Report } from "../../support/load/tally.ts";
import { temporaryDirectory, until } from "../../support/temp.ts";

const MAIN = fileURLToPath(new URL("../../support/load/main.ts", import.meta.url));
const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

async function listening(server: Server | HttpServer): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.close();
    if ("closeAllConnections" in server) server.closeAllConnections();
  });
  return `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
}

const http = (listener: RequestListener): Promise<string> => listening(createServer(listener));

/** A server of raw bytes: called with each request's text (heads only, no bodies). */
function raw(onRequest: (socket: Socket, turn: number) => void): Promise<string> {
  let turn = 0;
  const sockets = new Set<Socket>();
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
  });
  return listening(
    createTcpServer((socket) => {
      sockets.add(socket);
      socket.on("close", () => sockets.delete(socket));
      socket.on("error", () => undefined);
      socket.on("data", () => {
        onRequest(socket, ++turn);
      });
    }),
  );
}

const load = (url: string, options: Partial<LoadOptions>): Promise<LoadReport> =>
  runLoad({ url, rate: 100, keepAlive: 0, fresh: 0, post: 0, ...options });

/** Goes on until the condition holds. */
async function loadUntil(url: string, options: Partial<LoadOptions>, condition: () => boolean): Promise<LoadReport> {
  const stop = new AbortController();
  const report = load(url, { ...options, signal: stop.signal });
  await until(condition);
  stop.abort();
  return report;
}

/** Nothing may be lost by the counting itself. */
function expectBalanced(report: Report): void {
  expect(report.ok + report.httpErrors + report.connectionErrors + report.timeouts).toBe(report.requests);
  const statuses = Object.values(report.byStatus).reduce((sum, count) => sum + count, 0);
  const kinds = Object.values(report.byKind).reduce((sum, count) => sum + count, 0);
  expect([statuses, kinds]).toEqual([report.ok + report.httpErrors, report.connectionErrors]);
}

describe("what the load generator counts", () => {
  test("every answer of a server that counts too, by status and by kind of client", async () => {
    const seen = { get: 0, post: 0, sockets: new Set<unknown>() };
    const url = await http((request, response) => {
      seen.sockets.add(request.socket);
      if (request.method === "GET") {
        seen.get += 1;
        response.writeHead(request.url === "/missing" ? 404 : 200).end("fine");
        return;
      }
      seen.post += 1;
      void text(request).then((body) => response.writeHead(201).end(body));
    });
    const report = await loadUntil(
      url,
      { rate: 400, keepAlive: 3, fresh: 2, post: 2, paths: ["/", "/missing"] },
      () => seen.get + seen.post >= 150,
    );
    expectBalanced(report);
    const { keepAlive, fresh, post } = report.byClient;
    expect(keepAlive.requests + fresh.requests).toBe(seen.get);
    expect(post.requests).toBe(seen.post);
    expect(report).toMatchObject({ connectionErrors: 0, timeouts: 0, stray: 0 });
    expect(report.byStatus["200"]! + report.byStatus["201"]!).toBe(report.ok);
    expect(report.byStatus["404"]).toBe(report.httpErrors);
    expect(report.httpErrors).toBeGreaterThan(20);
    expect(seen.sockets.size).toBe(3 + 2 + fresh.requests);
    expect(report.p50Ms!).toBeLessThanOrEqual(report.p99Ms!);
    expect(report.p99Ms!).toBeLessThanOrEqual(report.maxMs!);
  });

  test("each POST has an id of its own, and only those answered 201 are handed back", async () => {
    const stored: string[] = [];
    const refused: string[] = [];
    const url = await http((request, response) => {
      void text(request).then((body) => {
        const { id } = JSON.parse(body) as { id: string };
        const refuse = (stored.length + refused.length) % 3 === 2;
        (refuse ? refused : stored).push(id);
        response.writeHead(refuse ? 503 : 201).end(refuse ? "" : JSON.stringify({ id }));
      });
    });
    const report = await loadUntil(url, { rate: 300, post: 4 }, () => refused.length >= 10);
    expect(new Set([...stored, ...refused]).size).toBe(report.requests);
    expect([...report.postedIds].sort()).toEqual([...stored].sort());
    expect(report.byStatus).toEqual({ "201": stored.length, "503": refused.length });
    expect(report.posted).toBe(stored.length);
  });

  test("a 201 with another request's id is a wrong answer, not a stored order", async () => {
    let requests = 0;
    const url = await http((_request, response) => {
      requests += 1;
      response.writeHead(201).end('{"id":"somebody-else"}');
    });
    const report = await loadUntil(url, { post: 1 }, () => requests >= 5);
    expect(report).toMatchObject({ ok: 0, byKind: { "wrong-answer": report.requests }, postedIds: [] });
  });

  test("what was posted is read back: another value is wrong, a field that one of the answers lacks is not", async () => {
    let read = 0;
    const url = await http((request, response) => {
      void text(request).then((body) => {
        const id = request.url?.split("/").at(-1);
        if (request.method === "POST") response.writeHead(201).end(JSON.stringify({ ...(JSON.parse(body) as object), by: 1 }));
        else response.end(JSON.stringify({ id, by: ++read % 2, kept: true }));
      });
    });
    const report = await loadUntil(url, { post: 1, readBack: true }, () => read >= 6);
    expect(report.byKind).toEqual({ "wrong-value": Math.floor(read / 2) });
    expect(report.readBack).toBe(Math.ceil(read / 2));
    expect(report.answers.size).toBe(report.posted);
  });

  test("a connection closed while idle is dialled again and is no error", async () => {
    const sockets = new Set<Socket>();
    let turns = 0;
    const url = await raw((socket, turn) => {
      sockets.add(socket);
      turns = turn;
      // The FIN after the answer, as an idle timeout does it: well before the next turn of a client at 20 a second.
      socket.end(OK);
    });
    const report = await loadUntil(url, { rate: 20, keepAlive: 1 }, () => turns >= 6);
    expect(report).toMatchObject({ ok: report.requests, connectionErrors: 0, byStatus: { "200": report.requests } });
    expect(sockets.size).toBe(report.requests);
  });

  test("`Connection: close` is heeded: nothing is sent on that connection again", async () => {
    const perSocket = new Map<Socket, number>();
    const url = await raw((socket) => {
      perSocket.set(socket, (perSocket.get(socket) ?? 0) + 1);
      socket.write(OK.replace("Content-Length", "Connection: close\r\nContent-Length"));
    });
    const report = await loadUntil(url, { keepAlive: 2 }, () => perSocket.size >= 6);
    expect(report.ok).toBe(report.requests);
    expect(new Set(perSocket.values())).toEqual(new Set([1]));
  });

  test.each([
    ["closed-before-answer", (socket: Socket) => socket.end()],
    ["reset-before-answer", (socket: Socket) => socket.resetAndDestroy()],
    ["closed-in-answer", (socket: Socket) => socket.end("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort")],
    ["closed-in-answer", (socket: Socket) => socket.end("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nshort\r\n")],
    ["closed-in-answer", (socket: Socket) => socket.end("HTTP/1.1 200 OK\r\nContent-Le")],
    ["malformed-answer", (socket: Socket) => socket.write("HTTP/1.1 200 OK\nContent-Length: 2\n\nok\r\n\r\n")],
    ["malformed-answer", (socket: Socket) => socket.write(OK.replace("Content-", "Transfer-Encoding: chunked\r\nContent-"))],
    ["malformed-answer", (socket: Socket) => socket.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok!\r\n")],
  ])("a request that ends %s is that error, exactly once", async (kind, fault) => {
    let turns = 0;
    const url = await raw((socket, turn) => {
      turns = turn;
      if (turn % 2 === 0) fault(socket);
      else socket.write(OK);
    });
    const report = await loadUntil(url, { keepAlive: 1 }, () => turns >= 10);
    const wrong = Math.floor(turns / 2);
    expectBalanced(report);
    expect(report).toMatchObject({ requests: turns, ok: turns - wrong, connectionErrors: wrong, byKind: { [kind]: wrong } });
  });

  test("a refused connection is an error of the dial", async () => {
    const server = createTcpServer();
    const url = await listening(server);
    await new Promise((resolve) => server.close(resolve));
    const report = await load(url, { keepAlive: 1, fresh: 1, post: 1, seconds: 0.2 });
    expect(report.requests).toBeGreaterThanOrEqual(3);
    expect(report).toMatchObject({ connectionErrors: report.requests, byKind: { "dial-ECONNREFUSED": report.requests } });
  });

  test("a request nobody answers is a timeout, once", async () => {
    let turns = 0;
    const url = await raw((_socket, turn) => {
      turns = turn;
    });
    const report = await loadUntil(url, { keepAlive: 2, fresh: 1, timeoutMs: 500 }, () => turns >= 6);
    expect(report).toMatchObject({ requests: turns, timeouts: turns, ok: 0, connectionErrors: 0 });
  });

  test("bytes that nobody asked for are seen after an answer", async () => {
    let turns = 0;
    const url = await raw((socket, turn) => {
      turns = turn;
      socket.write(turn === 1 ? `${OK}${OK}` : OK);
    });
    const report = await loadUntil(url, { rate: 20, keepAlive: 1 }, () => turns >= 3);
    expect(report).toMatchObject({ requests: turns, ok: turns, stray: 1 });
  });

  test("bytes that nobody asked for are seen on an idle connection", async () => {
    const sockets = new Set<Socket>();
    let turns = 0;
    const url = await raw((socket, turn) => {
      turns = turn;
      const [first] = sockets.add(socket);
      socket.write(OK);
      // The clients take turns 50 ms apart: while this one is served the other is idle.
      if (turn === 2) first!.write(OK);
    });
    const report = await loadUntil(url, { rate: 20, keepAlive: 2 }, () => turns >= 5);
    expect(report).toMatchObject({ requests: turns, ok: turns, stray: 1 });
    expect(sockets.size).toBe(3);
  });

  test("chunks, answers in single bytes, interim answers and answers until the close are read to their end", async () => {
    const answers = [
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\na;x=y\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\n",
      "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
      "HTTP/1.1 204 No Content\r\n\r\n",
      "HTTP/1.1 304 Not Modified\r\nContent-Length: 100\r\n\r\n",
      "HTTP/1.1 200 OK\r\n\r\nuntil the close",
    ];
    let turns = 0;
    const url = await raw((socket, turn) => {
      turns = turn;
      const answer = answers[(turn - 1) % answers.length]!;
      for (const byte of answer) socket.write(byte);
      if (turn % answers.length === 0) socket.end();
    });
    const report = await loadUntil(url, { keepAlive: 1 }, () => turns >= 10);
    expect(report).toMatchObject({ requests: turns, ok: turns, stray: 0 });
    expect(report.byStatus).toMatchObject({ "204": 2, "304": 2 });
  });

  test("a closed loop: turns that find every client busy are not made up for", async () => {
    const waiting: (() => void)[] = [];
    let after = 0;
    let releasedAt = Infinity;
    const url = await http((_request, response) => {
      if (releasedAt === Infinity) waiting.push(() => response.end("late"));
      else {
        after += 1;
        response.end("soon");
      }
    });
    const stop = new AbortController();
    const ends = load(url, { rate: 200, keepAlive: 4, signal: stop.signal });
    await until(() => waiting.length === 4);
    // A hundred turns pass while every client waits.
    await new Promise((resolve) => setTimeout(resolve, 500));
    releasedAt = performance.now();
    for (const answer of waiting) answer();
    await until(() => after >= 30);
    const ms = performance.now() - releasedAt;
    stop.abort();
    const report = await ends;
    expect(report).toMatchObject({ requests: 4 + after, ok: 4 + after });
    expect(30 / ms).toBeLessThan(0.3);
  });

  test("the rate is kept, and 0 is as fast as the server answers", async () => {
    const url = await http((_request, response) => response.end("ok"));
    // So many clients that one is free for every turn, even where the machine stood still for most of the second.
    const paced = await load(url, { rate: 200, keepAlive: 200, seconds: 1 });
    expect(paced.requests).toBeGreaterThan(150);
    expect(paced.requests).toBeLessThanOrEqual(200 * paced.seconds + 1);
    let answered = 0;
    const counting = await http((_request, response) => {
      answered += 1;
      response.end("ok");
    });
    const unpaced = await loadUntil(counting, { rate: 0, keepAlive: 2 }, () => answered > 1_000);
    expect(unpaced.requests).toBe(answered);
    expectBalanced(unpaced);
  });
});

describe("the load generator as a program", () => {
  interface Run {
    readonly lines: Record<string, unknown>[];
    readonly code: number | null;
    readonly stderr: string;
  }

  function start(...args: string[]): { kill: () => void; ended: Promise<Run> } {
    const child = spawn(process.execPath, [MAIN, ...args], { stdio: ["ignore", "pipe", "pipe"] });
    onTestFinished(() => {
      child.kill("SIGKILL");
    });
    const code = new Promise<number | null>((resolve) => child.once("close", resolve));
    const ended = Promise.all([text(child.stdout), text(child.stderr), code]).then(([out, stderr, exit]) => ({
      lines: out
        .split("\n")
        .filter((line) => line !== "")
        .map((line) => JSON.parse(line) as Record<string, unknown>),
      code: exit,
      stderr,
    }));
    return { kill: () => child.kill("SIGTERM"), ended };
  }

  test("at SIGTERM it finishes what is in flight, prints one line and writes what was answered", async () => {
    const directory = temporaryDirectory();
    const held: (() => void)[] = [];
    const stored: string[] = [];
    let stopping = false;
    const url = await http((request, response) => {
      void text(request).then((body) => {
        if (request.method === "POST") stored.push((JSON.parse(body) as { id: string }).id);
        const answer = (): void => void response.writeHead(request.method === "POST" ? 201 : 200).end(body);
        if (stored.length < 20 || stopping) answer();
        else held.push(answer);
      });
    });
    const file = join(directory, "answers");
    const program = start("--url", url, "--rate", "300", "--keep-alive", "2", "--fresh", "1", "--post", "3", "--answers", file);
    await until(() => held.length === 6);
    stopping = true;
    program.kill();
    for (const answer of held) answer();
    const { lines, code } = await program.ended;
    expect(code).toBe(0);
    expect(lines).toHaveLength(1);
    const report = lines[0] as unknown as Report;
    expectBalanced(report);
    expect(report).toMatchObject({ ok: report.requests, connectionErrors: 0, posted: stored.length });
    const written = (JSON.parse(readFileSync(file, "utf8")) as [string, string][]).map(([id]) => id);
    expect(written.sort()).toEqual([...stored].sort());
  });

  test("--progress prints a line every second before the last one, and --seconds ends it", async () => {
    const url = await http((_request, response) => response.end("ok"));
    const { lines, code } = await start("--url", url, "--rate", "50", "--seconds", "1.3", "--progress", "--paths", "/a,/b").ended;
    expect(code).toBe(0);
    expect(lines).toHaveLength(2);
    expect(lines[0]!["progress"]).toMatchObject({ connectionErrors: 0, httpErrors: 0, errors: 0 });
    expect(lines[1]).toMatchObject({ connectionErrors: 0, byKind: {} });
  });

  test("without a URL, or with a number that is none, it says so and fails", async () => {
    const [missing, wrong] = await Promise.all([start().ended, start("--url", "http://127.0.0.1:1", "--rate", "many").ended]);
    expect([missing.code, wrong.code]).toEqual([1, 1]);
    expect(missing.stderr).toContain("--url is missing");
    expect(wrong.stderr).toContain("--rate: expected a number, found many");
  });
});
