import fc from "fast-check";
import { expect, test } from "vitest";
import { assetAnswer, type AssetAnswer } from "../../../../../src/proxy/worker/assets/asset-answer.ts";
import { requestHead } from "../../../../support/proxy/requests.ts";

const ASSET = { bytes: 1_000, modifiedMs: 1_700_000_000_000.5, name: "js/app.js", release: "r1" };

function answer(fields = "", { method = "GET", ...asset }: { method?: string } & Partial<typeof ASSET> = {}): AssetAnswer {
  return assetAnswer(requestHead(fields, { method }), { ...ASSET, ...asset });
}

const etagOf = ({ head }: AssetAnswer): string => /\r\nETag: (.*)\r\n/.exec(head.forward)?.[1] ?? "";

test.each([
  ["app.js", "text/javascript; charset=utf-8"],
  ["app.mjs", "text/javascript; charset=utf-8"],
  ["app.CSS", "text/css; charset=utf-8"],
  ["app.js.map", "application/json; charset=utf-8"],
  ["logo.svg", "image/svg+xml; charset=utf-8"],
  ["font.woff2", "font/woff2"],
  ["x.wasm", "application/wasm"],
  ["LICENSE", "application/octet-stream"],
])("%s is %s", (name, type) => {
  expect(answer("", { name }).head.forward).toContain(`\r\nContent-Type: ${type}\r\n`);
});

test("the whole file, for long", () => {
  const { head, part } = answer();
  expect(head).toMatchObject({ status: 200, body: 1_000 });
  expect(head.forward).toContain("Cache-Control: public, max-age=31536000, immutable\r\n");
  expect(part).toEqual({ start: 0, end: 999 });
});

test("HEAD, an empty file and one that the client has, have no body", () => {
  expect(answer("", { method: "HEAD" })).toMatchObject({ head: { status: 200, length: 1_000 }, part: null });
  expect(answer("", { bytes: 0 })).toMatchObject({ head: { status: 200, length: 0 }, part: null });
  const etag = etagOf(answer());
  for (const value of [etag, `W/${etag}`, `"x", ${etag}`, "*"]) {
    const { head, part } = answer(`If-None-Match: ${value}\r\n`);
    expect(head, value).toMatchObject({ status: 304, length: null });
    expect(head.forward).not.toContain("Content-Type");
    expect(part).toBeNull();
  }
  expect(answer('If-None-Match: "x"\r\n').head.status).toBe(200);
  expect(etagOf(answer("", { release: "r2" })), "of another release").not.toBe(etag);
});

test.each([
  ["bytes=0-99", 206, { start: 0, end: 99 }],
  ["bytes=900-", 206, { start: 900, end: 999 }],
  ["bytes=-10", 206, { start: 990, end: 999 }],
  ["bytes=990-5000", 206, { start: 990, end: 999 }],
  ["bytes=1000-", 416, null],
  ["bytes=0-1,5-6", 200, { start: 0, end: 999 }],
  ["bytes=x", 200, { start: 0, end: 999 }],
  ["items=0-1", 200, { start: 0, end: 999 }],
])("%s is answered with %i", (range, status, part) => {
  const found = answer(`Range: ${range}\r\n`);
  expect(found.head.status).toBe(status);
  expect(found.part).toEqual(part);
});

test("a range of what the client has in another version is answered with the whole", () => {
  const range = "Range: bytes=0-9\r\n";
  expect(answer(`${range}If-Range: "old"\r\n`).head.status).toBe(200);
  expect(answer(`${range}If-Range: ${etagOf(answer())}\r\n`).head.status).toBe(206);
  expect(answer(range, { method: "HEAD" }).head.status).toBe(200);
});

test("whatever range is asked for, the length is that of the part, and the part is in the file", () => {
  const number = fc.nat({ max: 1_200 });
  const texts = fc.oneof(
    fc.tuple(number, number).map(([from, to]) => `bytes=${String(from)}-${String(to)}`),
    number.map((from) => `bytes=${String(from)}-`),
    number.map((last) => `bytes=-${String(last)}`),
    fc.stringMatching(/^[ -~]{0,12}$/).map((text) => `bytes=${text}`),
  );
  fc.assert(
    fc.property(texts, fc.nat({ max: 1_100 }), (range, bytes) => {
      const { head, part } = answer(`Range: ${range}\r\n`, { bytes });
      expect([200, 206, 416]).toContain(head.status);
      if (part === null) return;
      expect(part.start).toBeGreaterThanOrEqual(0);
      expect(part.end).toBeLessThan(bytes);
      expect(head.body).toBe(part.end - part.start + 1);
    }),
  );
});
