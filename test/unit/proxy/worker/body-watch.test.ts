import { expect, test } from "vitest";
import { BodyWatch } from "../../../../src/proxy/worker/body-watch.ts";
import { DEFAULT_LIMITS } from "../../../../src/proxy/worker/limits.ts";
import { isRefusal } from "../../../../src/proxy/worker/refusal.ts";
import { parseRequestHead } from "../../../../src/proxy/worker/request-head.ts";

const START = 1_000_000;

function watch(fields = ""): BodyWatch {
  const head = parseRequestHead(`POST / HTTP/1.1\r\nHost: a\r\n${fields}Transfer-Encoding: chunked\r\n\r\n`, DEFAULT_LIMITS);
  if (isRefusal(head)) throw new Error(head.reason);
  return new BodyWatch(head, Infinity, DEFAULT_LIMITS);
}

/** Looks once a second; the second, from 1, in which it was found too slow, or null. */
function slowAfter(body: BodyWatch, seconds: number, { bytesPerSecond = 0, awaited = true } = {}): number | null {
  for (let second = 0; second <= seconds; second += 1) {
    if (body.isTooSlow(START + second * 1_000, awaited)) return second;
    body.add(bytesPerSecond);
  }
  return null;
}

test("a body may be slow for 30 seconds, then it has to have come with 1 KiB a second on average", () => {
  expect(slowAfter(watch(), 100)).toBe(31);
  expect(slowAfter(watch(), 100, { bytesPerSecond: 1_000 })).toBe(31);
  expect(slowAfter(watch(), 1_000, { bytesPerSecond: 1_024 })).toBeNull();
});

test("time in which the application does not read is not the client's", () => {
  const body = watch();
  expect(slowAfter(body, 1_000, { awaited: false })).toBeNull();
});

test("what came fast in the beginning counts for later", () => {
  const body = watch();
  body.add(1_024 * 60);
  expect(slowAfter(body, 1_000)).toBe(61);
});

test("a stream of gRPC messages may be as slow as it likes", () => {
  expect(slowAfter(watch("content-type: application/grpc+proto\r\n"), 1_000)).toBeNull();
});
