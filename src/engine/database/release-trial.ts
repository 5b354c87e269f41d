import { HitlessError } from "../../base/error.ts";
import type { DatabaseSpec } from "../../core/database-spec.ts";
import type { Catalog } from "../../database/catalog.ts";
import type { Plan } from "../../database/plan/action.ts";
import { countedStatements, readStatementFiles, type ClientStatement } from "../../database/proof/corpus.ts";
import { pastViews } from "../../database/proof/past-views.ts";
import type { Database } from "../../ports/database.ts";
import type { Shadows } from "../../ports/shadow.ts";
import type { SqlSources } from "../../ports/sources.ts";
import { tryPlan, type Trial } from "./trial.ts";

/** Where a release's sources are, and what its configuration says of them. */
export interface ReleaseSource {
  /** Absolute. */
  readonly directory: string;
  readonly spec: DatabaseSpec;
}

export interface ReleaseTrial {
  readonly plan: Plan;
  readonly catalog: Catalog;
  readonly release: ReleaseSource;
  /** Those that use the database now. */
  readonly running: readonly ReleaseSource[];
  readonly url: string;
  readonly env: Readonly<Record<string, string>>;
}

export interface TrialParts {
  readonly database: Database;
  readonly sources: SqlSources;
  readonly shadows: Shadows;
}

/** Tries what a release would do, with what it and those that run send to the database. @throws ERR_DATABASE_SOURCES */
export async function tryRelease(parts: TrialParts, trial: ReleaseTrial): Promise<Trial> {
  const { plan, catalog, release, running, url, env } = trial;
  const language = await parts.sources.language();
  const counted = plan.actions.length === 0 ? [] : await parts.database.statements(url);
  const files = await Promise.all(running.map((source) => ownStatements(parts, source)));
  const corpora = {
    running: [...files.flat(), ...countedStatements(language, counted)],
    next: await ownStatements(parts, release),
  };
  const past = pastViews(language, plan, [...corpora.next, ...corpora.running]);
  return tryPlan(parts.shadows, {
    plan: { ...plan, notices: [...plan.notices, ...past] },
    catalog,
    corpora,
    shadowUrl: shadowUrl(release.spec, env),
  });
}

async function ownStatements({ sources }: TrialParts, { directory, spec }: ReleaseSource): Promise<readonly ClientStatement[]> {
  if (spec.queries === undefined) return [];
  const files = await sources.read(`${directory}/${spec.queries}`);
  const { statements, problems } = readStatementFiles(await sources.language(), files ?? []);
  if (files !== null && problems.length === 0) return statements;
  throw new HitlessError({
    code: "ERR_DATABASE_SOURCES",
    what: files === null ? `The release has no directory ${spec.queries}.` : "The queries of this release cannot be read.",
    why: "The configuration names it under `database.queries`.",
    next: "Nothing was changed.",
    details: problems.map(
      ({ position: { path, line, column }, text }) => `${spec.queries ?? ""}/${path}:${String(line)}:${String(column)}: ${text}`,
    ),
  });
}

/** A URL may hold a password, so it can be in the environment of the release. */
function shadowUrl({ shadowUrl: given }: DatabaseSpec, env: Readonly<Record<string, string>>): string | null {
  if (given === undefined) return null;
  return given.startsWith("env:") ? (env[given.slice("env:".length)] ?? null) : given;
}
