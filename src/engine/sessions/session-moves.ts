import { HitlessError } from "../../base/error.ts";
import { rollbackTarget } from "../../core/requests.ts";
import { admitRelease, admitRetry, admitRollback } from "../../core/session-move/admission.ts";
import { aborted, newMove } from "../../core/session-move/changes.ts";
import { concerns, home, isOver, isSamePlace, placeOf, type SessionMove, type StorePlace } from "../../core/session-move/move.ts";
import { USUAL_SERVER } from "../../core/sessions-spec.ts";
import type { AppState } from "../../core/state.ts";
import type { ReleaseRequest, Releases } from "../../ports/releases.ts";
import type { SessionServers } from "../../ports/session-servers.ts";
import type { OperatorEvent } from "../control.ts";
import type { CopyProgress } from "./move-copy.ts";
import { MoveRun, type MoveParts } from "./move-run.ts";

export interface SessionMovesParts extends MoveParts {
  /** Without what a move says. */
  readonly releases: Pick<Releases, "workplace">;
  readonly servers: SessionServers;
  readonly randomId: () => string;
}

/** A move, and how far it is. */
export interface MoveReport {
  readonly move: SessionMove;
  /** Why nothing is done just now; null: something is. */
  readonly waits: string | null;
  readonly progress: (CopyProgress & { readonly since: number }) | null;
  /** What is wrong with a store, and what becomes of it; null: nothing. */
  readonly trouble: string | null;
}

export interface MoveRequest {
  readonly by: string;
  /** A URL, or `hitless` for a state server that the daemon runs. */
  readonly to: string;
}

/** Moves the sessions of apps from one store to another while they are used (docs/sessions.md). */
export class SessionMoves {
  readonly #parts: SessionMovesParts;
  readonly #runs = new Map<string, MoveRun>();

  constructor(parts: SessionMovesParts) {
    this.#parts = parts;
  }

  /** Goes on with what an earlier daemon has left; the book has been read. */
  start(): void {
    for (const move of this.#parts.book.all()) if (!isOver(move)) this.#run(move.app);
  }

  stop(): void {
    for (const run of this.#runs.values()) run.end();
  }

  report(app: string): MoveReport | null {
    const move = this.#parts.book.of(app);
    if (move === null) return null;
    const { waits = null, progress = null, trouble = null } = this.#runs.get(app) ?? {};
    return isOver(move) ? { move, waits: null, progress: null, trouble: null } : { move, waits, progress, trouble };
  }

  /** @throws ERR_SESSIONS_MOVING, ERR_SESSIONS_MOVED: nothing may be deployed that keeps its sessions where they are not */
  admit({ spec, env }: Pick<ReleaseRequest, "spec" | "env">): void {
    const shared = Object.values(env).reduce<Readonly<Record<string, string>>>((all, one) => ({ ...one, ...all }), {});
    admitRelease(this.#parts.book.of(spec.app), spec.app, placeOf(spec.sessions, shared));
  }

  /** @throws ERR_SESSIONS_MOVING: no other release than the active one may be started while instances must know both stores */
  admitRequest(state: AppState, event: OperatorEvent): void {
    const move = this.#parts.book.of(state.app);
    if (event.kind === "retry.requested") admitRetry(move, state);
    if (event.kind === "rollback.requested") admitRollback(move, state, rollbackTarget(state, event.release));
  }

  /** @throws ERR_NOTHING_RUNNING, ERR_SESSIONS_MOVING, or ERR_SESSIONS_MOVE with all reasons; nothing was done then */
  async begin(state: AppState, { by, to }: MoveRequest): Promise<MoveReport | null> {
    const { book, clock, randomId } = this.#parts;
    const { app } = state;
    const last = book.of(app);
    if (last !== null && !isOver(last)) throw moving(app);
    const from = await this.#present(state, last);
    const place = await this.#place(app, to);
    const unusable = await this.#storeProblems(from, place);
    // After what is waited for: somebody may have begun a deployment meanwhile.
    const problems = [...unready(this.#parts.engine.state(app) ?? state), ...unusable];
    if (problems.length > 0) throw impossible(app, problems);
    await book.change(app, (now) => {
      if (now !== null && !isOver(now)) throw moving(app);
      return newMove({ id: randomId(), app, by, at: clock.now(), from, to: place }, now);
    });
    this.#run(app);
    return this.report(app);
  }

  /** @throws ERR_NOTHING_RUNNING, ERR_SESSIONS_MOVING when there is no way back any more */
  async abort(app: string, by: string): Promise<MoveReport | null> {
    await this.#parts.book.change(app, (move) => aborted(move, by, this.#parts.clock.now()));
    this.#runs.get(app)?.interrupt();
    return this.report(app);
  }

  #run(app: string): void {
    const run = new MoveRun(this.#parts, app);
    this.#runs.set(app, run);
    void run.run().finally(() => {
      if (this.#runs.get(app) === run) this.#runs.delete(app);
    });
  }

  /** Where the active release has its sessions now. */
  async #present({ app, active }: AppState, last: SessionMove | null): Promise<StorePlace> {
    const { releases, servers } = this.#parts;
    const workplace = active === null ? null : await releases.workplace(app, active);
    const named = workplace === null ? null : placeOf(workplace.spec.sessions, workplace.env);
    if (named === null) {
      throw new HitlessError({
        code: "ERR_NOTHING_RUNNING",
        what: active === null ? `${app} has no active release.` : `${app} does not say where its sessions are.`,
        next: "Set `sessions` in the configuration and deploy it: docs/sessions.md.",
      });
    }
    if (last !== null && concerns(last, named)) return home(last);
    const server = workplace?.spec.sessions?.server;
    return server === undefined ? named : { url: await servers.ensure(app, server), ours: true };
  }

  async #place(app: string, to: string): Promise<StorePlace> {
    return to === "hitless" ? { url: await this.#parts.servers.ensure(app, USUAL_SERVER), ours: true } : { url: to };
  }

  async #storeProblems(from: StorePlace, to: StorePlace): Promise<readonly string[]> {
    if (isSamePlace(from, to)) return ["the sessions are in that store already"];
    return this.#parts.stores.problems(from.url, to.url);
  }
}

/** Every instance must come to know of the move, one after the other. */
function unready({ deployment, queued, standby, suspended }: AppState): readonly string[] {
  return [
    ...(queued === undefined ? [] : [`${queued.release} is waiting to be deployed`]),
    ...(deployment?.outcome === null ? [`${deployment.name} is replacing instances just now`] : []),
    ...(standby === undefined
      ? []
      : [`${standby.release} is on standby until ${new Date(standby.until).toISOString()}, and knows the old store only`]),
    ...(suspended ? ["the app is stopped"] : []),
  ];
}

function moving(app: string): HitlessError {
  return new HitlessError({
    code: "ERR_SESSIONS_MOVING",
    what: `The sessions of ${app} are being moved already.`,
    next: "See `hitless sessions`; `hitless sessions move --abort` takes it back.",
  });
}

function impossible(app: string, details: readonly string[]): HitlessError {
  return new HitlessError({
    code: "ERR_SESSIONS_MOVE",
    what: `The sessions of ${app} cannot be moved there.`,
    next: "Nothing was begun.",
    details,
  });
}
