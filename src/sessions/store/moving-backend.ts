import type { Backend } from "./backend.ts";

/** Two stores between which sessions move. */
export interface Move {
  readonly old: Backend;
  readonly next: Backend;
  /** Which one is read: the new one only once everything has been copied. */
  readonly reads: "old" | "next";
}

/**
 * Sessions in two places. Every change is made in the old store first and then in the new one, whichever is read: `copyAll` relies on that order. A change that is
 * not made in both fails. What the store that is read lacks is not looked for in the other one: it may have been removed by somebody who does not write into that one any more.
 */
export function movingBackend({ old, next, reads }: Move): Backend {
  const read = reads === "old" ? old : next;
  const inBoth = async (change: (backend: Backend) => Promise<unknown>): Promise<void> => {
    await change(old);
    await change(next);
  };
  return {
    get: (id) => read.get(id),
    set: (id, text, ttlMs) => inBoth((backend) => backend.set(id, text, ttlMs)),
    add: (id, text, ttlMs) => inBoth((backend) => backend.add(id, text, ttlMs)),
    touch: (id, ttlMs) => inBoth((backend) => backend.touch(id, ttlMs)),
    remove: (id) => inBoth((backend) => backend.remove(id)),
    ids: () => read.ids(),
    read: (wanted) => read.read(wanted),
    figures: () => read.figures(),
    clear: () => inBoth((backend) => backend.clear()),
    close: () => inBoth((backend) => backend.close()),
  };
}
