import fc from "fast-check";
import { expect, test } from "vitest";
import type { Backend, StoredSession } from "../../../src/sessions/store/backend.ts";
import { copyAll } from "../../../src/sessions/store/copy.ts";
import { movingBackend } from "../../../src/sessions/store/moving-backend.ts";

const MINUTE_MS = 60_000;
type Entry = Pick<StoredSession, "text" | "ttlMs">;

/** A store in which no time passes; every call begins and ends when the scheduler says so. */
class MemoryStore implements Backend {
  readonly entries = new Map<string, Entry>();
  readonly #turn: () => Promise<unknown>;

  constructor(turn: () => Promise<unknown> = () => Promise.resolve()) {
    this.#turn = turn;
  }

  get(id: string): Promise<string | null> {
    return this.#call(() => this.entries.get(id)?.text ?? null);
  }

  set(id: string, text: string, ttlMs: number): Promise<void> {
    return this.#call(() => {
      this.entries.set(id, { text, ttlMs });
    });
  }

  add(id: string, text: string, ttlMs: number | null): Promise<void> {
    return this.#call(() => {
      if (!this.entries.has(id)) this.entries.set(id, { text, ttlMs });
    });
  }

  touch(id: string, ttlMs: number): Promise<void> {
    return this.#call(() => {
      const entry = this.entries.get(id);
      if (entry !== undefined) this.entries.set(id, { ...entry, ttlMs });
    });
  }

  remove(id: string): Promise<void> {
    return this.#call(() => {
      this.entries.delete(id);
    });
  }

  ids(): Promise<string[]> {
    return this.#call(() => [...this.entries.keys()]);
  }

  read(ids: readonly string[]): Promise<readonly StoredSession[]> {
    return this.#call(() =>
      ids.flatMap((id) => {
        const entry = this.entries.get(id);
        return entry === undefined ? [] : [{ id, ...entry }];
      }),
    );
  }

  figures(): Promise<{ memoryBytes: null; commands: null }> {
    return Promise.resolve({ memoryBytes: null, commands: null });
  }

  clear(): Promise<void> {
    return this.#call(() => {
      this.entries.clear();
    });
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  async #call<T>(work: () => T): Promise<T> {
    await this.#turn();
    const result = work();
    await this.#turn();
    return result;
  }
}

const USERS = ["a", "b", "c"];
const act = fc.oneof(
  fc.record({ kind: fc.constant("set" as const), user: fc.constantFrom(...USERS), minutes: fc.integer({ min: 1, max: 9 }) }),
  fc.record({ kind: fc.constant("touch" as const), user: fc.constantFrom(...USERS), minutes: fc.integer({ min: 1, max: 9 }) }),
  fc.record({ kind: fc.constant("destroy" as const), user: fc.constantFrom(...USERS), minutes: fc.constant(0) }),
);

test("whatever users do while sessions are copied, in whatever order the stores answer: both have the same in the end, and nothing else", async () => {
  await fc.assert(
    fc.asyncProperty(fc.scheduler(), fc.array(act, { maxLength: 12 }), async (scheduler, acts) => {
      const turn = (): Promise<unknown> => scheduler.schedule(Promise.resolve());
      const [old, next] = [new MemoryStore(turn), new MemoryStore(turn)];
      const model = new Map<string, Entry>();
      for (const user of USERS) {
        old.entries.set(user, { text: "first", ttlMs: MINUTE_MS });
        model.set(user, { text: "first", ttlMs: MINUTE_MS });
      }
      next.entries.set("b", { text: "left from before", ttlMs: MINUTE_MS });
      const store = movingBackend({ old, next, reads: "old" });
      let count = 0;
      /** What one user does comes one after the other, as browsers do it. */
      const visits = async (user: string): Promise<void> => {
        for (const { kind, minutes } of acts.filter((one) => one.user === user)) {
          const [ttlMs, text] = [minutes * MINUTE_MS, `text ${String((count += 1))}`];
          const known = model.get(user);
          if (kind === "set") model.set(user, { text, ttlMs });
          else if (kind === "destroy") model.delete(user);
          else if (known !== undefined) model.set(user, { ...known, ttlMs });
          if (kind === "set") await store.set(user, text, ttlMs);
          else if (kind === "destroy") await store.remove(user);
          else await store.touch(user, ttlMs);
          expect(await store.get(user)).toBe(model.get(user)?.text ?? null);
        }
      };
      await scheduler.waitFor(Promise.all([copyAll(old, next), ...USERS.map(visits)]));
      expect(textsOf(next.entries)).toEqual(textsOf(model));
      expect(old.entries).toEqual(model);
      for (const [user, { ttlMs }] of model) expect(next.entries.get(user)?.ttlMs, user).toBeGreaterThanOrEqual(ttlMs ?? 0);
    }),
    { numRuns: 2_000 },
  );
});

function textsOf(entries: ReadonlyMap<string, Entry>): ReadonlyMap<string, string> {
  return new Map([...entries].map(([id, { text }]) => [id, text] as const).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

test("a copy that was broken off is begun again; what an earlier attempt has left is replaced by what everybody reads", async () => {
  const [old, next] = [new MemoryStore(), new MemoryStore()];
  for (let user = 0; user < 1_000; user += 1)
    old.entries.set(String(user), { text: "old", ttlMs: user === 7 ? null : MINUTE_MS });
  next.entries.set("3", { text: "left from before", ttlMs: MINUTE_MS });
  next.entries.set("500", { text: "old", ttlMs: 2_000 });
  const progress: number[] = [];
  await expect(
    copyAll(old, next, {
      onProgress: ({ done }) => {
        progress.push(done);
        if (done === 400) throw new Error("killed");
      },
    }),
  ).rejects.toThrow("killed");
  expect(progress).toEqual([200, 400]);
  expect(await copyAll(old, next)).toEqual({ sessions: 1_000, written: 600 });
  expect(await copyAll(old, next)).toEqual({ sessions: 1_000, written: 0 });
  expect(next.entries).toEqual(old.entries);
});

test("who reads the new store does not find there what somebody has removed who knows that one only", async () => {
  const [old, next] = [new MemoryStore(), new MemoryStore()];
  const store = movingBackend({ old, next, reads: "next" });
  await store.set("a", "text", MINUTE_MS);
  await next.remove("a");
  expect(await store.get("a")).toBeNull();
  expect(await store.ids()).toEqual([]);
});

test("what the new store has and the old one lacks goes: it was ended through an instance that did not write into both yet", async () => {
  const [old, next] = [new MemoryStore(), new MemoryStore()];
  const moving = movingBackend({ old, next, reads: "old" });
  await moving.set("out", "logged in", MINUTE_MS);
  await moving.set("in", "logged in", MINUTE_MS);
  await old.remove("out");
  await copyAll(old, next, { prefix: "" });
  expect([...next.entries.keys()].sort(), "without a prefix it may be somebody else's").toEqual(["in", "out"]);
  await copyAll(old, next, { prefix: "sess:" });
  expect([...next.entries.keys()]).toEqual(["in"]);
});
