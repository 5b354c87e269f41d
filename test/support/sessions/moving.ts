import { expect, onTestFinished } from "vitest";
import { copySessions, sessionStore, type SessionStore } from "../../../src/session.ts";
import { until } from "../temp.ts";

const USERS = 60;
const HOUR_MS = 3_600_000;

/** Users who log in, come back, and log out; each does one thing after the other, through whatever instances there are. */
class Users {
  readonly #counts = new Map<string, number>();
  readonly #out = new Set<string>();
  readonly lost: string[] = [];
  visits = 0;
  /** The stores of the instances that serve. */
  instances: readonly SessionStore[] = [];
  /** What is under way in each store. */
  readonly #busy = new Map<SessionStore, number>();
  #stopped = false;
  readonly #all: Promise<unknown>;

  constructor(instances: readonly SessionStore[]) {
    this.instances = instances;
    this.#all = Promise.all(Array.from({ length: USERS }, (_, user) => this.#live(user)));
  }

  /** Nobody uses the store any more: what was begun there is done. */
  isIdle(store: SessionStore): boolean {
    return !this.instances.includes(store) && (this.#busy.get(store) ?? 0) === 0;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#all;
  }

  /** Through every instance: those who are in are in, the others are out. */
  async expectAllKnown(): Promise<void> {
    for (const store of this.instances) {
      for (const [id, count] of this.#counts) expect(await store.get(id), id).toMatchObject({ count });
      for (const id of this.#out) expect(await store.get(id), `${id} is out`).toBeNull();
      expect(await store.length()).toBe(this.#counts.size);
    }
  }

  async #live(user: number): Promise<void> {
    for (let turn = 0; !this.#stopped; turn += 1) await this.#visit(user, turn);
  }

  /** Every fifth visit ends a session, and begins another one with the next; the first third of the users does not come back. */
  async #visit(user: number, turn: number): Promise<void> {
    const id = `user-${String(user)}-${String(Math.floor(turn / 5))}`;
    const store = this.instances[this.visits % this.instances.length];
    this.visits += 1;
    if (store === undefined || (user < USERS / 3 && turn > 0)) return pause();
    this.#busy.set(store, (this.#busy.get(store) ?? 0) + 1);
    try {
      await this.#use(store, id, turn);
    } finally {
      this.#busy.set(store, (this.#busy.get(store) ?? 0) - 1);
    }
  }

  async #use(store: SessionStore, id: string, turn: number): Promise<void> {
    if (turn % 5 === 4) {
      await store.destroy(id);
      this.#counts.delete(id);
      this.#out.add(id);
      return;
    }
    const known = this.#counts.get(id) ?? 0;
    if (known > 0 && ((await store.get(id)) as { count?: number } | null)?.count !== known) this.lost.push(id);
    const cookie = { expires: new Date(Date.now() + HOUR_MS) };
    if (turn % 5 === 3) await store.touch(id, { cookie });
    else {
      await store.set(id, { cookie, count: known + 1 });
      this.#counts.set(id, known + 1);
    }
  }
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 5));
}

/** The whole move as an operator makes it, with two instances that are replaced one after the other each time. */
export async function expectMoved(from: string, to: string): Promise<void> {
  const opened: SessionStore[] = [];
  onTestFinished(() => Promise.all(opened.map((store) => store.close())).then(() => undefined));
  const instance = (url: string, move: { moveTo?: string; moveFrom?: string } = {}): SessionStore => {
    const store = sessionStore(url, move);
    opened.push(store);
    return store;
  };
  const users = new Users([instance(from), instance(from)]);
  const replace = async (next: () => SessionStore): Promise<void> => {
    for (const at of [0, 1]) {
      const replaced = users.instances[at]!;
      users.instances = users.instances.with(at, next());
      const seen = users.visits;
      await until(() => users.isIdle(replaced) && users.visits > seen + 2 * USERS, { what: "users come by" });
    }
  };
  await until(() => users.visits > 4 * USERS);
  await replace(() => instance(from, { moveTo: to }));
  const copied = await copySessions({ from, to });
  expect(copied).toBeGreaterThanOrEqual(USERS / 3);
  await replace(() => instance(to, { moveFrom: from }));
  await replace(() => instance(to));
  await users.stop();
  expect(users.lost).toEqual([]);
  await users.expectAllKnown();
}
