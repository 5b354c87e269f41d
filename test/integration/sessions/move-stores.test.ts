import { expect, onTestFinished, test, vi } from "vitest";
import { sessionStores } from "../../../src/app/session-stores.ts";
import { newMove } from "../../../src/core/session-move/changes.ts";
import { moveVariables } from "../../../src/core/session-move/environment.ts";
import type { SessionMove } from "../../../src/core/session-move/move.ts";
import { sessionStore, type SessionStore } from "../../../src/session.ts";
import { StateServerProgram } from "../../support/sessions/state-server-program.ts";

const SESSION = { cookie: { expires: new Date(Date.now() + 3_600_000) }, user: "ada" };

async function twoStores(): Promise<readonly [from: string, to: string]> {
  const { port } = await StateServerProgram.started();
  return [`redis://127.0.0.1:${String(port)}/0`, `redis://127.0.0.1:${String(port)}/1`];
}

/** As an instance makes it that was told so by its environment. */
function opened(environment: Readonly<Record<string, string>>, instance: string, prefix?: string): SessionStore {
  for (const [name, value] of Object.entries({ ...environment, HITLESS_INSTANCE: instance })) vi.stubEnv(name, value);
  const store = sessionStore("hitless://", { prefix });
  vi.unstubAllEnvs();
  onTestFinished(() => store.close());
  return store;
}

function moveBetween([from, to]: readonly [string, string]): SessionMove {
  return newMove({ id: "m1", app: "shop", by: "tester", at: 0, from: { url: from }, to: { url: to } }, null);
}

test("what keeps sessions from being moved is found before anything is begun", async () => {
  const [from, to] = await twoStores();
  expect(await sessionStores.problems(from, to)).toEqual([]);
  expect(await sessionStores.problems(from, from.replace("127.0.0.1", "localhost"))).toEqual([
    "both URLs lead to the same store",
  ]);
  expect(await sessionStores.problems(from, "memcached://cache")).toEqual([
    "the new store, memcached://cache, cannot be used: There is no session store for memcached://.",
  ]);
  const [old = "", next = ""] = await sessionStores.problems(
    "redis://u:secret@127.0.0.1:1/",
    "postgres://u:secret@127.0.0.1:1/x",
  );
  expect(old).toMatch(/^the present store, redis:\/\/127\.0\.0\.1:1\/, cannot be used: .*ECONNREFUSED/);
  expect(next).toMatch(/^the new store, postgres:\/\/127\.0\.0\.1:1\/x, cannot be used: .*ECONNREFUSED/);
  expect(old + next).not.toContain("secret");
});

test("an instance that was told of a move writes into both stores and says so; the other way round after the switch; nothing is left", async () => {
  const urls = await twoStores();
  const move = moveBetween(urls);
  const doubling = opened(moveVariables(move), "web.r1.1", "sess:");
  await doubling.set("a", SESSION);
  const marks = await sessionStores.marks(move, ["web.r1.1", "web.r1.2"]);
  expect([...marks.keys()]).toEqual(["web.r1.1"]);
  expect(marks.get("web.r1.1")).toContain("sess:");
  const [old, next] = urls.map((url) => sessionStore(url, { prefix: "sess:" })) as [SessionStore, SessionStore];
  onTestFinished(() => Promise.all([old.close(), next.close()]).then(() => undefined));
  expect([await old.get("a"), await next.get("a")]).toMatchObject([{ user: "ada" }, { user: "ada" }]);
  await old.set("b", SESSION);
  const progress: number[] = [];
  const copy = { move, prefix: "sess:", signal: AbortSignal.timeout(60_000) };
  const onProgress = ({ done }: { done: number }): void => void progress.push(done);
  expect(await sessionStores.copy({ ...copy, onProgress })).toEqual({ sessions: 2, written: 1 });
  expect(await sessionStores.copy({ ...copy, onProgress })).toEqual({ sessions: 2, written: 0 });
  expect(progress).toEqual([2, 2]);

  const switched = opened(moveVariables({ ...move, phase: "switching" }), "web.r1.3", "sess:");
  await next.set("b", { ...SESSION, user: "bob" });
  expect(await switched.get("b")).toMatchObject({ user: "bob" });
  await switched.destroy("a");
  expect([await old.get("a"), await next.get("a")]).toEqual([null, null]);

  await sessionStores.tidy({ ...move, phase: "finishing" });
  expect([await old.length(), await next.length()]).toEqual([0, 1]);
  expect((await sessionStores.marks(move, ["web.r1.1", "web.r1.3"])).size).toBe(0);
});

test("which store of a move cannot be written is told", async () => {
  const [from] = await twoStores();
  const gone = "redis://u:secret@127.0.0.1:1/";
  for (const move of [moveBetween([gone, from]), moveBetween([from, gone])]) {
    const [dead, well] = move.from.url === gone ? (["old", "new"] as const) : (["new", "old"] as const);
    const why = await sessionStores.unusable(move, dead);
    expect(why).toMatch(new RegExp(`^the ${dead} store, redis://127\\.0\\.0\\.1:1/, cannot be used: .*ECONNREFUSED`));
    expect(why).not.toContain("secret");
    expect(await sessionStores.unusable(move, well)).toBeNull();
  }
});

test("an application that names another store than the one that moves is left alone", async () => {
  const [from, to] = await twoStores();
  for (const [name, value] of Object.entries(moveVariables(moveBetween([from, to])))) vi.stubEnv(name, value);
  const [other, next] = [sessionStore(from.replace(/0$/, "2")), sessionStore(to)];
  vi.unstubAllEnvs();
  onTestFinished(() => Promise.all([other.close(), next.close()]).then(() => undefined));
  await other.set("a", SESSION);
  expect(await next.get("a")).toBeNull();
});
