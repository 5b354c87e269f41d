import { canBeWritten } from "../faithful.ts";
import { child, children, openedList, optionNamed, text, words } from "../ast.ts";
import type { Catalog } from "../catalog.ts";
import { SqlSyntaxError, type Node, type SqlLanguage } from "../language.ts";
import { ident, qualified, rangeName } from "../names.ts";
import type { Migration, SourceFile } from "../source/migrations.ts";
import type { SourceProblem } from "../source/position.ts";
import { readStatements, type SourceStatement } from "../source/statements.ts";
import type { Action, Plan } from "./action.ts";
import { alterTable, renameInTable, renameTable } from "./alter-table.ts";
import { PlanDraft } from "./draft.ts";
import { finishTable } from "./finish.ts";
import { createIndex, dropIndex, droppedNames, reindex, renameIndex } from "./indexes.ts";
import { createTrigger, dropOnTable, finishBrought, REFUSED, runAsWritten, runOnce } from "./objects.ts";
import type { Leftover } from "./leftovers.ts";
import { make, undoOf } from "./making.ts";
import { refuseRewrite } from "./move-over.ts";
import { planElsewhere } from "./other-schemas.ts";
import { isPutOff, namesMade, planPutOff } from "./put-off.ts";
import { wantedRoutine, type WantedRoutine } from "./routine-text.ts";
import { planRoutinesAndViews } from "./routines-and-views.ts";
import { createNew, dropRoutines } from "./routines.ts";
import { changeRows, createTable, dropTables, truncate } from "./tables.ts";
import { alterDomain, alterEnum, renameType } from "./user-types.ts";
import { copyConstraints, copyIndexes } from "./twin-objects.ts";
import { dropViews, refreshView, wantedView, type WantedView } from "./views.ts";

export interface PlanRequest {
  readonly app: string;
  /** The number of the release that brings the changes. */
  readonly release: number;
  readonly catalog: Catalog;
  readonly language: SqlLanguage;
  /** Those that the database does not have yet, in their order. */
  readonly migrations: readonly Migration[];
  /** Routines and views as this release wants them; null: there is no such directory. */
  readonly procedures: readonly SourceFile[] | null;
  /** What releases that were taken back have left. */
  readonly kept?: readonly Leftover[] | undefined;
  /** Sums of procedures (as in Plan) that an earlier release has brought, which stand beside the base still: they are not planned again. */
  readonly standing?: readonly string[] | undefined;
  /** The application's client names each table with its schema, as Prisma's does. */
  readonly namesSchemas?: boolean | undefined;
}

export type PlanOutcome =
  { readonly kind: "plan"; readonly plan: Plan } | { readonly kind: "problems"; readonly problems: readonly SourceProblem[] };

interface Wanted {
  readonly created: WantedRoutine[];
  readonly listed: WantedRoutine[];
  readonly views: WantedView[];
  readonly droppedViews: Set<string>;
  /** Names of views and routines that the release makes or changes. */
  readonly made: ReadonlySet<string>;
  /** What is said about them. */
  readonly putOff: SourceStatement[];
}

/** Plain SQL in, a plan out: what to do before this release starts, and what once no older one is left. */
export function planRelease(request: PlanRequest): PlanOutcome {
  const sources = request.migrations.map((migration) => readStatements(request.language, migration));
  const listed = (request.procedures ?? []).map((file) => readStatements(request.language, { path: file.path, sql: file.text }));
  const problems = [...sources, ...listed].flatMap((source) => source.problems);
  if (problems.length > 0) return { kind: "problems", problems };
  const statements = sources.flatMap((source) => source.statements);
  const draft = new PlanDraft({
    ...request,
    syncs: sources.flatMap(({ syncs }) => syncs),
    statements: statements.map(({ text }) => text),
  });
  const made = namesMade([...statements, ...listed.flatMap((source) => source.statements)]);
  const wanted: Wanted = { created: [], listed: [], views: [], droppedViews: new Set(), made, putOff: [] };
  for (const statement of statements) planStatement(draft, statement, wanted);
  const standing = standingPaths(request);
  for (const statement of listed.flatMap(({ statements }) => statements)) {
    listStatement(draft, statement, { wanted, stands: standing.has(statement.position.path) });
  }
  draft.end();
  finish(draft, wanted);
  return { kind: "plan", plan: planOf(request, draft) };
}

function standingPaths({ procedures, standing = [] }: PlanRequest): ReadonlySet<string> {
  const sums = new Set(standing);
  return new Set((procedures ?? []).filter((file) => sums.has(procedureSum(file))).map(({ path }) => path));
}

