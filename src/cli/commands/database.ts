import { writeFile } from "node:fs/promises";
import type { Command } from "commander";
import { HitlessError } from "../../base/error.ts";
import type { PlanReport } from "../../api/database.ts";
import { loadLintProfile } from "../../config/lint-profile.ts";
import type { DatabaseTarget } from "../host.ts";
import type { Register } from "../register.ts";
import { renderDatabaseDiff } from "../render/database-diff.ts";
import { findingsOf, githubAnnotations, renderFindings, sarif } from "../render/findings.ts";
import { renderDatabaseStatus, renderPlan } from "../render/plan.ts";
import type { CommonOptions, Session } from "../session.ts";

export interface TrialOptions extends CommonOptions {
  readonly url?: string;
  readonly shadowUrl?: string;
  /** False with `--no-shadow`. */
  readonly shadow?: boolean;
  readonly running?: string;
}

interface PlanOptions extends TrialOptions {
  readonly sql?: boolean;
}

interface LintOptions extends TrialOptions {
  readonly profile?: string;
  readonly format?: string;
}

const FORMATS = ["text", "json", "sarif", "github"];

/** The database of the app that is configured here; none of these needs a daemon. */
export function registerDatabase(program: Command, run: Register): void {
  const db = program.command("db").description("the database: plan, lint, look, finish or take back what releases bring");
  run(
    tried(db.command("plan"))
      .description("what the migrations and procedures here would do, tried on a copy; ends with 3 if something is refused")
      .option("--sql", "show the SQL of each step"),
    ["hitless db plan", "hitless db plan --sql", "hitless db plan --running queries/released --json"],
    showPlan,
  );
  run(
    tried(db.command("lint"))
      .description("what there is to say of the migrations that the database does not have; ends with 3 if anything is an error")
      .option("--format <format>", "text, json, sarif or github")
      .option("--profile <file>", "which rules are errors, warnings, notices or off, and where (default: hitless.lint.yaml)"),
    ["hitless db lint", "hitless db lint --format sarif > hitless.sarif", "hitless db lint --format github --profile ci.yaml"],
    lint,
  );
  run(
    db.command("guidelines [file]").description("the guidelines for SQL, in Markdown"),
    ["hitless db guidelines docs/sql.md"],
    guidelines,
  );
  run(
    db.command("status").description("what releases brought, who is connected, and what waits"),
    ["hitless db status"],
    async (session) => {
      const status = await session.host.database.status((await target(session)).target);
      if (session.wantsJson) session.output.json(status);
      else for (const line of renderDatabaseStatus(status)) session.output.line(line);
    },
  );
  run(
    db
      .command("diff <release> <other>")
      .description(
        "what two releases find in the database: tables with their columns, views, functions; - the first, + the second",
      ),
    ["hitless db diff r41 r42", "hitless db diff r41 r42 --json"],
    diff,
  );
  run(
    db
      .command("contract")
      .description("remove what only older releases used, now; refused while one is connected or calls a routine")
      .option("--force", "although clients are connected that do not say of which release they are"),
    ["hitless db contract", "hitless db contract --force"],
    (session, { force }: CommonOptions & { readonly force?: boolean }) => change(session, "contract", force === true),
  );
  run(
    db
      .command("undo")
      .description("take back what the newest release brought; refused while it is connected, or after its contract"),
    ["hitless db undo"],
    (session) => change(session, "undo"),
  );
}

/** With the options of a trial on a copy. */
export function tried(command: Command): Command {
  return command
    .option("--url <url>", "the database, which is only read (default: what the processes get)")
    .option("--shadow-url <url>", "a PostgreSQL for the copy (default: database.shadowUrl, or one in this process)")
    .option("--no-shadow", "judge by the rules alone")
    .option("--running <directory>", "SQL files with what the running release sends, beside pg_stat_statements");
}

/** What the database lacks, and which it is. */
export interface Planned {
  readonly report: PlanReport;
  readonly target: DatabaseTarget;
}

/** For the release here. */
export async function reportOf(session: Session, options: TrialOptions): Promise<Planned> {
  const { target: database, directory, env } = await target(session, options.url);
  const { shadowUrl = database.spec.shadowUrl } = options;
  const spec = { ...database.spec, ...(shadowUrl === undefined ? {} : { shadowUrl }) };
  const { running = null, shadow = true } = options;
  return {
    report: await session.host.database.plan({ ...database, spec, directory, env, running, tried: shadow }),
    target: database,
  };
}

