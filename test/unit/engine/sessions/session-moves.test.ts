import { expect, test } from "vitest";
import { HitlessError } from "../../../../src/base/error.ts";
import { MovingApp } from "../../../support/sessions/moving-app.ts";

/** Which instances may run at the same time. */
const TOGETHER = [
  ["old", "both, old read"],
  ["both, old read", "both, new read"],
  ["both, new read", "new"],
];

/** Looks at every moment until the move is over. */
async function watched(app: MovingApp, whenever: () => Promise<void> = () => Promise.resolve()): Promise<void> {
  while (app.move === null || (app.move.phase !== "done" && app.move.phase !== "aborted")) {
    await app.world.settle(app.world.clock.pass(50));
    const sights = [...app.sights()];
    expect(
      TOGETHER.some((pair) => sights.every((sight) => pair.includes(sight))),
      sights.join(" beside "),
    ).toBe(true);
    await whenever();
  }
}

test("every instance comes to know of each phase, one phase after the other, and the copies are removed in the end", async () => {
  const app = await MovingApp.deployed();
  await app.begin();
  await watched(app);
  expect(app.move).toMatchObject({ phase: "done", verified: 2, prefixes: ["sess:"], failure: null });
  expect([...app.sights()]).toEqual(["new"]);
  expect([app.stores.copies, app.stores.tidied]).toEqual([2, 1]);
});

test.each(["before", "after"] as const)(
  "a daemon that dies %s anything it writes down is followed by one that goes on",
  async (when) => {
    for (let at = 2; ; at += 1) {
      const app = await MovingApp.deployed();
      app.disk.death = { at, when };
      await app.begin();
      let lived = 1;
      await watched(app, async () => {
        if (lived > 1 || app.disk.writes < at) return;
        lived += 1;
        app.moves.stop();
        await app.live();
      });
      expect(app.move, `death at write ${String(at)}`).toMatchObject({ phase: "done", failure: null });
      expect([...app.sights()]).toEqual(["new"]);
      if (lived === 1) return;
    }
  },
);

test("what fails while sessions are copied takes the move back, with the reason", async () => {
  const app = await MovingApp.deployed();
  app.stores.copyFails = true;
  await app.begin();
  await watched(app);
  expect(app.move).toMatchObject({
    phase: "aborted",
    failure: { code: "ERR_SESSIONS_UNREACHABLE", why: "the new store is full" },
  });
  expect([...app.sights()]).toEqual(["old"]);
});

test("a disk that is full takes it back too, when there is room again", async () => {
  const app = await MovingApp.deployed();
  await app.begin();
  app.disk.full = 5;
  await watched(app);
  expect(app.move).toMatchObject({ phase: "aborted", failure: { why: "the disk is full" } });
  expect([...app.sights()]).toEqual(["old"]);
});

test("nothing is copied while an instance has not said that it writes into both stores; after half a minute all go back", async () => {
  const app = await MovingApp.deployed();
  app.stores.areSilent = true;
  await app.begin();
  await watched(app);
  expect(app.move).toMatchObject({ phase: "aborted", failure: { code: "ERR_SESSIONS_UNMARKED" } });
  expect(app.stores.copies).toBe(0);
});

test("an operator takes it back: what is being copied is broken off; afterwards it can be begun again", async () => {
  const app = await MovingApp.deployed();
  app.stores.isEndless = true;
  await app.begin();
  await app.until(() => app.moves.report("shop")?.progress?.doing === "copying");
  await expect(app.begin()).rejects.toMatchObject({ code: "ERR_SESSIONS_MOVING" });
  await app.moves.abort("shop", "somebody");
  await watched(app);
  expect(app.move).toMatchObject({ phase: "aborted", failure: { code: "ERR_ABORTED" } });
  expect([...app.sights()]).toEqual(["old"]);
  app.stores.isEndless = false;
  await app.begin();
  await watched(app);
  expect(app.move).toMatchObject({ phase: "done", failure: null });
});

test("what cannot be is refused with all reasons, and nothing has changed", async () => {
  const app = await MovingApp.deployed();
  app.stores.whyNot.push("no password", "no table");
  void app.world.request({ kind: "restart.requested", by: "somebody" });
  await app.until(() => app.state.deployment?.kind === "restart");
  await expect(app.begin()).rejects.toMatchObject({
    failure: {
      code: "ERR_SESSIONS_MOVE",
      details: [expect.stringContaining("is replacing instances"), "no password", "no table"],
    },
  });
  expect(app.move).toBeNull();
});

test("a deployment that began while sessions were copied comes to its end before the new store is read", async () => {
  const app = await MovingApp.deployed();
  const held = Promise.withResolvers<undefined>();
  app.stores.held = held.promise;
  await app.begin();
  await app.until(() => app.moves.report("shop")?.progress?.doing === "copying");
  void app.world.request({ kind: "restart.requested", by: "somebody" });
  await app.until(() => app.state.deployment?.by === "somebody");
  held.resolve(undefined);
  await watched(app, () => {
    const { deployment } = app.state;
    if (app.move?.phase === "switching") expect([deployment?.by, deployment?.outcome]).not.toEqual(["somebody", null]);
    return Promise.resolve();
  });
  expect(app.move).toMatchObject({ phase: "done", failure: null });
});