/** By which a procedure's file is known again, as in Plan. */
export function procedureSum({ path, sha256 }: Pick<SourceFile, "path" | "sha256">): string {
  return `${path} ${sha256}`;
}

function finish(draft: PlanDraft, wanted: Wanted): void {
  for (const table of draft.tables) copyIndexes(draft, table);
  for (const table of draft.tables) copyConstraints(draft, table);
  for (const table of draft.tables) finishTable(draft, table);
  for (const table of draft.tables.filter(({ seenDifferently }) => seenDifferently)) {
    draft.notice(
      "seen-through-view",
      `until the contract this release sees ${table.name.name} through a view: COPY, TRUNCATE, ON CONFLICT ON CONSTRAINT and system columns do not work on it`,
    );
  }
  planRoutinesAndViews(draft, wanted);
  for (const statement of wanted.putOff) {
    draft.resume(statement);
    if (!planPutOff(draft, statement)) HANDLERS[statement.kind]?.(draft, statement.node, wanted);
  }
  draft.end();
}

function planOf({ app, release, migrations }: PlanRequest, draft: PlanDraft): Plan {
  const { actions, swaps, statements } = draft.finish();
  const overlay = actions.some(({ run }) => JSON.stringify(run).includes(draft.overlay)) ? draft.overlay : null;
  return {
    app,
    release,
    overlay,
    baseSchema: draft.schema,
    migrations: migrations.map(({ version, checksum, name }) => ({ version, checksum, name })),
    actions: overlay === null ? actions : [overlayOpens(overlay), ...actions, overlayCloses(overlay)],
    swaps,
    statements,
    refusals: draft.refusals,
    notices: draft.notices,
    adopts: draft.leftovers.adopted,
  };
}

function overlayOpens(overlay: string): Plan["actions"][number] {
  return {
    id: "e0",
    phase: "expand",
    title: `open the overlay ${overlay}`,
    run: {
      kind: "transaction",
      sql: [`CREATE SCHEMA IF NOT EXISTS ${ident(overlay)}`, `GRANT USAGE ON SCHEMA ${ident(overlay)} TO PUBLIC`],
    },
    table: null,
    lock: null,
    work: "instant",
    undo: [`DROP SCHEMA IF EXISTS ${ident(overlay)}`],
    cause: null,
  };
}

function overlayCloses(overlay: string): Plan["actions"][number] {
  return {
    id: "c0",
    phase: "contract",
    title: `close the overlay ${overlay}`,
    run: { kind: "transaction", sql: [`DROP SCHEMA IF EXISTS ${ident(overlay)}`] },
    table: null,
    lock: null,
    work: "instant",
    undo: [],
    cause: null,
  };
}

/** The directory of procedures holds routines and views, and nothing else. */
function listStatement(
  draft: PlanDraft,
  statement: SourceStatement,
  { wanted, stands }: { readonly wanted: Wanted; readonly stands: boolean },
): void {
  draft.begin(statement);
  if (!canBeWritten(draft.language, statement)) refuseUnwritable(draft);
  else if (planElsewhere(draft, statement)) return;
  else if (statement.kind === "CreateFunctionStmt")
    wanted.listed.push({ ...wantedRoutine(draft.language, statement.node), stands });
  else if (statement.kind === "ViewStmt") wanted.views.push({ ...wantedView(statement.node), stands });
  else if (statement.kind === "CommentStmt") {
    if (stands) return;
    if (isPutOff(statement, wanted.made)) wanted.putOff.push(statement);
    else runAsWritten(draft, { title: "comment" });
  } else
    draft.refuse("not-a-procedure", "the directory of procedures holds functions, procedures and views as they should be", [
      "-- put it into a migration",
    ]);
}

type Handler = (draft: PlanDraft, node: Node, wanted: Wanted) => void;
const asWritten =
  (title: string, options: Partial<Parameters<typeof runAsWritten>[1]> = {}): Handler =>
  (draft) => {
    const node = draft.statement.node;
    runAsWritten(draft, { title, undo: undoOf(draft.statement.kind, node, draft.schema), ...options });
  };
const making =
  (title: string, work?: Action["work"]): Handler =>
  (draft) => {
    make(draft, title, work);
  };
const rows =
  (kind: "InsertStmt" | "UpdateStmt" | "DeleteStmt"): Handler =>
  (draft, node) => {
    changeRows(draft, kind, node);
  };

