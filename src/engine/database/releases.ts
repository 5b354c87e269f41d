import { HitlessError } from "../../base/error.ts";
import { nameNumber, type ReleaseName } from "../../base/names.ts";
import { createRng } from "../../base/rng.ts";
import type { ReleaseRecord } from "../../core/release.ts";
import { DEFAULT_BACKFILL, ownUrl, type DatabaseSpec } from "../../core/database-spec.ts";
import { hasTakenAway, searchPath, type ChangeSet } from "../../database/change-set.ts";
import type { Catalog } from "../../database/catalog.ts";
import type { Plan } from "../../database/plan/action.ts";
import { releaseUrl, urlOfRole } from "../../database/release-url.ts";
import type { Clock } from "../../ports/clock.ts";
import type { DatabaseLease } from "../../ports/database.ts";
import type { Http } from "../../ports/http.ts";
import type { LaunchPlan, Releases, Workplace } from "../../ports/releases.ts";
import type { Traffic } from "../../ports/traffic.ts";
import type { BackfillOptions } from "./backfill-options.ts";
import type { FeltLatency } from "../../database/backfill/felt-latency.ts";
import { LoadPacer } from "./load-pacer.ts";
import { loadSignals } from "./load-signals.ts";
import { giveNamesBack, type ReleasePlace } from "./names-back.ts";
import { isPlanOf, planSources, type PlanInput } from "./prepare.ts";
import { lacksPrivileges, missingPrivileges } from "./privileges.ts";
import { tryRelease, type ReleaseSource, type TrialParts } from "./release-trial.ts";
import { ReleasesAround, type CreateOptions } from "../releases-around.ts";
import { changes, makeRoom, settleEarlier, standing, takeBack } from "./earlier.ts";
import { leftovers } from "./leftovers.ts";
import { expand } from "./runner.ts";
import { checkSession, type OpenSession } from "./self-test.ts";
import type { StepRunner } from "./steps.ts";

export interface DatabaseParts extends TrialParts {
  readonly clock: Clock;
  /** Releases of the app that have instances now, the active one among them. */
  readonly live: (app: string) => readonly ReleaseName[];
  readonly traffic: Pick<Traffic, "ledger">;
  readonly http: Http;
}

export interface Expansion {
  readonly app: string;
  readonly release: number;
  readonly env: Workplace["env"];
  readonly directory: string;
  readonly spec: DatabaseSpec;
  readonly onOutput: (line: string) => void;
  readonly signal: AbortSignal;
  /** How rows are filled. */
  readonly backfill?: BackfillOptions | undefined;
  /** Before there is a deployment: an earlier release keeps its way back for as long as it was promised. */
  readonly ahead?: true | undefined;
}

interface PlacedSession extends OpenSession {
  readonly place: ReleasePlace;
}

interface Planned {
  readonly plan: Plan;
  readonly catalog: Catalog;
}

/**
 * Releases whose database is upgraded first: a release is only made once the database has everything it needs, beside everything that the running
 * one needs; and its instances reach the database as that release sees it.
 */
export class DatabaseReleases extends ReleasesAround {
  readonly #parts: DatabaseParts;
  readonly #felt = new Map<string, FeltLatency>();

  constructor(inner: Releases, parts: DatabaseParts) {
    super(inner);
    this.#parts = parts;
  }

  protected async provide(app: string, release: ReleaseName, record: ReleaseRecord, options: CreateOptions): Promise<void> {
    const spec = record.spec.database;
    if (spec === undefined) return;
    const { env, directory } = await this.inner.workplace(app, release);
    const url = ownUrl(spec, env);
    if (url === undefined) throw noUrl(app, spec);
    const number = nameNumber(release) ?? 0;
    const { onOutput, signal } = options;
    await this.expand(url, { app, release: number, env, directory, spec, onOutput, signal }).catch((error: unknown) => {
      throw asDatabaseError(error, release, signal);
    });
  }