async function showPlan(session: Session, { sql, ...options }: PlanOptions): Promise<void> {
  const { report } = await reportOf(session, options);
  if (session.wantsJson) session.output.json(report);
  else for (const line of renderPlan(report, session.output, sql === true)) session.output.line(line);
  if (report.refusals.length > 0) throw refused(report.refusals.length);
  // The role of a URL that is named here need not be the one that deploys.
  if (report.missing.length > 0 && options.url === undefined) throw lacks(report.missing.length);
}

async function lint(session: Session, { format = session.wantsJson ? "json" : "text", ...options }: LintOptions): Promise<void> {
  if (!FORMATS.includes(format)) {
    throw new HitlessError({
      code: "ERR_USAGE",
      what: `--format ${format} is not valid.`,
      why: `It is one of ${FORMATS.join(", ")}.`,
    });
  }
  const profile = await loadLintProfile(session.host.cwd, options.profile ?? null);
  const findings = findingsOf((await reportOf(session, options)).report, profile);
  if (format === "sarif") session.output.json(sarif(findings));
  else if (format === "json") session.output.json({ findings });
  else if (format === "github") for (const line of githubAnnotations(findings)) session.output.line(line);
  else for (const line of renderFindings(findings, session.output)) session.output.line(line);
  const errors = findings.filter(({ severity }) => severity === "error").length;
  if (errors > 0) throw unfit(errors);
}

async function guidelines(session: Session, _options: CommonOptions, file?: string): Promise<void> {
  const text = await session.host.database.guidelines();
  if (file === undefined) session.output.raw(text);
  else await writeFile(file, text);
}

async function diff(session: Session, _options: CommonOptions, release: string, other: string): Promise<void> {
  const found = await session.host.database.diff((await target(session)).target, [release, other]);
  if (session.wantsJson) session.output.json(found);
  else for (const line of renderDatabaseDiff(found, session.output)) session.output.line(line);
}

async function change(session: Session, what: "contract" | "undo", force = false): Promise<void> {
  const { target: database } = await target(session);
  const note = (text: string): void => {
    session.output.note(text);
  };
  const done = await session.host.database[what]({ ...database, force }, note);
  if (session.wantsJson) session.output.json({ done });
  else session.output.line(done);
}

interface Target {
  readonly target: DatabaseTarget;
  readonly directory: string;
  /** Variables of all processes. */
  readonly env: Readonly<Record<string, string>>;
}

async function target(session: Session, url?: string): Promise<Target> {
  const { spec, env, source } = await session.config();
  if (spec.database === undefined) {
    throw new HitlessError({
      code: "ERR_USAGE",
      what: `${spec.app} has no database in its configuration.`,
      next: 'Add `database: { migrations: "migrations" }`; docs/database.md shows how.',
    });
  }
  const { database } = spec;
  const variable = database.directVariable ?? database.variable;
  const found = url ?? Object.values(env).find((values) => values[variable] !== undefined)?.[variable];
  if (found === undefined) {
    throw new HitlessError({
      code: "ERR_USAGE",
      what: `No process has a variable ${variable}.`,
      next: "Set it under `env`, or name the database with --url.",
    });
  }
  const variables = Object.assign({}, ...Object.values(env)) as Target["env"];
  return { target: { app: spec.app, url: found, spec: database }, directory: source, env: variables };
}

function unfit(errors: number): HitlessError {
  return new HitlessError({
    code: "ERR_DATABASE_REFUSED",
    what: `${String(errors)} finding${errors === 1 ? " is an error" : "s are errors"}.`,
    next: "Correct the SQL, or judge the rule otherwise in hitless.lint.yaml. A deployment refuses what cannot be made safe, whatever the profile says.",
  });
}

function lacks(count: number): HitlessError {
  return new HitlessError({
    code: "ERR_DATABASE_PRIVILEGE",
    what: `The database role lacks ${count === 1 ? "a privilege" : `${String(count)} privileges`}.`,
    next: "A deployment would stop before anything is changed.",
  });
}

export function refused(count: number): HitlessError {
  return new HitlessError({
    code: "ERR_DATABASE_REFUSED",
    what: `${String(count)} statement${count === 1 ? "" : "s"} cannot be made safe as written.`,
    next: "A deployment would stop before anything starts.",
  });
}