const HANDLERS: Readonly<Record<string, Handler>> = {
  AlterTableStmt: alterTable,
  RenameStmt: rename,
  AlterObjectSchemaStmt: changeSchema,
  CreateStmt: createTable,
  DropStmt: drop,
  IndexStmt: (draft, node) => {
    const name = rangeName(child(node, "relation"), draft.schema);
    const table = draft.table(name);
    const title = "build an index of a new table";
    if (table === null) runAsWritten(draft, { title });
    else if (table.base === null) finishBrought(draft, table, title, draft.statement.text);
    else createIndex(draft, table, node);
  },
  ReindexStmt: reindex,
  TruncateStmt: truncate,
  RefreshMatViewStmt: refreshView,
  CreateFunctionStmt: (draft, node, wanted) => {
    const routine = wantedRoutine(draft.language, node);
    if (!createNew(draft, routine)) wanted.created.push(routine);
  },
  ViewStmt: (_, node, wanted) => {
    wanted.views.push(wantedView(node));
  },
  CreateTableAsStmt: making("make a table from a query", "scan"),
  CreateTrigStmt: createTrigger,
  AlterEnumStmt: alterEnum,
  AlterDomainStmt: alterDomain,
  CreateEnumStmt: making("make an enum"),
  CompositeTypeStmt: making("make a type"),
  CreateRangeStmt: making("make a range type"),
  CreateDomainStmt: making("make a domain"),
  CreateSeqStmt: making("make a sequence"),
  AlterSeqStmt: asWritten("change a sequence"),
  CreateSchemaStmt: making("make a schema"),
  CreateExtensionStmt: making("make an extension"),
  AlterExtensionStmt: asWritten("change an extension"),
  CommentStmt: asWritten("comment", { lock: "SHARE UPDATE EXCLUSIVE" }),
  CreatePolicyStmt: (draft, node, wanted) => {
    draft.policed.add(qualified(rangeName(child(node, "table"), draft.schema)));
    asWritten("make a policy", { lock: "ACCESS EXCLUSIVE" })(draft, node, wanted);
  },
  AlterPolicyStmt: asWritten("change a policy", { lock: "ACCESS EXCLUSIVE", phase: "contract" }),
  GrantStmt: (draft, node) => {
    runAsWritten(draft, {
      title: node["is_grant"] === true ? "grant" : "revoke",
      phase: node["is_grant"] === true ? "expand" : "contract",
    });
  },
  GrantRoleStmt: asWritten("change a role's members"),
  AlterOwnerStmt: asWritten("change an owner"),
  AlterDefaultPrivilegesStmt: asWritten("change default privileges"),
  CreateStatsStmt: asWritten("make statistics", { lock: "SHARE UPDATE EXCLUSIVE" }),
  CreatePublicationStmt: asWritten("make a publication"),
  AlterPublicationStmt: asWritten("change a publication"),
  CreateRoleStmt: making("make a role"),
  CreateAggregateStmt: making("make an aggregate"),
  DefineStmt: making("define"),
  CreateCastStmt: making("make a cast"),
  AlterFunctionStmt: asWritten("change a function", { phase: "contract" }),
  InsertStmt: rows("InsertStmt"),
  UpdateStmt: rows("UpdateStmt"),
  DeleteStmt: rows("DeleteStmt"),
  SelectStmt: (draft) => {
    runOnce(draft, "run a query");
  },
  VacuumStmt: vacuum,
  ClusterStmt: (draft, node) => {
    rewrite(draft, child(node, "relation"));
  },
  VariableSetStmt: () => undefined,
};

function planStatement(draft: PlanDraft, statement: SourceStatement, wanted: Wanted): void {
  draft.begin(statement);
  const refused = REFUSED[statement.kind];
  const handler = HANDLERS[statement.kind];
  try {
    if (refused !== undefined) refuseKind(draft, refused);
    else if (!canBeWritten(draft.language, statement)) refuseUnwritable(draft);
    else if (planElsewhere(draft, statement)) return;
    else if (isPutOff(statement, wanted.made)) wanted.putOff.push(statement);
    else if (handler !== undefined) handler(draft, statement.node, wanted);
    else
      draft.refuse(
        "not-known",
        `what ${statement.kind.replace(/Stmt$/, "")} does to an application in use is not known to Hitless`,
        [],
      );
  } catch (error) {
    if (!(error instanceof SqlSyntaxError)) throw error;
    draft.refuse("annotation", `an expression cannot be read: ${error.message}`, []);
  }
}

