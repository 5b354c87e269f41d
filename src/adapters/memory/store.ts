import { HitlessError, assert } from "../../base/error.ts";
import { nameNumber } from "../../base/names.ts";
import type { IntendedCommand } from "../../core/command.ts";
import type { AppState, Deployment } from "../../core/state.ts";
import type { JournalEntry, Lease, LeaseTerm, Note, Store } from "../../ports/store.ts";

interface AppJournal {
  epoch: number;
  readonly entries: JournalEntry[];
  snapshot: { readonly seq: number; readonly state: AppState } | null;
  readonly unsettled: Map<string, IntendedCommand>;
  readonly deployments: Map<string, Deployment>;
  readonly notes: (Note & { readonly seq: number; readonly deployment: string | null })[];
}

/** A Store that lives as long as the process: for the simulation and for tests. It keeps the same contract as the one on disk. */
export class MemoryStore implements Store {
  readonly #apps = new Map<string, AppJournal>();
  #lease: Lease | null = null;

  apps(): Promise<readonly string[]> {
    return Promise.resolve([...this.#apps.keys()].sort());
  }

  lease(): Promise<Lease | null> {
    return Promise.resolve(this.#lease);
  }

  takeLease(after: number, term: LeaseTerm): Promise<Lease | null> {
    if ((this.#lease?.epoch ?? 0) !== after) return Promise.resolve(null);
    this.#lease = leaseOf(after + 1, term);
    return Promise.resolve(this.#lease);
  }

  async renewLease(epoch: number, term: LeaseTerm): Promise<Lease> {
    this.#checkLease(epoch);
    this.#lease = leaseOf(epoch, term);
    return this.#lease;
  }

  async openEpoch(app: string, lease: number): Promise<number> {
    this.#checkLease(lease);
    const journal = this.#journal(app);
    journal.epoch += 1;
    return journal.epoch;
  }

  fenced<T>(app: string, epoch: number, effect: () => T): T {
    if (epoch < (this.#apps.get(app)?.epoch ?? 0)) throw staleWriter(app);
    return effect();
  }

  async append(app: string, entry: JournalEntry): Promise<void> {
    const journal = this.#journal(app);
    if (entry.epoch < journal.epoch) throw staleWriter(app);
    assert(entry.seq === this.#lastSeq(journal) + 1, "journal entries are numbered without gaps");
    journal.entries.push(structuredClone({ ...entry, notes: [] }));
    for (const command of entry.commands) journal.unsettled.set(command.id, structuredClone(command));
    if (entry.event.settles !== undefined) journal.unsettled.delete(entry.event.settles);
    for (const note of entry.notes) journal.notes.push({ ...note, seq: journal.notes.length + 1, deployment: entry.deployment });
  }

  load(app: string): ReturnType<Store["load"]> {
    const { snapshot, entries, unsettled } = this.#apps.get(app) ?? fresh();
    const after = snapshot?.seq ?? 0;
    return Promise.resolve(
      structuredClone({ snapshot, entries: entries.filter((entry) => entry.seq > after), unsettled: [...unsettled.values()] }),
    );
  }

  saveSnapshot(app: string, seq: number, state: AppState): Promise<void> {
    const journal = this.#journal(app);
    if (seq >= (journal.snapshot?.seq ?? 0)) journal.snapshot = structuredClone({ seq, state });
    return Promise.resolve();
  }

  saveDeployment(app: string, deployment: Deployment): Promise<void> {
    this.#journal(app).deployments.set(deployment.name, structuredClone(deployment));
    return Promise.resolve();
  }

  deployments(app: string, limit: number): Promise<readonly Deployment[]> {
    const all = [...(this.#apps.get(app)?.deployments.values() ?? [])];
    all.sort((a, b) => (nameNumber(b.name) ?? 0) - (nameNumber(a.name) ?? 0));
    return Promise.resolve(structuredClone(all.slice(0, limit)));
  }

  notes(app: string, deployment: string, after: number): Promise<readonly (Note & { readonly seq: number })[]> {
    const all = this.#apps.get(app)?.notes ?? [];
    const found = all.filter((note) => note.deployment === deployment && note.seq > after);
    return Promise.resolve(found.map(({ seq, at, level, text }) => ({ seq, at, level, text })));
  }

  close(): void {}

  #checkLease(epoch: number): void {
    if (epoch !== (this.#lease?.epoch ?? 0)) throw leaseTaken();
  }

  #journal(app: string): AppJournal {
    const journal = this.#apps.get(app) ?? fresh();
    this.#apps.set(app, journal);
    return journal;
  }

  #lastSeq(journal: AppJournal): number {
    return Math.max(journal.entries.at(-1)?.seq ?? 0, journal.snapshot?.seq ?? 0);
  }
}

function leaseOf(epoch: number, { holder, now, ttlMs }: LeaseTerm): Lease {
  return { holder, epoch, renewedAt: now, expiresAt: now + ttlMs };
}

function leaseTaken(): HitlessError {
  return new HitlessError({ code: "ERR_STALE_EPOCH", what: "Another daemon has taken over." });
}

function staleWriter(app: string): HitlessError {
  return new HitlessError({ code: "ERR_STALE_EPOCH", what: `A newer daemon writes the journal of ${app}.` });
}

function fresh(): AppJournal {
  return { epoch: 0, entries: [], snapshot: null, unsettled: new Map(), deployments: new Map(), notes: [] };
}
