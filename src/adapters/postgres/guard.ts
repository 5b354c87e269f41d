import pg from "pg";
import { HitlessError } from "../../base/error.ts";
import { literal } from "../../database/names.ts";
import type { Blocker, CutOff, StepOutcome } from "../../ports/database.ts";
import { blockersOf } from "./blockers.ts";
import { messageOf, type Connection } from "./connection.ts";
import { Cutting } from "./cutting.ts";
import { STALE } from "./journal-schema.ts";

const LOCK_NOT_AVAILABLE = "55P03";
const DEADLOCK = "40P01";

/** How soon a server that works on a query sees that nobody is there for its answer. */
const CLIENT_LOOK = "1s";

/** What the server has been sent: the request's SQL, and what stands before it in the same text. */
export interface Sent {
  readonly before: string;
  readonly sql: string;
}

interface Watching {
  readonly cutOff?: CutOff | undefined;
  /** Asked when it has failed; none: nobody wants to know where. */
  readonly sent?: (() => Sent) | undefined;
}

interface GuardParts {
  readonly connection: Connection;
  /** Looks who is in the way while the other one waits. */
  readonly watcher: Connection;
  readonly app: string;
  readonly token: string;
}

/** What a runner does on one of its connections: fenced, and never waiting for a lock without knowing for whom. */
export class Guard {
  readonly connection: Connection;
  readonly app: string;
  readonly #watcher: Connection;
  readonly #token: string;
  #pid: number | null = null;

  constructor({ connection, watcher, app, token }: GuardParts) {
    this.connection = connection;
    this.app = app;
    this.#watcher = watcher;
    this.#token = token;
  }

  /** The statement that fails for a runner that was replaced. */
  get fence(): string {
    return `SELECT hitless.fence(${literal(this.app)}, ${this.#token})`;
  }

  /** The same right, on one more connection. */
  on(connection: Connection): Guard {
    return new Guard({ connection, watcher: this.#watcher, app: this.app, token: this.#token });
  }

  /** While the work waits for a lock, the other connection looks who is in the way; it also ends what is to be cut off. */
  async watched(lockTimeoutMs: number, work: () => Promise<unknown>, { cutOff, sent }: Watching = {}): Promise<StepOutcome> {
    let blockers: readonly Blocker[] = [];
    let looked: Promise<void> = Promise.resolve();
    const pid = await this.#ownPid();
    const timer = setTimeout(() => {
      looked = blockersOf(this.#watcher, pid).then(
        (found) => {
          blockers = found;
        },
        () => undefined,
      );
    }, lockTimeoutMs / 2);
    const cutting = cutOff === undefined ? null : new Cutting(this.#watcher, pid, cutOff);
    try {
      await work();
      return { kind: "done" };
    } catch (error) {
      await looked;
      cutting?.stop();
      const outcome = await this.outcome(error, blockers);
      if (cutting?.hasCut(outcome) === true) return { kind: "cut" };
      return outcome.kind === "refused" && sent !== undefined ? { ...outcome, at: placeIn(sent(), error) } : outcome;
    } finally {
      clearTimeout(timer);
      cutting?.stop();
    }
  }

  /** What is at work at the server ends with the signal; and with this process, where the server can see that. */
  async endedBy<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    const cutting = new Cutting(this.#watcher, await this.#ownPid(), { signal, limitMs: null });
    try {
      await this.connection.query(lookForClient(CLIENT_LOOK));
      return await work();
    } finally {
      cutting.stop();
      if (this.connection.lost === null) await this.connection.query(lookForClient("0")).catch(() => undefined);
    }
  }

  /** What became of work that threw; nothing of it is left open. @throws ERR_STALE_EPOCH */
  async outcome(error: unknown, blockers: readonly Blocker[]): Promise<StepOutcome> {
    if (this.connection.lost === null)
      await this.connection.query("ROLLBACK; SET lock_timeout = 0; SET statement_timeout = 0").catch(() => undefined);
    if (!(error instanceof pg.DatabaseError) || this.connection.lost !== null) return { kind: "lost", message: messageOf(error) };
    const code = error.code ?? "";
    if (code === LOCK_NOT_AVAILABLE || code === DEADLOCK) return { kind: "locked", blockers };
    if (code === STALE) throw stale(this.app);
    if (/^(57P0|08)/.test(code)) return { kind: "lost", message: error.message };
    const detail = [error.message, error.detail, error.hint].filter((part) => part !== undefined && part !== "");
    return { kind: "refused", code, message: detail.join(". ") };
  }

  async #ownPid(): Promise<number> {
    if (this.#pid !== null) return this.#pid;
    const [own] = await this.connection.query<{ pid: number }>("SELECT pg_backend_pid() AS pid").catch(() => [undefined]);
    this.#pid = own?.pid ?? null;
    return this.#pid ?? 0;
  }
}

/** Servers on some systems cannot look, and refuse any value but 0. */
function lookForClient(every: string): string {
  return `DO $$ BEGIN PERFORM set_config('client_connection_check_interval', ${literal(every)}, false);
    EXCEPTION WHEN invalid_parameter_value OR undefined_object THEN NULL; END $$`;
}

/** PostgreSQL counts whole characters, from 1, of all that it was sent at once. */
function placeIn({ before, sql }: Sent, error: unknown): number | undefined {
  const position = error instanceof pg.DatabaseError ? Number(error.position ?? 0) : 0;
  const index = position - 1 - Array.from(before).length;
  const characters = Array.from(sql);
  return index < 0 || index >= characters.length ? undefined : characters.slice(0, index).join("").length;
}

function stale(app: string): HitlessError {
  return new HitlessError({
    code: "ERR_STALE_EPOCH",
    what: `A newer runner has taken over the database of ${app}.`,
    next: "Nothing further was done by this one.",
  });
}
