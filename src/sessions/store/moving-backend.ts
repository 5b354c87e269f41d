import type { Backend } from "./backend.ts";

/** Two stores between which sessions move. */
export interface Move {
  readonly old: Backend;
  readonly next: Backend;
  /** Which one is read. The other one is asked too when it is the old one, for sessions that were not copied. */
  readonly reads: "old" | "next";
}

/**
 * Sessions in two places. Every change is made in the old store first and then in the new one, whichever is read: `copySessions` relies on that order. A change that is
 * not made in both fails.
 */
export function movingBackend({ old, next, reads }: Move): Backend {
  const read = reads === "old" ? old : next;
  const inBoth = async (change: (backend: Backend) => Promise<unknown>): Promise<void> => {
    await change(old);
    await change(next);
  };
  const ids = async (): Promise<string[]> => {
    if (reads === "old") return old.ids();
    return [...new Set([...(await next.ids()), ...(await old.ids())])];
  };
  return {
    get: async (id) => (await read.get(id)) ?? (reads === "next" ? await old.get(id) : null),
    set: (id, text, ttlMs) => inBoth((backend) => backend.set(id, text, ttlMs)),
    add: (id, text, ttlMs) => inBoth((backend) => backend.add(id, text, ttlMs)),
    touch: (id, ttlMs) => inBoth((backend) => backend.touch(id, ttlMs)),
    remove: (id) => inBoth((backend) => backend.remove(id)),
    ids,
    read: (wanted) => read.read(wanted),
    figures: () => read.figures(),
    clear: () => inBoth((backend) => backend.clear()),
    close: () => inBoth((backend) => backend.close()),
  };
}
