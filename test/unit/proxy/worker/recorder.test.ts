import { expect, test } from "vitest";
import { Recorder } from "../../../../src/proxy/worker/recorder.ts";

const asked = (method: string, target: string, lines = "", body = 0) => ({
  method,
  target,
  body,
  forward: `${method} ${target} HTTP/1.1\r\nHost: shop\r\n${lines}`,
});

test("what changes nothing is kept once, with what an answer is chosen by", () => {
  const recorder = new Recorder();
  const page = asked("GET", "/me?tab=1", "Cookie: sid=a\r\nAccept: text/html\r\nX-Request-Id: 5\r\n");
  recorder.add(page, 200);
  recorder.add(page, 200);
  recorder.add(asked("POST", "/orders", "", 5), 201);
  recorder.add(asked("DELETE", "/orders/1"), 204);
  recorder.add(asked("GET", "/broken"), 500);
  recorder.add(asked("GET", "/news", "Accept: text/event-stream\r\n"), 200);
  recorder.add(asked("GET", "/me?tab=1", "Cookie: sid=b\r\n"), 401);
  expect(recorder.all()).toEqual([
    { method: "GET", target: "/me?tab=1", headers: { cookie: "sid=a", accept: "text/html" } },
    { method: "GET", target: "/me?tab=1", headers: { cookie: "sid=b" } },
  ]);
});

test("of each route and of all of them a few are kept", () => {
  const recorder = new Recorder();
  for (let order = 0; order < 50; order += 1) recorder.add(asked("GET", `/orders/${String(order)}`), 200);
  expect(recorder.all()).toHaveLength(5);
  for (let page = 0; page < 500; page += 1)
    recorder.add(
      asked("GET", `/${String.fromCharCode(97 + (page % 26))}${String.fromCharCode(97 + (Math.floor(page / 26) % 26))}`),
      200,
    );
  expect(recorder.all()).toHaveLength(100);
});
