import { LEDGER_COLUMNS, lostOf, sumRows, totalOf, type LedgerCounts, type LedgerSnapshot } from "../../src/core/ledger.ts";
import type { Report } from "../../test/support/load/tally.ts";

export interface Check {
  readonly title: string;
  readonly holds: boolean;
  readonly detail: string;
}

export interface Evidence {
  readonly load: Report;
  readonly ledger: LedgerSnapshot | null;
  readonly postedIds: readonly string[];
  /** Each stored order with the number of times it is there. */
  readonly stored: ReadonlyMap<string, number>;
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
    storedOnce(evidence),
  ];
}

function enough({ requests }: Report, wanted: number): Check {
  return {
    title: `at least ${String(wanted)} requests through two switches`,
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

function storedOnce({ postedIds, stored }: Evidence): Check {
  const missing = postedIds.filter((id) => stored.get(id) !== 1).length;
  const extra = stored.size - new Set(postedIds).size;
  const detail = `${String(postedIds.length)} acknowledged orders, ${String(stored.size)} in the database, ${String(missing)} missing or doubled`;
  return { title: "every order was stored exactly once", holds: missing === 0 && extra === 0 && postedIds.length > 0, detail };
}