  async launchPlan(app: string, release: ReleaseName, type: string): Promise<LaunchPlan> {
    const [plan, { spec }] = await Promise.all([this.inner.launchPlan(app, release, type), this.inner.workplace(app, release)]);
    const session = await this.#session(app, release, { spec, env: plan.env });
    if (session === null) return plan;
    await giveNamesBack(this.#parts, session.place);
    await checkSession(this.#parts.database, session);
    return { ...plan, env: session.env };
  }

  async workplace(app: string, release: ReleaseName): Promise<Workplace> {
    const workplace = await this.inner.workplace(app, release);
    return { ...workplace, env: (await this.#session(app, release, workplace))?.env ?? workplace.env };
  }

  /** The environment with the database as the release sees it; null: it has none. @throws ERR_CONTRACTED */
  async #session(app: string, release: ReleaseName, place: Pick<Workplace, "spec" | "env">): Promise<PlacedSession | null> {
    const { database: spec } = place.spec;
    const url = spec === undefined ? undefined : place.env[spec.variable];
    if (spec === undefined || url === undefined) return null;
    const own = ownUrl(spec, place.env) ?? url;
    const number = nameNumber(release) ?? 0;
    const { database } = this.#parts;
    const [sets, { path }] = await Promise.all([database.changeSets(own, app), database.whereabouts(own)]);
    const gone = sets.find((set) => set.release > number && hasTakenAway(set));
    if (gone !== undefined) throw contracted(release, gone);
    const session = { app, release: number, searchPath: searchPath(sets, number, path) };
    const asSeen =
      spec.identity === "role" ? urlOfRole(url, await database.role(own, session), session) : releaseUrl(url, session);
    return {
      session,
      url: asSeen,
      place: { app, release: number, url: own, spec },
      env: { ...place.env, [spec.variable]: asSeen },
    };
  }

  /** Everything that the release's SQL wants before its first instance; what was begun for another content is taken back first. */
  async expand(url: string, expansion: Expansion): Promise<void> {
    const { app, release, spec, onOutput, signal, backfill } = expansion;
    const lease = await this.#parts.database.lease(url, app);
    try {
      const runner: StepRunner = {
        lease,
        backfill: { ...backfill, pacer: (table) => this.pacer(lease, { app, table, spec }) },
        note: (text) => {
          onOutput(`database: ${text}`);
        },
        patience: {
          clock: this.#parts.clock,
          rng: createRng(this.#parts.clock.now()),
          signal,
          lockTimeoutMs: spec.lockTimeoutMs,
          limitMs: spec.lockPatienceMs,
        },
      };
      const toolRows: PlanInput["toolRows"] = (table) => lease.toolRows(table);
      const begun = (await lease.changeSets()).find((set) => set.release === release);
      if (begun !== undefined && begun.state !== "reverted" && begun.state !== "reverting") {
        const [catalog, applied] = [await lease.catalog(), await lease.applied()];
        if (await isPlanOf(this.#parts.sources, begun.plan, { ...expansion, catalog, applied, toolRows })) {
          await expand(runner, begun.plan);
          return;
        }
        await takeBack(runner, release);
      }
      const earlier = { release, spec, ahead: expansion.ahead === true, live: this.#live(app) };
      const waiting = await settleEarlier(runner, earlier);
      let planned = await this.#planned(lease, expansion, standing(waiting));
      const left = await makeRoom(runner, { ...earlier, waiting, plan: planned.plan });
      if (left.length < waiting.length) planned = await this.#planned(lease, expansion, standing(left));
      if (left.length > 0 && !changes(planned.plan) && planned.plan.migrations.length === 0) return;
      const plan = await this.#tried(url, { ...expansion, ...planned });
      const missing = plan.refusals.length > 0 ? [] : await missingPrivileges(this.#parts, url, plan);
      if (missing.length > 0) throw lacksPrivileges(missing);
      if (changes(plan) || plan.migrations.length > 0) await expand(runner, plan);
    } finally {
      await lease.close();
    }
  }

  async #planned(lease: DatabaseLease, expansion: Expansion, stands: readonly string[]): Promise<Planned> {
    const catalog = await lease.catalog();
    const plan = await planSources(this.#parts.sources, {
      ...expansion,
      catalog,
      applied: await lease.applied(),
      toolRows: (table) => lease.toolRows(table),
      kept: await leftovers(await lease.changeSets(), lease),
      standing: stands,
    });
    return { plan, catalog };
  }

  /** What slows down the filling of a table, for whoever fills one of this app. */
  pacer(lease: DatabaseLease, { app, table, spec }: { app: string; table: string; spec: DatabaseSpec }): LoadPacer {
    const { clock, traffic, http } = this.#parts;
    return new LoadPacer(
      clock,
      loadSignals({ app, clock, traffic, http, lease, table, spec: spec.backfill ?? DEFAULT_BACKFILL, felt: this.#felt }),
    );
  }

  /** With what a copy of the database showed: locks as they are, and refusals for what `hitless db plan` refuses too. */
  async #tried(url: string, { app, directory, spec, env, onOutput, ...planned }: Expansion & Planned): Promise<Plan> {
    const running = await Promise.all(this.#parts.live(app).map((release) => this.#sourceOf(app, release)));
    const trial = await tryRelease(this.#parts, { ...planned, url, env, release: { directory, spec }, running: running.flat() });
    if (trial.about !== null) onOutput(`database: tried on a copy, ${trial.about}`);
    for (const gap of trial.gaps) onOutput(`database: ${gap}`);
    for (const { side, fit, of } of trial.proof.sides) {
      onOutput(`database: ${side} release: ${String(fit)} of ${String(of)} statements fit`);
    }
    return trial.plan;
  }

  async #sourceOf(app: string, release: ReleaseName): Promise<readonly ReleaseSource[]> {
    const { directory, spec } = await this.inner.workplace(app, release);
    return spec.database === undefined ? [] : [{ directory, spec: spec.database }];
  }

  #live(app: string): readonly number[] {
    return this.#parts.live(app).map((name) => nameNumber(name) ?? 0);
  }
}

/** The server ends its connections, or the way to it is gone. */
const LOST = /^(?:57P0|08|E[A-Z]{3,})|connection (?:terminated|error)/i;

/** What nobody has foreseen is still told as what it is: the database, not the release's files. */
function asDatabaseError(error: unknown, release: ReleaseName, signal: AbortSignal): unknown {
  if (error instanceof HitlessError || signal.aborted || (error instanceof Error && error.name === "AbortError")) return error;
  const { code } = (error ?? {}) as { readonly code?: unknown };
  const message = error instanceof Error ? error.message : String(error);
  return new HitlessError(
    {
      code: LOST.test(`${String(code)} ${message}`) ? "ERR_DATABASE_UNREACHABLE" : "ERR_DATABASE_FAILED",
      what: `The database could not be given what ${release} needs.`,
      why: typeof code === "string" ? `${message} (${code})` : message,
      next: "What was done before is kept in the journal, or was taken back. `hitless db status` shows it; deploy again when the cause is gone.",
    },
    { cause: error },
  );
}

function noUrl(app: string, { variable, directVariable }: DatabaseSpec): HitlessError {
  return new HitlessError({
    code: "ERR_DATABASE_UNREACHABLE",
    what: `The processes of ${app} have no variable ${directVariable ?? variable}.`,
    why: `\`database.${directVariable === undefined ? "variable" : "directVariable"}\` in the configuration names where the database's URL is.`,
    next: "Set it under `env`. Nothing was started.",
  });
}

function contracted(release: ReleaseName, { release: by }: ChangeSet): HitlessError {
  return new HitlessError({
    code: "ERR_CONTRACTED",
    what: `${release} cannot use the database any more.`,
    why: `What only older releases needed was removed when the time for going back from r${String(by)} was over (\`database.contractAfter\`).`,
    next: "Deploy a release that fits the database, such as the old code with the new names.",
  });
}
