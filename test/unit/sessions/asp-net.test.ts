import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { BadRequest, RequestReader, type AspNetRequest } from "../../../src/sessions/aspnet/request-reader.ts";
import { AspNetSessions } from "../../../src/sessions/aspnet/sessions.ts";
import { Keyspace } from "../../../src/sessions/data/keyspace.ts";
import { asked } from "../../support/sessions/asp-net-wire.ts";

const MINUTE = 60_000;
const nothing = (): undefined => undefined;
const NO_EFFECTS = {
  set: nothing,
  remove: nothing,
  expire: nothing,
  append: nothing,
  setFields: nothing,
  removeFields: nothing,
  clear: nothing,
};

function sessions(facts: { full?: boolean; unwritable?: string } = {}): {
  ask: (at: number, ...request: Parameters<typeof asked>) => ReturnType<AspNetSessions["run"]>;
} {
  const keyspace = new Keyspace({ effects: () => NO_EFFECTS, onChange: nothing, onExpired: nothing, onClear: nothing });
  const own = new AspNetSessions({ keyspace, hasRoom: () => facts.full !== true, unwritable: () => facts.unwritable ?? null });
  return { ask: (at, ...request) => own.run(read(asked(...request))[0]!, at) };
}

function read(text: string, cuts: readonly number[] = []): AspNetRequest[] {
  const reader = new RequestReader(1_000);
  const bytes = Buffer.from(text, "latin1");
  const found: AspNetRequest[] = [];
  const places = [0, ...cuts.filter((cut) => cut < bytes.length).sort((a, b) => a - b), bytes.length];
  for (let i = 1; i < places.length; i += 1) {
    reader.feed(bytes.subarray(places[i - 1], places[i]));
    for (let request = reader.next(); request !== null; request = reader.next()) found.push(request);
  }
  return found;
}

describe("requests of the ASP.NET State Server Protocol", () => {
  const stream =
    asked("PUT", "/a(x%3d)%2fs1", ["Timeout: 20", "Lock-Cookie: 7"], "\0\r\n\r\nÿ") + asked("GET", "/b", ["Exclusive:acquire "]);

  it("are the same however they are cut", () => {
    const whole = read(stream);
    expect(whole.map(({ method, id, content }) => [method, id, content])).toEqual([
      ["PUT", "/a(x%3d)%2fs1", "\0\r\n\r\nÿ"],
      ["GET", "/b", ""],
    ]);
    expect(whole[0]?.fields.get("lockcookie")).toBe("7");
    expect(whole[1]?.fields.get("exclusive")).toBe("acquire");
    fc.assert(
      fc.property(fc.array(fc.nat(stream.length)), (cuts) => {
        expect(read(stream, cuts)).toEqual(whole);
      }),
    );
  });

  it.each([
    "nonsense\r\n\r\n",
    "GET x HTTP/1.1\r\n\r\n",
    "GET /x HTTP/2.0\r\n\r\n",
    "GET /x HTTP/1.1\r\nno field\r\n\r\n",
    "GET /x HTTP/1.1\r\nA : b\r\n\r\n",
    "PUT /x HTTP/1.1\r\nContent-Length: 1001\r\n\r\n",
    "PUT /x HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
    "PUT /x HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
    "PUT /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
    `GET /${"x".repeat(20_000)}`,
  ])("are refused when malformed: %j", (text) => {
    expect(() => read(text)).toThrow(BadRequest);
  });

  it("that are anything at all are read or refused, never worse", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 200 }), fc.boolean(), (noise, tail) => {
        try {
          read(tail ? `${stream}${noise}\r\n\r\n` : noise);
        } catch (error) {
          expect(error).toBeInstanceOf(BadRequest);
        }
      }),
    );
  });
});

