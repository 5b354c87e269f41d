import { once } from "node:events";
import { setTimeout as pause } from "node:timers/promises";
import { Client, type ClientOptions } from "./client.ts";
import { Tally, type ClientKind, type Progress, type Report } from "./tally.ts";

export interface LoadOptions {
  readonly url: string;
  /** Requests per second over all clients; 0 is as many as the server answers. */
  readonly rate: number;
  /** Clients by kind: GETs on a kept connection, GETs on a new connection each, POSTs with ids of their own. */
  readonly keepAlive: number;
  readonly fresh: number;
  readonly post: number;
  readonly paths?: readonly string[];
  readonly postPath?: string;
  /** Read what was posted under `postPath/id`, and compare it with the answer. */
  readonly readBack?: boolean;
  /** Ends by itself; without it, `signal` does. */
  readonly seconds?: number;
  readonly timeoutMs?: number;
  /** Aborted: what is in flight is finished, nothing new begun. */
  readonly signal?: AbortSignal;
  /** Every second. */
  readonly progress?: (progress: Progress) => void;
}

export interface LoadReport extends Report {
  readonly postedIds: readonly string[];
  /** What was answered to each of them. */
  readonly answers: ReadonlyMap<string, string>;
}

const TICK_MS = 4;
const TIMEOUT_MS = 30_000;
const LOOK_MS = 100;

/** Every request that was begun has ended, in exactly one column of the report, when this resolves. */
export async function runLoad(options: LoadOptions): Promise<LoadReport> {
  const load = new Load(options);
  const timer = options.progress === undefined ? null : every(1_000, options.progress, load.tally);
  try {
    await stopAsked(options);
    await load.finish();
  } finally {
    if (timer !== null) clearInterval(timer);
  }
  const { answers } = load.tally;
  return { ...load.tally.report(), postedIds: [...answers.keys()], answers };
}

/** Closed loop: a turn that finds every client busy is not made up for later, so the server is never hit by a burst after a pause. */
class Load {
  readonly tally = new Tally();
  readonly #clients: readonly Client[];
  readonly #rate: number;
  readonly #timeoutMs: number;
  readonly #timers: readonly NodeJS.Timeout[];
  readonly #started = performance.now();
  #turns = 0;
  #cursor = 0;
  #finished: (() => void) | null = null;

  constructor(options: LoadOptions) {
    const url = new URL(options.url);
    if (url.protocol !== "http:") throw new Error(`Only http: URLs, not ${options.url}`);
    const shared: ClientOptions = {
      address: { host: url.hostname.replace(/^\[|\]$/g, ""), port: Number(url.port === "" ? 80 : url.port) },
      paths: options.paths ?? [url.pathname + url.search],
      postPath: options.postPath ?? "/api/orders",
      readBack: options.readBack === true,
      tally: this.tally,
      idle: (client) => {
        this.#idle(client);
      },
    };
    this.#clients = mixed(options).map((kind, index) => new Client(kind, index, shared));
    this.#rate = options.rate;
    this.#timeoutMs = options.timeoutMs ?? TIMEOUT_MS;
    this.#timers = [
      setInterval(() => {
        this.#tick();
      }, TICK_MS),
      setInterval(() => {
        this.#giveUp();
      }, LOOK_MS),
    ];
  }

  async finish(): Promise<void> {
    clearInterval(this.#timers[0]);
    await new Promise<void>((resolve) => {
      this.#finished = resolve;
      this.#check();
    });
    clearInterval(this.#timers[1]);
    for (const client of this.#clients) client.close();
  }

  #tick(): void {
    const now = performance.now();
    if (this.#rate === 0) {
      for (const client of this.#clients) if (!client.busy) client.begin(now);
      return;
    }
    const due = Math.floor(((now - this.#started) * this.#rate) / 1_000);
    for (; this.#turns < due; this.#turns += 1) {
      const client = this.#next();
      if (client === null) this.#turns = due - 1;
      else client.begin(now);
    }
  }

  #next(): Client | null {
    for (let looked = 0; looked < this.#clients.length; looked += 1) {
      const client = this.#clients[this.#cursor++ % this.#clients.length];
      if (client?.busy === false) return client;
    }
    return null;
  }

  #idle(client: Client): void {
    if (this.#finished !== null) this.#check();
    else if (this.#rate === 0)
      setImmediate(() => {
        if (this.#finished === null && !client.busy) client.begin(performance.now());
      });
  }

  #check(): void {
    if (!this.#clients.some((client) => client.busy)) this.#finished?.();
  }

  #giveUp(): void {
    const begunBefore = performance.now() - this.#timeoutMs;
    for (const client of this.#clients) client.giveUp(begunBefore);
  }
}

/** The kinds dealt out evenly, so that a rate below what the clients could do still gives the mix asked for. */
function mixed({ keepAlive, fresh, post }: LoadOptions): readonly ClientKind[] {
  const wanted: readonly (readonly [ClientKind, number])[] = [
    ["keepAlive", keepAlive],
    ["fresh", fresh],
    ["post", post],
  ];
  return wanted
    .flatMap(([kind, count]) => Array.from({ length: count }, (_, index) => ({ kind, place: (index + 0.5) / count })))
    .sort((a, b) => a.place - b.place)
    .map(({ kind }) => kind);
}

async function stopAsked({ seconds, signal }: LoadOptions): Promise<void> {
  if (signal?.aborted === true) return;
  const ends: Promise<unknown>[] = [];
  if (signal !== undefined) ends.push(once(signal, "abort"));
  const timer = new AbortController();
  if (seconds !== undefined) ends.push(pause(seconds * 1_000, undefined, { signal: timer.signal }).catch(() => undefined));
  if (ends.length === 0) throw new Error("A load needs an end: seconds or a signal");
  await Promise.race(ends);
  timer.abort();
}

function every(ms: number, tell: (progress: Progress) => void, tally: Tally): NodeJS.Timeout {
  return setInterval(() => {
    tell(tally.progress());
  }, ms);
}
