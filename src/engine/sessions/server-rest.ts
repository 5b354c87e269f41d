import type { Logger } from "../../base/log.ts";
import type { ReleaseName } from "../../base/names.ts";
import { needsServer } from "../../core/session-move/environment.ts";
import { isOver, placeOf, type SessionMove } from "../../core/session-move/move.ts";
import type { AppState } from "../../core/state.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Releases } from "../../ports/releases.ts";
import type { RestingServers } from "../../ports/session-servers.ts";
import { liveReleases } from "../database/live-releases.ts";

export interface ServerRestParts {
  readonly clock: Clock;
  readonly servers: RestingServers;
  readonly moves: { of(app: string): SessionMove | null };
  /** Without what a move says. */
  readonly releases: Pick<Releases, "workplace">;
  readonly state: (app: string) => AppState | null;
  readonly log: Logger;
}

const LOOK_EVERY_MS = 5_000;
/** For so long nobody has needed it or come to it. */
const QUIET_MS = 60_000;

/**
 * Lays state servers to rest that no release of their app needs any more, as after a move of its sessions. That it is safe does not hang on what is seen here: whoever is
 * about to tell an instance of a state server has it started first.
 */
export class ServerRest {
  readonly #parts: ServerRestParts;
  readonly #end = new AbortController();
  readonly #quiet = new Map<string, { readonly since: number; readonly visits: number }>();

  constructor(parts: ServerRestParts) {
    this.#parts = parts;
  }

  start(): void {
    void this.#run();
  }

  stop(): void {
    this.#end.abort();
  }

  async #run(): Promise<void> {
    const { clock, servers, log } = this.#parts;
    while (!this.#end.signal.aborted) {
      for (const app of servers.awake()) {
        await this.#look(app).catch((error: unknown) => {
          log.error("a state server that nobody needs could not be ended; it is tried again", { app, error: String(error) });
        });
      }
      await clock.sleepUntil(clock.now() + LOOK_EVERY_MS, this.#end.signal).catch(() => undefined);
    }
  }

  async #look(app: string): Promise<void> {
    const { clock, servers, log } = this.#parts;
    const use = (await this.#isNeeded(app)) ? null : await servers.use(app);
    if (use === null || use.inUse) {
      this.#quiet.delete(app);
      return;
    }
    const { since, visits } = this.#quiet.get(app) ?? { since: clock.now(), visits: use.visits };
    if (visits !== use.visits || clock.now() - since < QUIET_MS) {
      this.#quiet.set(app, visits === use.visits ? { since, visits } : { since: clock.now(), visits: use.visits });
      return;
    }
    this.#quiet.delete(app);
    if (await servers.rest(app, visits)) log.info("nobody needs the state server any more; its sessions stay on disk", { app });
  }

  /** By a deployment, whichever way it goes; by a move; or by a release that runs or may be started at any time. */
  async #isNeeded(app: string): Promise<boolean> {
    const state = this.#parts.state(app);
    const move = this.#parts.moves.of(app);
    if (state === null || state.deployment?.outcome === null || (move !== null && !isOver(move))) return true;
    const queued = state.queued === undefined ? [] : [state.queued.release];
    for (const release of [...liveReleases(state), ...queued]) if (await this.#needsIt(state, release, move)) return true;
    return false;
  }

  async #needsIt({ app, releases }: AppState, release: ReleaseName, move: SessionMove | null): Promise<boolean> {
    const record = releases[release];
    if (record === undefined) return true;
    const { sessions } = record.spec;
    const isNamed = sessions?.server !== undefined;
    const env = isNamed ? {} : (await this.#parts.releases.workplace(app, release)).env;
    return needsServer(sessions, placeOf(sessions, env), move);
  }
}