describe("sessions of the ASP.NET State Server Protocol", () => {
  it("live so many minutes from their last use, by GET, HEAD and PUT", () => {
    const { ask } = sessions();
    expect(ask(0, "GET", "/s").status).toBe(404);
    expect(ask(0, "HEAD", "/s").status).toBe(404);
    expect(ask(0, "PUT", "/s", ["Timeout: 2"], "one")).toEqual({ status: 200 });
    expect(ask(1.5 * MINUTE, "GET", "/s")).toEqual({ status: 200, fields: { Timeout: 2 }, content: "one" });
    expect(ask(3 * MINUTE, "HEAD", "/s")).toEqual({ status: 200 });
    expect(ask(4.9 * MINUTE, "GET", "/s").status).toBe(200);
    expect(ask(6.9 * MINUTE, "GET", "/s").status).toBe(404);
  });

  it("are locked by one, whose cookie alone writes, removes and releases", () => {
    const { ask } = sessions();
    ask(MINUTE, "PUT", "/s", ["Timeout: 20"], "one");
    expect(ask(MINUTE, "GET", "/s", ["Exclusive: acquire"])).toEqual({
      status: 200,
      fields: { Timeout: 20, LockCookie: 1 },
      content: "one",
    });
    const locked = { status: 423, fields: { LockCookie: 1, LockAge: 30, LockDate: 621_355_968_600_000_000n } };
    const later = 1.5 * MINUTE;
    expect(ask(later, "GET", "/s")).toEqual(locked);
    expect(ask(later, "GET", "/s", ["Exclusive: acquire"])).toEqual(locked);
    expect(ask(later, "PUT", "/s", ["Timeout: 20"], "two")).toEqual(locked);
    for (const method of ["PUT", "DELETE", "GET"])
      expect(ask(later, method, "/s", ["Timeout: 20", "Exclusive: release", "Lock-Cookie: 2"])).toEqual(locked);
    // Writing releases, as ASP.NET expects.
    expect(ask(later, "PUT", "/s", ["Timeout: 20", "LockCookie: 1"], "two").status).toBe(200);
    expect(ask(later, "GET", "/s").content).toBe("two");
    // Again by the same cookie: nothing happens.
    expect(ask(later, "GET", "/s", ["Exclusive: release", "Lock-Cookie: 1"]).status).toBe(200);
    expect(ask(later, "GET", "/s", ["Exclusive: acquire"]).fields).toMatchObject({ LockCookie: 2 });
    expect(ask(later, "DELETE", "/s", ["Lock-Cookie: 2"]).status).toBe(200);
    expect(ask(later, "DELETE", "/s", ["Lock-Cookie: 2"]).status).toBe(404);
  });

  it("are not overwritten by a client whose lock was taken from it", () => {
    const { ask } = sessions();
    ask(0, "PUT", "/s", ["Timeout: 20"], "one");
    ask(0, "GET", "/s", ["Exclusive: acquire"]);
    ask(0, "GET", "/s", ["Exclusive: release", "Lock-Cookie: 1"]);
    ask(0, "GET", "/s", ["Exclusive: acquire"]);
    ask(0, "PUT", "/s", ["Timeout: 20", "Lock-Cookie: 2"], "two");
    expect(ask(0, "PUT", "/s", ["Timeout: 20", "Lock-Cookie: 1"], "stale").status).toBe(423);
    expect(ask(0, "GET", "/s").content).toBe("two");
  });

  it("that a client is to initialise are said so once, and never take the place of one that is there", () => {
    const { ask } = sessions();
    ask(0, "PUT", "/s", ["Timeout: 20", "ExtraFlags: 1"], "");
    expect(ask(0, "GET", "/s", ["Exclusive: acquire"]).fields).toEqual({ Timeout: 20, ActionFlags: 1, LockCookie: 1 });
    ask(0, "PUT", "/s", ["Timeout: 20", "Lock-Cookie: 1"], "one");
    expect(ask(0, "GET", "/s").fields).toEqual({ Timeout: 20 });
    expect(ask(0, "PUT", "/s", ["Timeout: 20", "ExtraFlags: 1"], "").status).toBe(200);
    expect(ask(0, "GET", "/s").content).toBe("one");
  });

  it.each([
    ["PUT", []],
    ["PUT", ["Timeout: 0"]],
    ["PUT", ["Timeout: x"]],
    ["PUT", ["Timeout: 525601"]],
    ["PUT", ["Timeout: 20", "ExtraFlags: 2"]],
    ["DELETE", []],
    ["DELETE", ["Lock-Cookie: -1"]],
    ["GET", ["Exclusive: release"]],
    ["GET", ["Exclusive: other"]],
    ["POST", []],
  ])("refuse %s with %j", (method, fields) => {
    expect(sessions().ask(0, method, "/s", fields).status).toBe(400);
  });

  it("are not taken where there is no room, and only read where nothing can be written", () => {
    expect(sessions({ full: true }).ask(0, "PUT", "/s", ["Timeout: 20"]).status).toBe(503);
    const stuck = sessions({ unwritable: "no space" });
    expect(stuck.ask(0, "PUT", "/s", ["Timeout: 20"]).status).toBe(503);
    expect(stuck.ask(0, "GET", "/s", ["Exclusive: acquire"]).status).toBe(503);
    expect(stuck.ask(0, "GET", "/s").status).toBe(404);
  });
});
