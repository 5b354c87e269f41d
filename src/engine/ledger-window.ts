import { HitlessError } from "../base/error.ts";
import type { EventBody } from "../core/event.ts";
import { ledgerBetween, type LedgerSnapshot } from "../core/ledger.ts";
import type { Clock } from "../ports/clock.ts";
import type { LedgerQuery, Traffic } from "../ports/traffic.ts";

interface LedgerPorts {
  readonly traffic: Traffic;
  readonly clock: Clock;
}

/** How much of the time before a deployment it is compared with. */
const BEFORE_MS = 60_000;

/** Where the ledger of a deployment begins: the counts so far, and those of the window before. */
export async function openLedger(ports: LedgerPorts, app: string): Promise<EventBody> {
  const snapshot = await readLedger(ports, app);
  const earlier = snapshot === null ? null : await readLedger(ports, app, { at: snapshot.at - BEFORE_MS });
  const comparable = snapshot !== null && earlier !== null && earlier.boot === snapshot.boot && earlier.at < snapshot.at;
  return {
    kind: "ledger.opened",
    snapshot,
    before: comparable ? ledgerBetween(earlier, snapshot) : [],
    beforeMs: comparable ? snapshot.at - earlier.at : 0,
  };
}

export async function closeLedger(ports: LedgerPorts, app: string, since: number): Promise<EventBody> {
  return { kind: "ledger.closed", snapshot: await readLedger(ports, app, { slowestSince: since }) };
}

/** A proxy that does not answer must not hold up a deployment: the report then says that its counts are missing. */
async function readLedger({ traffic }: LedgerPorts, app: string, query: LedgerQuery = {}): Promise<LedgerSnapshot | null> {
  try {
    return await traffic.ledger(app, query);
  } catch (error) {
    if (error instanceof HitlessError && error.code === "ERR_PROXY_UNREACHABLE") return null;
    throw error;
  }
}
