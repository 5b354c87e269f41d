import { LEDGER_COLUMNS, lostOf, sumRows, totalOf, type LedgerCounts, type LedgerSnapshot } from "../../src/core/ledger.ts";
import type { Report } from "../../test/support/load/tally.ts";

export interface Check {
  readonly title: string;
  readonly holds: boolean;
  readonly detail: string;
}

/** A row of the database after all that. */
export interface StoredOrder {
  readonly id: string;
  readonly product: string;
  readonly quantity: number;
  readonly cents: number;
  readonly instance: string;
  readonly channel: string;
}

/** Rows that a backfill went over ahead of the upgrade. */
export interface OldOrders {
  readonly wanted: number;
  readonly stored: number;
  readonly wrong: number;
}

export interface Evidence {
  readonly load: Report;
  readonly ledger: LedgerSnapshot | null;
  /** What the clients were told of each order that they placed, as JSON, by its id. */
  readonly answers: ReadonlyMap<string, string>;
  readonly stored: readonly StoredOrder[];
  readonly old: OldOrders;
  readonly requestsWanted: number;
}

/** Whether what the clients saw, what the proxy counted and what the database holds are the same. */
export function checkAll(evidence: Evidence): readonly Check[] {
  const { load, ledger } = evidence;
  const counts = sumRows(ledger?.rows ?? []);
  return [
    enough(load, evidence.requestsWanted),
    noClientError(load),
    nothingLost(counts),
    sameTotals(load, counts),
    sameServed(load, counts),
    readAgain(load),
    storedOnce(evidence),
    storedRight(evidence),
    doneAhead(evidence.old),
  ];
}

function enough({ requests }: Report, wanted: number): Check {
  return {
    title: `at least ${String(wanted)} requests through three switches and a contract`,
    holds: requests >= wanted,
    detail: `the clients sent ${String(requests)}`,
  };
}

function noClientError({ httpErrors, connectionErrors, timeouts, byStatus }: Report): Check {
  const detail = `${String(httpErrors)} error answers, ${String(connectionErrors)} broken connections, ${String(timeouts)} timeouts; answers by status: ${JSON.stringify(byStatus)}`;
  return { title: "no client saw an error", holds: httpErrors === 0 && connectionErrors === 0 && timeouts === 0, detail };
}

function nothingLost(counts: LedgerCounts): Check {
  const columns = LEDGER_COLUMNS.filter((column) => counts[column] > 0).map((column) => `${column} ${String(counts[column])}`);
  return { title: "the proxy's ledger shows nothing lost", holds: lostOf(counts) === 0, detail: columns.join(", ") };
}

function sameTotals({ requests }: Report, counts: LedgerCounts): Check {
  return {
    title: "clients and ledger counted the same requests",
    holds: requests === totalOf(counts),
    detail: `${String(requests)} and ${String(totalOf(counts))}`,
  };
}

function sameServed({ ok }: Report, counts: LedgerCounts): Check {
  const served = counts.served + counts.servedAfterRetry + counts.servedAfterHold;
  return { title: "and the same answers", holds: ok === served, detail: `${String(ok)} and ${String(served)}` };
}

function readAgain({ readBack, byKind }: Report): Check {
  const wrong = byKind["wrong-value"] ?? 0;
  const detail = `${String(readBack)} orders read again through whichever release answered, ${String(wrong)} with another value`;
  return { title: "no client read a value other than the one it had written", holds: wrong === 0 && readBack > 0, detail };
}

function storedOnce({ answers, stored }: Evidence): Check {
  const times = Map.groupBy(stored, ({ id }) => id);
  const missing = [...answers.keys()].filter((id) => times.get(id)?.length !== 1).length;
  const extra = times.size - answers.size;
  const detail = `${String(answers.size)} acknowledged orders, ${String(stored.length)} in the database, ${String(missing)} missing or doubled`;
  return { title: "every order was stored exactly once", holds: missing === 0 && extra === 0 && answers.size > 0, detail };
}

/** Every column that a release knew, and the one that release 1 did not know. */
function storedRight({ answers, stored }: Evidence): Check {
  const wrong = stored.filter(({ channel, ...order }) => {
    const told = JSON.parse(answers.get(order.id) ?? "{}") as Readonly<Record<string, unknown>>;
    return channel !== "web" || Object.entries(order).some(([key, value]) => told[key] !== value);
  });
  const releases = new Set(stored.map(({ instance }) => instance.split(".")[1]));
  return {
    title: "with the values that its client was told, whichever release wrote it",
    holds: wrong.length === 0 && releases.size > 1,
    detail: `${String(wrong.length)} wrong values; written by ${[...releases].sort().join(", ")}`,
  };
}

function doneAhead({ wanted, stored, wrong }: OldOrders): Check {
  return {
    title: "what was done ahead of the upgrade is whole",
    holds: stored === wanted && wrong === 0,
    detail: `${String(stored)} orders of the shop before, ${String(wrong)} not as release 2 wants them`,
  };
}
