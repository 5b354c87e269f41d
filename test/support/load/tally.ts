export type ClientKind = "keepAlive" | "fresh" | "post";

/** What one client saw of its requests; `requests = ok + httpErrors + connectionErrors + timeouts` once nothing is in flight. */
export interface Counts {
  readonly requests: number;
  readonly ok: number;
  readonly httpErrors: number;
  readonly connectionErrors: number;
  readonly timeouts: number;
}

export interface Progress extends Counts {
  readonly errors: number;
}

export interface Report extends Counts {
  readonly byStatus: Readonly<Record<string, number>>;
  /** The connection errors by what went wrong. */
  readonly byKind: Readonly<Record<string, number>>;
  readonly byClient: Readonly<Record<ClientKind, Counts>>;
  /** How many POSTs were answered 201. */
  readonly posted: number;
  /** How many of them were read again, and held the values that were answered. */
  readonly readBack: number;
  /** Bytes that came where no answer was due: after an answer's end, or on an idle connection. */
  readonly stray: number;
  readonly seconds: number;
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
  readonly maxMs: number | null;
}

type Ending = "ok" | "httpErrors" | "connectionErrors" | "timeouts";
type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** Where every request is entered once when it begins and once when it ends. */
export class Tally {
  readonly #byClient: Record<ClientKind, Mutable<Counts>> = { keepAlive: none(), fresh: none(), post: none() };
  readonly #byStatus = new Map<number, number>();
  readonly #byKind = new Map<string, number>();
  readonly #latencies: number[] = [];
  readonly #started = performance.now();
  /** POSTs that were answered 201: what was answered, by their ids. */
  readonly answers = new Map<string, string>();
  #readBack = 0;
  #stray = 0;

  begin(client: ClientKind): void {
    this.#byClient[client].requests += 1;
  }

  answered(client: ClientKind, status: number, ms: number): void {
    this.#byStatus.set(status, (this.#byStatus.get(status) ?? 0) + 1);
    this.#latencies.push(ms);
    this.#end(client, status < 400 ? "ok" : "httpErrors");
  }

  failed(client: ClientKind, kind: string): void {
    this.#byKind.set(kind, (this.#byKind.get(kind) ?? 0) + 1);
    this.#end(client, "connectionErrors");
  }

  timedOut(client: ClientKind): void {
    this.#end(client, "timeouts");
  }

  readAgain(): void {
    this.#readBack += 1;
  }

  stray(): void {
    this.#stray += 1;
  }

  report(): Report {
    const sorted = Float64Array.from(this.#latencies).sort();
    return {
      ...this.#sum(),
      byStatus: Object.fromEntries(this.#byStatus),
      byKind: Object.fromEntries(this.#byKind),
      byClient: structuredClone(this.#byClient),
      posted: this.answers.size,
      readBack: this.#readBack,
      stray: this.#stray,
      seconds: Math.round(performance.now() - this.#started) / 1000,
      p50Ms: quantile(sorted, 0.5),
      p99Ms: quantile(sorted, 0.99),
      maxMs: quantile(sorted, 1),
    };
  }

  /** The plain sums, cheap enough for every second. */
  progress(): Progress {
    const sum = this.#sum();
    return { ...sum, errors: sum.httpErrors + sum.connectionErrors + sum.timeouts };
  }

  #sum(): Counts {
    const sum = none();
    for (const counts of Object.values(this.#byClient)) for (const key of KEYS) sum[key] += counts[key];
    return sum;
  }

  #end(client: ClientKind, ending: Ending): void {
    this.#byClient[client][ending] += 1;
  }
}

const KEYS = ["requests", "ok", "httpErrors", "connectionErrors", "timeouts"] as const;

function none(): Mutable<Counts> {
  return { requests: 0, ok: 0, httpErrors: 0, connectionErrors: 0, timeouts: 0 };
}

function quantile(sorted: Float64Array, q: number): number | null {
  const value = sorted[Math.max(0, Math.ceil(sorted.length * q) - 1)];
  return value === undefined ? null : Math.round(value * 100) / 100;
}
