import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { marksPrefix } from "../base/session-move.ts";
import { shown, sightOf, type SessionMove } from "../core/session-move/move.ts";
import type { SessionStores } from "../ports/session-moves.ts";
import type { Backend } from "../sessions/store/backend.ts";
import { backendFor } from "../sessions/store/backends.ts";
import { copyAll, discardCopies, withStores } from "../sessions/store/copy.ts";
import { readMarks } from "../sessions/store/ordered-move.ts";

/** For a store to answer that is asked whether sessions can go there. */
const ANSWER_LIMIT_MS = 10_000;
const PROBE_MS = 60_000;

/** The session stores of apps, over the clients of `hitless/session`. */
export const sessionStores: SessionStores = {
  problems: async (from, to) => {
    const prefix = `hitless-probe:${randomUUID()}:`;
    const [old, next] = await Promise.all([opened("the present store", from, prefix), opened("the new store", to, prefix)]);
    try {
      const unusable = [old, next].flatMap((found) => ("problem" in found ? [found.problem] : []));
      if ("problem" in old || "problem" in next) return unusable;
      return await probed(old.backend, next.backend);
    } finally {
      for (const found of [old, next]) if ("backend" in found) await found.backend.close();
    }
  },
  unusable: async ({ from, to }, side) => {
    const { url } = side === "old" ? from : to;
    const found = await opened(`the ${side} store`, url, `hitless-probe:${randomUUID()}:`);
    if ("problem" in found) return found.problem;
    try {
      await found.backend.set("probe", "new", PROBE_MS);
      await found.backend.remove("probe");
      return null;
    } catch (error) {
      return `the ${side} store, ${shown({ url })}, does not take what is written: ${String(error)}`;
    } finally {
      await found.backend.close().catch(() => undefined);
    }
  },
  marks: ({ id, to }, instances) => withMarks(id, to.url, (marks) => readMarks(marks, instances)),
  copy: ({ move, prefix, signal, onProgress }) =>
    withStores([move.from.url, move.to.url], prefix, ([old, next]) =>
      copyAll(old, next, {
        prefix,
        onProgress: (progress) => {
          signal.throwIfAborted();
          onProgress(progress);
        },
      }),
    ),
  tidy: (move) =>
    withMarks(move.id, move.to.url, async (marks) => {
      // As told by all instances that ever wrote into both: the move may have gone back before it had asked them.
      const told = [...(await readMarks(marks, await marks.ids())).values()].flat();
      const [left, copies] = sightOf(move.phase).reads === "new" ? [move.to, move.from] : [move.from, move.to];
      for (const prefix of new Set([...move.prefixes, ...told])) await withStores([left.url, copies.url], prefix, discardCopies);
      await marks.clear();
    }),
};

type Opened = { readonly backend: Backend } | { readonly problem: string };

async function opened(which: string, url: string, prefix: string): Promise<Opened> {
  const place = shown({ url });
  try {
    const opening = backendFor(url)(prefix, () => undefined, "fails");
    const limit = sleep(ANSWER_LIMIT_MS, null, { ref: false });
    const backend = await Promise.race([opening, limit]);
    if (backend !== null) return { backend };
    // Whoever answers later than that is not needed any more.
    void opening.then((late) => late.close()).catch(() => undefined);
    return { problem: `${which}, ${place}, does not answer within ${String(ANSWER_LIMIT_MS / 1000)} s` };
  } catch (error) {
    return { problem: `${which}, ${place}, cannot be used: ${error instanceof Error ? error.message : String(error)}` };
  }
}

/** Whether one can write into both, and whether they are two. */
async function probed(old: Backend, next: Backend): Promise<readonly string[]> {
  const problems: string[] = [];
  const write = async (which: string, backend: Backend, text: string): Promise<void> => {
    await backend.set("probe", text, PROBE_MS).catch((error: unknown) => {
      problems.push(`the ${which} store does not take what is written: ${String(error)}`);
    });
  };
  await write("present", old, "old");
  await write("new", next, "new");
  if (problems.length === 0 && (await old.get("probe")) !== "old") problems.push("both URLs lead to the same store");
  for (const backend of [old, next]) await backend.remove("probe").catch(() => undefined);
  return problems;
}

async function withMarks<T>(id: SessionMove["id"], url: string, work: (marks: Backend) => Promise<T>): Promise<T> {
  const marks = await backendFor(url)(marksPrefix(id), () => undefined, "fails");
  try {
    return await work(marks);
  } finally {
    await marks.close();
  }
}
