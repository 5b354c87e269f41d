import type { ReleaseName } from "../../base/names.ts";
import { SESSION_URL, type SessionsSpec } from "../../core/sessions-spec.ts";
import type { LaunchPlan, Releases, Workplace } from "../../ports/releases.ts";
import type { SessionServers } from "../../ports/session-servers.ts";

/** Releases whose instances find their sessions: the app's state server runs before the first of them is started. */
export class SessionReleases implements Releases {
  readonly #inner: Releases;
  readonly #servers: SessionServers;

  constructor(inner: Releases, servers: SessionServers) {
    this.#inner = inner;
    this.#servers = servers;
  }

  stage(...given: Parameters<Releases["stage"]>): Promise<void> {
    return this.#inner.stage(...given);
  }

  discard(...given: Parameters<Releases["discard"]>): Promise<void> {
    return this.#inner.discard(...given);
  }

  prune(...given: Parameters<Releases["prune"]>): Promise<readonly ReleaseName[]> {
    return this.#inner.prune(...given);
  }

  async create(...[app, release, options]: Parameters<Releases["create"]>): ReturnType<Releases["create"]> {
    const outcome = await this.#inner.create(app, release, options);
    const server = outcome.kind === "created" ? outcome.record.spec.sessions?.server : undefined;
    if (server === undefined) return outcome;
    try {
      await this.#servers.adapt(app, server);
      return outcome;
    } catch (error) {
      await this.#inner.discard(app, release);
      throw error;
    }
  }

  async launchPlan(app: string, release: ReleaseName, type: string): Promise<LaunchPlan> {
    const [plan, { spec }] = await Promise.all([this.#inner.launchPlan(app, release, type), this.#inner.workplace(app, release)]);
    return { ...plan, env: await this.#withUrl(app, spec.sessions, plan.env) };
  }

  async workplace(app: string, release: ReleaseName): Promise<Workplace> {
    const workplace = await this.#inner.workplace(app, release);
    return { ...workplace, env: await this.#withUrl(app, workplace.spec.sessions, workplace.env) };
  }

  async #withUrl(app: string, sessions: SessionsSpec | undefined, env: LaunchPlan["env"]): Promise<LaunchPlan["env"]> {
    if (sessions?.server === undefined) return env;
    const url = await this.#servers.ensure(app, sessions.server);
    return { ...env, [SESSION_URL]: url, ...(sessions.variable === undefined ? {} : { [sessions.variable]: url }) };
  }
}
