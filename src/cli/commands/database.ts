import { writeFile } from "node:fs/promises";
import type { Command } from "commander";
import { HitlessError } from "../../base/error.ts";
import type { DatabaseTarget } from "../host.ts";
import type { Register } from "../register.ts";
import { githubAnnotations, renderDatabaseStatus, renderPlan, sarif } from "../render/plan.ts";
import type { CommonOptions, Session } from "../session.ts";

interface PlanOptions extends CommonOptions {
  readonly url?: string;
  readonly sql?: boolean;
}

interface LintOptions extends CommonOptions {
  readonly url?: string;
  readonly format?: string;
}

const FORMATS = ["text", "json", "sarif", "github"];

/** The database of the app that is configured here; none of these needs a daemon. */
export function registerDatabase(program: Command, run: Register): void {
  const db = program.command("db").description("the database: plan, lint, look, finish or take back what releases bring");
  run(
    db
      .command("plan")
      .description("what the migrations and procedures here would do; ends with 3 if something is refused")
      .option("--url <url>", "the database (default: what the processes get)")
      .option("--sql", "show the SQL of each step"),
    ["hitless db plan", "hitless db plan --sql", "hitless db plan --url postgres://127.0.0.1/shop --json"],
    showPlan,
  );
  run(
    db
      .command("lint")
      .description("what cannot be made safe in the migrations that the database does not have; ends with 3 if there is any")
      .option("--url <url>", "the database (default: what the processes get)")
      .option("--format <format>", "text, json, sarif or github"),
    ["hitless db lint", "hitless db lint --format sarif > hitless.sarif", "hitless db lint --format github"],
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
    db.command("contract").description("remove what only older releases used, now; refused while one is connected"),
    ["hitless db contract"],
    (session) => change(session, "contract"),
  );
  run(
    db
      .command("undo")
      .description("take back what the newest release brought; refused while it is connected, or after its contract"),
    ["hitless db undo"],
    (session) => change(session, "undo"),
  );
}

async function showPlan(session: Session, { url, sql }: PlanOptions): Promise<void> {
  const { target: database, directory } = await target(session, url);
  const report = await session.host.database.plan({ ...database, directory });
  if (session.wantsJson) session.output.json(report);
  else for (const line of renderPlan(report, session.output, sql === true)) session.output.line(line);
  if (report.refusals.length > 0) throw refused(report.refusals.length);
}

async function lint(session: Session, { url, format = session.wantsJson ? "json" : "text" }: LintOptions): Promise<void> {
  if (!FORMATS.includes(format)) {
    throw new HitlessError({
      code: "ERR_USAGE",
      what: `--format ${format} is not valid.`,
      why: `It is one of ${FORMATS.join(", ")}.`,
    });
  }
  const { target: database, directory } = await target(session, url);
  const report = await session.host.database.plan({ ...database, directory });
  const files = database.spec.migrations ?? database.spec.procedures ?? ".";
  if (format === "sarif") session.output.json(sarif(report, files));
  else if (format === "json") session.output.json({ refusals: report.refusals, notices: report.notices });
  else if (format === "github") for (const line of githubAnnotations(report, files)) session.output.line(line);
  else for (const line of renderPlan({ ...report, steps: [] }, session.output, false)) session.output.line(line);
  if (report.refusals.length > 0) throw refused(report.refusals.length);
}

async function guidelines(session: Session, _options: CommonOptions, file?: string): Promise<void> {
  const text = await session.host.database.guidelines();
  if (file === undefined) session.output.raw(text);
  else await writeFile(file, text);
}

async function change(session: Session, what: "contract" | "undo"): Promise<void> {
  const { target: database } = await target(session);
  const done = await session.host.database[what](database, (text) => {
    session.output.note(text);
  });
  if (session.wantsJson) session.output.json({ done });
  else session.output.line(done);
}

async function target(session: Session, url?: string): Promise<{ readonly target: DatabaseTarget; readonly directory: string }> {
  const { spec, env, source } = await session.config();
  if (spec.database === undefined) {
    throw new HitlessError({
      code: "ERR_USAGE",
      what: `${spec.app} has no database in its configuration.`,
      next: 'Add `database: { migrations: "migrations" }`; docs/database.md shows how.',
    });
  }
  const { variable } = spec.database;
  const found = url ?? Object.values(env).find((values) => values[variable] !== undefined)?.[variable];
  if (found === undefined) {
    throw new HitlessError({
      code: "ERR_USAGE",
      what: `No process has a variable ${variable}.`,
      next: "Set it under `env`, or name the database with --url.",
    });
  }
  return { target: { app: spec.app, url: found, spec: spec.database }, directory: source };
}

function refused(count: number): HitlessError {
  return new HitlessError({
    code: "ERR_DATABASE_REFUSED",
    what: `${String(count)} statement${count === 1 ? "" : "s"} cannot be made safe as written.`,
    next: "A deployment would stop before anything starts.",
  });
}
