import { expect, test } from "vitest";
import { idleness } from "../../../src/sessions/store/overview.ts";

const HOUR_MS = 3_600_000;
const stored = (session: unknown, ttlMs: number | null) => ({ id: "s", text: JSON.stringify(session), ttlMs });
const cookie = { originalMaxAge: HOUR_MS, expires: "2026-11-29T09:00:00.000Z" };

test("how long a session was not used is known where it says for how long a use keeps it, and only there", () => {
  expect(idleness([stored({ cookie }, HOUR_MS - 5_000), stored({ cookie }, HOUR_MS - 60_000)])).toEqual({
    oldestMs: 60_000,
    aged: 2,
  });
  expect(idleness([stored({ cookie }, HOUR_MS - 5_000), stored({ user: 7 }, 600_000)])).toEqual({ oldestMs: 5_000, aged: 1 });
});

test("nothing is made of a time that is left where the whole is not known", () => {
  const ofBrowser = { cookie: { originalMaxAge: null, expires: null } };
  const kept = { cookie: { ...cookie, expires: null } };
  const notJson = { id: "s", text: "gAJ9cQBVBHVzZXI=", ttlMs: 600_000 };
  const sessions = [
    stored({ user: 7 }, 600_000),
    stored(ofBrowser, 600_000),
    stored(kept, 600_000),
    stored({ cookie }, null),
    notJson,
  ];
  expect(idleness(sessions)).toEqual({ oldestMs: null, aged: 0 });
  expect(idleness([])).toEqual({ oldestMs: null, aged: 0 });
});
