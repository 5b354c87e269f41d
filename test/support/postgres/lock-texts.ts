import { connect } from "../../../src/adapters/postgres/connection.ts";
import { CopyDatabase } from "../../../src/adapters/postgres/shadow/copy-database.ts";
import { LOCK_MODES, type Action, type LockMode, type Measured } from "../../../src/database/plan/action.ts";
import { dependsOnRows } from "../../../src/database/shadow/verdicts.ts";
import type { Shadow } from "../../../src/ports/shadow.ts";

/** As the guidelines say it: `ACCESS EXCLUSIVE on users, O(n) scan`. Locks that stop neither readers nor writers are not told of. */
export function lockText(measured: Measured | null): string {
  if (measured === null) return "PostgreSQL refuses it";
  const felt = measured.filter(({ table, lock }) => strength(lock) >= strength("SHARE") && !table.startsWith("hitless_"));
  const worst = Map.groupBy(felt, ({ table }) => table);
  const texts = [...worst].map(([table, all]) => ({ table: table.replace(/^public\./, ""), ...worstOf(all) }));
  const groups = Map.groupBy(texts, ({ lock, length }) => `${lock} on *, ${length}`);
  const lines = [...groups].map(([text, all]) =>
    text.replace(
      "*",
      all
        .map(({ table }) => table)
        .toSorted()
        .join(", "),
    ),
  );
  return lines.length === 0 ? "no lock that stops anybody" : lines.toSorted().join("; ");
}

const strength = (lock: LockMode): number => LOCK_MODES.indexOf(lock);

/** Work under a lock that stops others counts more than the lock. */
function worstOf(all: Measured): { readonly lock: LockMode; readonly length: string } {
  const weight = ({ lock, work }: Measured[number]): number => (work === "instant" ? 0 : LOCK_MODES.length) + strength(lock);
  const [first] = all.toSorted((one, other) => weight(other) - weight(one));
  if (first === undefined) throw new Error("nothing was measured");
  return { lock: first.lock, length: first.work === "instant" ? "O(1)" : `O(n) ${first.work}` };
}

/** What each action locks, one after the other; where the rows do not allow it, on empty tables. Null: PostgreSQL does none of it. */
export async function locksOf(url: string, actions: readonly Pick<Action, "run">[]): Promise<Measured | null> {
  const connection = await connect(url);
  const copy: Shadow = new CopyDatabase(connection, { about: "", close: () => connection.close() });
  try {
    const all: Measured[] = [];
    for (const action of actions) {
      let ran = await copy.run(action as Action);
      if (ran.kind === "failed" && dependsOnRows(ran.code)) {
        await copy.empty();
        ran = await copy.run(action as Action);
      }
      if (ran.kind === "failed") return null;
      all.push(ran.measured ?? []);
    }
    return all.flat();
  } finally {
    await copy.close();
  }
}
