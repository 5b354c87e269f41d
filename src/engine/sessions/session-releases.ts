import type { ReleaseName } from "../../base/names.ts";
import { SESSION_URL } from "../../base/session-move.ts";
import type { ReleaseRecord } from "../../core/release.ts";
import { moveVariables, needsServer } from "../../core/session-move/environment.ts";
import { concerns, placeOf, type SessionMove } from "../../core/session-move/move.ts";
import { USUAL_SERVER, type SessionsSpec } from "../../core/sessions-spec.ts";
import type { LaunchPlan, Releases, Workplace } from "../../ports/releases.ts";
import type { SessionServers } from "../../ports/session-servers.ts";
import { ReleasesAround } from "../releases-around.ts";

/**
 * Releases whose instances find their sessions: the app's state server runs before the first of them is started, and who names a store that the sessions have left, or are
 * about to leave, is told where they are.
 */
export class SessionReleases extends ReleasesAround {
  readonly #servers: SessionServers;
  readonly #moves: { of(app: string): SessionMove | null };

  constructor(inner: Releases, servers: SessionServers, moves: { of(app: string): SessionMove | null }) {
    super(inner);
    this.#servers = servers;
    this.#moves = moves;
  }

  protected async provide(app: string, _release: ReleaseName, { spec }: ReleaseRecord): Promise<void> {
    if (spec.sessions?.server !== undefined) await this.#servers.adapt(app, spec.sessions.server);
  }

  async launchPlan(app: string, release: ReleaseName, type: string): Promise<LaunchPlan> {
    const [plan, { spec }] = await Promise.all([this.inner.launchPlan(app, release, type), this.inner.workplace(app, release)]);
    return { ...plan, env: await this.#withUrl(app, spec.sessions, plan.env) };
  }

  async workplace(app: string, release: ReleaseName): Promise<Workplace> {
    const workplace = await this.inner.workplace(app, release);
    return { ...workplace, env: await this.#withUrl(app, workplace.spec.sessions, workplace.env) };
  }

  async #withUrl(app: string, sessions: SessionsSpec | undefined, env: LaunchPlan["env"]): Promise<LaunchPlan["env"]> {
    const place = placeOf(sessions, env);
    if (place === null) return env;
    // The move first: a state server that the sessions have left is not started for who only names it, and one that they are in is, whoever names what.
    const isNeeded = needsServer(sessions, place, this.#moves.of(app));
    const server = isNeeded ? await this.#servers.ensure(app, sessions?.server ?? USUAL_SERVER) : "";
    const own = place.ours === true ? server : place.url;
    // After what is waited for: a move that has come to another phase meanwhile counts.
    const move = this.#moves.of(app);
    const given = move !== null && concerns(move, place) ? moveVariables(move) : { [SESSION_URL]: own };
    return { ...env, ...given, ...(sessions?.variable === undefined ? {} : { [sessions.variable]: given[SESSION_URL] ?? own }) };
  }
}