test("another release is refused meanwhile, whichever command asks for it, and goes when the move is over", async () => {
  const app = await MovingApp.deployed();
  const codeOf = (event: Parameters<MovingApp["moves"]["admitRequest"]>[1]): string => {
    try {
      app.moves.admitRequest({ ...app.state, promoted: ["r0", "r1"], returned: { release: "r2" } as never }, event);
      return "";
    } catch (error) {
      return (error as { code: string }).code;
    }
  };
  const [rollback, retry] = [
    { kind: "rollback.requested", by: "somebody", release: null },
    { kind: "retry.requested", by: "somebody" },
  ] as const;
  await app.begin();
  await app.until(() => app.state.deployment?.outcome !== null);
  expect([codeOf(rollback), codeOf(retry)]).toEqual(["ERR_SESSIONS_MOVING", "ERR_SESSIONS_MOVING"]);
  expect(codeOf({ kind: "scale.requested", by: "somebody", counts: { web: 2 } })).toBe("");
  await watched(app);
  expect([codeOf(rollback), codeOf(retry)]).toEqual(["", ""]);
});

test("a new store that is gone when it is to be the only one: it is said, and after half a minute the move goes back by itself", async () => {
  const app = await MovingApp.deployed();
  await app.begin();
  await app.until(() => app.move?.phase === "switching");
  app.stores.broken = "the new store, redis://new, cannot be used: ECONNREFUSED";
  await app.until(() => app.moves.report("shop")?.trouble !== null);
  expect(app.moves.report("shop")).toMatchObject({
    move: { phase: "switching" },
    trouble: expect.stringMatching(/ECONNREFUSED.*goes back by itself.*--abort/) as string,
  });
  const phases = new Set<string | undefined>();
  await watched(app, () => Promise.resolve(void phases.add(app.move?.phase)));
  expect([...phases]).toEqual(["switching", "returning", "leaving", "aborted"]);
  expect(app.move?.failure).toMatchObject({ code: "ERR_SESSIONS_UNREACHABLE", why: app.stores.broken });
  expect([...app.sights()]).toEqual(["old"]);
});

test("a new store that is back in time is moved to all the same", async () => {
  const app = await MovingApp.deployed();
  await app.begin();
  await app.until(() => app.move?.phase === "switching");
  app.stores.broken = "gone";
  await app.until(() => app.moves.report("shop")?.trouble !== null);
  app.stores.broken = null;
  await watched(app);
  expect(app.move).toMatchObject({ phase: "done", failure: null });
});

test("an old store that is gone is said, with what can be done, in each phase that needs it; the move ends all the same, as the new store has all", async () => {
  const app = await MovingApp.deployed();
  const troubleIn = new Map<string | undefined, string>();
  const noted = (): Promise<void> => {
    const { move, trouble } = app.moves.report("shop") ?? {};
    if (typeof trouble === "string") troubleIn.set(move?.phase, trouble);
    return Promise.resolve();
  };
  app.stores.oldBroken = "the old store, redis://old, cannot be used: ECONNREFUSED";
  await app.begin();
  await watched(app, noted);
  expect([...troubleIn.keys()]).toEqual(["doubling", "switching"]);
  expect(troubleIn.get("doubling")).toMatch(
    /^the old store, redis:\/\/old.*\(for \d+ s\).*neither read nor written.*bring it back$/,
  );
  expect(troubleIn.get("switching")).toMatch(/ECONNREFUSED.*waits or fails until.*do not take the move back/);
  expect(app.move).toMatchObject({ phase: "done", failure: null });
});

test("who takes a move back to an old store that is gone is told so; when it is back, nothing is said any more", async () => {
  const app = await MovingApp.deployed();
  await app.begin();
  await app.until(() => app.move?.phase === "switching");
  [app.stores.oldBroken, app.stores.broken] = ["the old store is gone", "the new store is gone"];
  await app.until(() => app.moves.report("shop")?.trouble?.includes("the old store is gone") === true);
  expect(app.moves.report("shop")?.trouble).toMatch(/^the new store is gone .*; the old store is gone /);
  await app.moves.abort("shop", "somebody");
  await app.until(
    () => app.move?.phase === "returning" && app.moves.report("shop")?.trouble?.includes("goes back to it") === true,
  );
  expect(app.moves.report("shop")?.trouble, "the new one is not needed any more").not.toContain("the new store");
  app.stores.oldBroken = null;
  await app.until(() => app.move?.phase === "leaving");
  await app.until(() => app.moves.report("shop")?.trouble === null);
  await watched(app);
  expect(app.move?.phase).toBe("aborted");
});

test("a daemon that another has taken over from writes nothing into the book any more", async () => {
  const app = await MovingApp.deployed();
  await app.begin();
  await app.until(() => app.move?.phase === "switching");
  const kept = app.move;
  app.held = () => Promise.reject(new HitlessError({ code: "ERR_STALE_EPOCH", what: "Another daemon has taken over." }));
  await expect(app.moves.abort("shop", "somebody")).rejects.toMatchObject({ code: "ERR_STALE_EPOCH" });
  await app.world.run(60_000);
  expect(app.move).toBe(kept);
  app.moves.stop();
});
