import { expect, test } from "vitest";
import { SESSION_MOVE_TO, SESSION_URL } from "../../../../src/base/session-move.ts";
import { newMove } from "../../../../src/core/session-move/changes.ts";
import type { SessionMove } from "../../../../src/core/session-move/move.ts";
import { USUAL_SERVER, type SessionsSpec } from "../../../../src/core/sessions-spec.ts";
import { SessionReleases } from "../../../../src/engine/sessions/session-releases.ts";
import type { Releases } from "../../../../src/ports/releases.ts";

const OWN = { url: "redis://own", ours: true } as const;
const OTHER = { url: "redis://other" };
const NAMES_SERVER: SessionsSpec = { server: USUAL_SERVER };
const ASP_NET: SessionsSpec = { server: { ...USUAL_SERVER, aspNet: { host: "127.0.0.1", port: 42_424 } } };

/** What an instance is told that is started now, and how often the state server was made to run for it. */
async function told(sessions: SessionsSpec, move: SessionMove | null): Promise<{ env: Record<string, string>; ensured: number }> {
  const env = sessions.server === undefined ? { [SESSION_URL]: OTHER.url } : {};
  const inner = {
    launchPlan: () => Promise.resolve({ env }),
    workplace: () => Promise.resolve({ env, spec: { sessions } }),
  } as unknown as Releases;
  let ensured = 0;
  const ensure = (): Promise<string> => {
    ensured += 1;
    return Promise.resolve(OWN.url);
  };
  const releases = new SessionReleases(inner, { ensure, adapt: ensure }, { of: () => move });
  const plan = await releases.launchPlan("shop", "r1", "web");
  return { env: plan.env, ensured };
}

function moveOf(phase: SessionMove["phase"], from: SessionMove["from"], to: SessionMove["to"]): SessionMove {
  return { ...newMove({ id: "m", app: "shop", by: "ada", at: 0, from, to }, null), phase };
}

test("a state server runs before an instance is told of it", async () => {
  expect(await told(NAMES_SERVER, null)).toEqual({ env: { [SESSION_URL]: OWN.url }, ensured: 1 });
  expect(await told({}, null)).toEqual({ env: { [SESSION_URL]: OTHER.url }, ensured: 0 });
});

test("one that the sessions have left is not started for who only names it; it is for ASP.NET, whose sessions did not move", async () => {
  const done = moveOf("done", OWN, OTHER);
  expect(await told(NAMES_SERVER, done)).toEqual({ env: { [SESSION_URL]: OTHER.url }, ensured: 0 });
  expect(await told(NAMES_SERVER, moveOf("finishing", OWN, OTHER))).toMatchObject({ ensured: 0 });
  expect(await told(ASP_NET, done)).toEqual({ env: { [SESSION_URL]: OTHER.url }, ensured: 1 });
});

test("one that sessions are in, or are about to be, runs also for a release that names another store", async () => {
  expect(await told({}, moveOf("done", OTHER, OWN))).toEqual({ env: { [SESSION_URL]: OWN.url }, ensured: 1 });
  const doubling = await told({}, moveOf("doubling", OTHER, OWN));
  expect(doubling).toMatchObject({ env: { [SESSION_URL]: OTHER.url, [SESSION_MOVE_TO]: OWN.url }, ensured: 1 });
});
