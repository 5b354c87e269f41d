import type { ReleaseName } from "../../base/names.ts";
import type { ReleaseRecord } from "../../core/release.ts";
import { SESSION_URL } from "../../base/session-move.ts";
import type { SessionsSpec } from "../../core/sessions-spec.ts";
import type { LaunchPlan, Releases, Workplace } from "../../ports/releases.ts";
import type { SessionServers } from "../../ports/session-servers.ts";
import { ReleasesAround } from "../releases-around.ts";

/** Releases whose instances find their sessions: the app's state server runs before the first of them is started. */
export class SessionReleases extends ReleasesAround {
  readonly #servers: SessionServers;

  constructor(inner: Releases, servers: SessionServers) {
    super(inner);
    this.#servers = servers;
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
    if (sessions?.server === undefined) return env;
    const url = await this.#servers.ensure(app, sessions.server);
    return { ...env, [SESSION_URL]: url, ...(sessions.variable === undefined ? {} : { [sessions.variable]: url }) };
  }
}