function refuseKind(draft: PlanDraft, [rule, why, write]: (typeof REFUSED)[string]): void {
  if (draft.accepts(rule)) runAsWritten(draft, { title: "run as it is written" });
  else draft.refuse(rule, why, [...write, `-- or: -- hitless: accept ${rule} because <reason>`]);
}

function refuseUnwritable(draft: PlanDraft): void {
  draft.refuse(
    "not-known",
    "Hitless cannot write this statement for another schema without losing a part of it: a form of PostgreSQL's that it does not know",
    ["-- say the same in another form: for example the type itself in place of table.column%TYPE"],
  );
}

function rename(draft: PlanDraft, node: Node): void {
  const kind = text(node, "renameType");
  if (kind === "OBJECT_COLUMN" || kind === "OBJECT_TABCONSTRAINT" || kind === "OBJECT_TRIGGER") renameInTable(draft, node);
  else if (kind === "OBJECT_TABLE") {
    const from = rangeName(child(node, "relation"), draft.schema);
    renameTable(draft, from, { schema: from.schema, name: text(node, "newname") });
  } else if (kind === "OBJECT_INDEX") renameIndex(draft, node);
  else if (
    kind === "OBJECT_SEQUENCE" ||
    kind === "OBJECT_FUNCTION" ||
    kind === "OBJECT_PROCEDURE" ||
    kind === "OBJECT_VIEW" ||
    kind === "OBJECT_POLICY"
  ) {
    runAsWritten(draft, { title: "rename", phase: "contract" });
  } else if (kind === "OBJECT_TYPE" || kind === "OBJECT_DOMAIN") renameType(draft, node);
  else {
    draft.refuse("rename", "queries of the running release that name it would fail at once", [
      "-- make a new one beside it in this release, and drop the old one in a later one",
    ]);
  }
}

/** #14 */
function changeSchema(draft: PlanDraft, node: Node): void {
  const from = rangeName(child(node, "relation"), draft.schema);
  if (text(node, "objectType") === "OBJECT_TABLE") renameTable(draft, from, { schema: text(node, "newschema"), name: from.name });
  else runAsWritten(draft, { title: "change a schema", phase: "contract" });
}

const DROPS: Readonly<Record<string, Handler>> = {
  OBJECT_TABLE: dropTables,
  OBJECT_INDEX: (draft, node) => {
    for (const name of droppedNames(node, draft.schema)) dropIndex(draft, name, node["missing_ok"] === true);
  },
  OBJECT_VIEW: dropSeen,
  OBJECT_MATVIEW: dropSeen,
  OBJECT_FUNCTION: dropRoutines,
  OBJECT_PROCEDURE: dropRoutines,
  OBJECT_ROUTINE: dropRoutines,
  OBJECT_TRIGGER: dropOnTable,
  OBJECT_POLICY: dropOnTable,
  OBJECT_RULE: dropOnTable,
};

function dropSeen(draft: PlanDraft, node: Node, wanted: Wanted): void {
  for (const { name } of droppedNames(node, draft.schema)) wanted.droppedViews.add(name);
  dropViews(draft, node);
}

function drop(draft: PlanDraft, node: Node, wanted: Wanted): void {
  if (text(node, "behavior") === "DROP_CASCADE") {
    draft.refuse(
      "cascade",
      "CASCADE drops what nobody has named: PostgreSQL's refusal is the last fence for what is still used",
      [draft.statement.text.replace(/\s+CASCADE\s*$/i, "") + ";"],
    );
    return;
  }
  const handler = DROPS[text(node, "removeType")];
  if (handler !== undefined) handler(draft, node, wanted);
  else {
    const name = words(children(openedList(node, "objects")[0]?.node ?? {}, "items")).join(".");
    runAsWritten(draft, { title: `drop ${name}`.trim(), phase: "contract" });
  }
}

/** #44 */
function rewrite(draft: PlanDraft, relation: Node | null): void {
  if (draft.accepts("rewrite")) runAsWritten(draft, { title: "run as it is written" });
  else refuseRewrite(draft, relation === null ? null : rangeName(relation, draft.schema), { repack: true });
}

/** #44 */
function vacuum(draft: PlanDraft, node: Node): void {
  if (optionNamed(node, "options", "full") !== null) {
    rewrite(draft, child(openedList(node, "rels")[0]?.node ?? {}, "relation"));
    return;
  }
  draft.act({
    stage: "check",
    phase: draft.phase("expand"),
    title: "vacuum or analyze",
    run: { kind: "alone", sql: draft.statement.text, done: "SELECT false AS done" },
    table: null,
    lock: "SHARE UPDATE EXCLUSIVE",
    work: "scan",
  });
}
