import { tableOf, type Catalog, type Column, type Table } from "../catalog.ts";
import type { Node, SqlLanguage } from "../language.ts";
import type { RuleId } from "../rules/rule-ids.ts";
import { overlaySchema, qualified, type ObjectName } from "../names.ts";
import type { Sync } from "../source/annotations.ts";
import type { Position } from "../source/position.ts";
import type { SourceStatement } from "../source/statements.ts";
import type { Action, Notice, Plan, Refusal } from "./action.ts";
import { Leftovers, type Leftover } from "./leftovers.ts";
import { annotatedAs, noticesOfUnheard } from "./unheard.ts";

/** When, inside of a phase, an action runs: what fills comes after what keeps in step, what checks after what fills. */
export const STAGES = [
  "shape",
  "sync",
  "fill",
  "check",
  "overlay",
  "unview",
  "swap",
  "flatten",
  "unbind",
  "drop",
  "tidy",
] as const;
export type Stage = (typeof STAGES)[number];

/** A column as the new release sees it. */
export interface SeenColumn {
  readonly name: string;
  /** The column of the base table it stands for, until the contract gives that its name. */
  readonly physical: string;
  readonly type: string;
  readonly notNull: boolean;
  /** Its numbers are drawn for the column of which it is the twin. */
  readonly counted?: boolean | undefined;
  /** What an INSERT without it gets in the new release, where that is not what the base table gives. */
  readonly viewDefault?: string | null | undefined;
}

/** Keeps one column computed from others, for as long as two releases write. */
export interface SyncRule {
  /** `up` fills a column of the new release, `down` one of the old. */
  readonly direction: "up" | "down";
  readonly target: string;
  readonly targetType: string;
  /** Over columns by the names in `names`, which are those of the base. */
  readonly value: Node;
  readonly names: ReadonlyMap<string, string>;
  /** Physical columns that it reads, with their types. */
  readonly sources: readonly { readonly name: string; readonly type: string }[];
  /** The columns of the new release by which an INSERT without a known writer is told apart. */
  readonly newColumns: readonly string[];
  /** `fill`: only where the value would be null, and only for writers of old releases. */
  readonly onlyNull?: boolean | undefined;
}

/** What the new release's column is, and how the two are kept in step. */
export interface TwinSpec {
  readonly type: string;
  readonly collation: string | null;
  readonly notNull: boolean;
  /** The new value, over the columns of the old release. */
  readonly up: Node;
  /** The old value, over the columns of the new release. */
  readonly down: Node;
  /** As the default of the new column; null: none. */
  readonly default: string | null;
  /** The new value is the old one in another type. */
  readonly same?: boolean | undefined;
}

/** A table while it is planned: as it is in the base, and as the new release sees it. */
export interface TableDraft {
  /** As it was before this release; null for a table that the release brings. */
  readonly base: Table | null;
  readonly physical: ObjectName;
  name: ObjectName;
  /** In the order of the base table's columns, which is their order after the contract too. */
  columns: SeenColumn[];
  /** Columns of the base, old and added, as they are until the contract: for constraints and indexes. */
  readonly all: Map<string, Column>;
  readonly syncs: SyncRule[];
  /** The new release needs a view of it. */
  seenDifferently: boolean;
  /** Columns of the base that go with the contract, by physical name. */
  readonly dropped: string[];
  /** Constraints of the base that go with the expansion. */
  readonly gone: Set<string>;
  /** Physical columns with the twins that take their places. */
  readonly twins: Map<string, string>;
  /** What each twin was made as, and the last statement that asked for one. */
  twinned: { readonly statement: SourceStatement; readonly specs: ReadonlyMap<string, TwinSpec> } | null;
  /** What takes the names of old indexes and constraints with the contract, and foreign keys of other tables, before `afterSwap`. */
  readonly takeOvers: string[];
  readonly references: string[];
  /** What the contract does in the transaction that drops and renames, before and after that; as a function where a later statement may rename what it names. */
  readonly beforeSwap: string[];
  readonly afterSwap: (string | (() => string))[];
}

export type ActionDraft = Omit<Action, "id" | "cause" | "undo" | "run" | "accepted" | "measured" | "over"> & {
  readonly stage: Stage;
  /** A function: asked when all statements are planned, where a later one may rename what it names. */
  readonly run: Action["run"] | (() => Action["run"]);
  readonly undo?: readonly string[];
  /** What a soft contract does first in place of this; null: it can do nothing of the kind, and so nothing at all. */
  readonly swap?: SwapDraft | null | undefined;
  /** Others of its kind may be one transaction with it. */
  readonly together?: true;
};

/** The base gets the names of the release, and what they replace stays under others. */
export interface SwapDraft {
  readonly sql: readonly string[];
  readonly undo: readonly string[];
  readonly binds?: boolean | undefined;
}

type PlacedDraft = ActionDraft & {
  readonly cause: Position | null;
  /** Whose it is: one, or several that are one step; none: it is Hitless' own need. */
  readonly statements: readonly SourceStatement[];
};

export interface DraftOptions {
  readonly app: string;
  readonly release: number;
  readonly catalog: Catalog;
  readonly language: SqlLanguage;
  readonly syncs: readonly Sync[];
  readonly kept?: readonly Leftover[] | undefined;
  readonly namesSchemas?: boolean | undefined;
  /** Texts of all statements. */
  readonly statements: readonly string[];
}

export class PlanDraft {
  readonly app: string;
  readonly release: number;
  readonly leftovers: Leftovers;
  readonly language: SqlLanguage;
  readonly refusals: Refusal[] = [];
  readonly notices: Notice[] = [];
  readonly syncs: readonly Sync[];
  /** Annotations that a statement has asked for. */
  readonly heard = new Set<Sync>();
  /** The application's client names each table with its schema, and so goes past the overlay. */
  readonly namesSchemas: boolean;
  readonly #tables = new Map<string, TableDraft>();
  readonly #actions: PlacedDraft[] = [];
  readonly #statements: SourceStatement[] = [];
  #statement: SourceStatement | null = null;

  /** Tables for which a policy was made, by their names in SQL. */
  readonly policed = new Set<string>();
  /** Names of routines that the release drops. */
  readonly droppedRoutines = new Set<string>();
  /** Where the views and routines are that the release makes or changes, until its contract. */
  readonly placed = new Map<string, "base" | "overlay">();

  constructor(options: DraftOptions) {
    this.app = options.app;
    this.release = options.release;
    this.leftovers = new Leftovers(options.catalog, options.kept ?? [], options.statements);
    this.language = options.language;
    this.syncs = options.syncs;
    this.namesSchemas = options.namesSchemas === true;
  }

  get overlay(): string {
    return overlaySchema(this.app, this.release);
  }

  /** Without what releases that were taken back have left. */
  get catalog(): Catalog {
    return this.leftovers.catalog;
  }

  get schema(): string {
    return this.catalog.schema;
  }

  begin(statement: SourceStatement): void {
    this.#statement = statement;
    this.#statements.push(statement);
  }

  /** A statement that was put off until others were planned. */
  resume(statement: SourceStatement): void {
    this.#statement = statement;
  }

  /** What follows is Hitless' own need. */
  end(): void {
    this.#statement = null;
  }

  get statement(): SourceStatement {
    if (this.#statement === null) throw new Error("no statement is being planned");
    return this.#statement;
  }

  /** The phase that the developer asked for, or the given one. */
  phase(usual: Action["phase"]): Action["phase"] {
    const said = this.statement.said.find((annotation) => annotation.kind === "phase");
    return said?.kind === "phase" ? said.phase : usual;
  }

  accepts(rule: string): boolean {
    return this.statement.said.some((annotation) => annotation.kind === "accept" && annotation.rule === rule);
  }

  act(action: ActionDraft): void {
    const statement = this.#statement;
    this.#actions.push({ ...action, cause: statement?.position ?? null, statements: statement === null ? [] : [statement] });
  }

  /** One action with that of the statement right before it in the file, where `joined` makes one of both. */
  actTogether(action: ActionDraft, joined: (before: ActionDraft) => ActionDraft | null): void {
    const before = this.#actions.at(-1);
    const last = before?.statements.at(-1);
    const isNext = last !== undefined && last === this.#statements.at(-2) && last.position.path === this.statement.position.path;
    const both = before === undefined || !isNext ? null : joined(before);
    if (before === undefined || both === null) this.act(action);
    else this.#actions.splice(-1, 1, { ...both, cause: before.cause, statements: [...before.statements, this.statement] });
  }

  refuse(rule: RuleId, why: string, write: readonly string[]): void {
    const { position, text } = this.statement;
    this.refusals.push({ rule, position, statement: text, why, write });
  }

  notice(rule: RuleId, text: string): void {
    this.notices.push({ rule, position: this.#statement?.position ?? null, text });
  }

  /** The table by the name that the release gives it; null if there is none. */
  table(name: ObjectName): TableDraft | null {
    const known = [...this.#tables.values()].find((draft) => draft.name.schema === name.schema && draft.name.name === name.name);
    if (known !== undefined) return known;
    const base = tableOf(this.catalog, name);
    if (base === null || this.#tables.has(qualified(name))) return null;
    return this.#keep(draftOf(base, name));
  }

  addTable(name: ObjectName): TableDraft {
    return this.#keep(draftOf(null, name));
  }

  get tables(): readonly TableDraft[] {
    return [...this.#tables.values()];
  }

  #keep(draft: TableDraft): TableDraft {
    this.#tables.set(qualified(draft.physical), draft);
    return draft;
  }

  /** Everything in the order in which it runs. */
  finish(): Pick<Plan, "actions" | "swaps" | "statements"> {
    const made = this.tables.filter(({ base }) => base === null).flatMap(annotatedAs);
    const syncs = [...this.#statements.flatMap(({ own }) => own), ...this.syncs];
    this.notices.push(...noticesOfUnheard(syncs, { heard: this.heard, made }));
    const place = (action: ActionDraft): number => (action.phase === "contract" ? 100 : 0) + STAGES.indexOf(action.stage);
    const ordered = this.#actions.toSorted((one, other) => place(one) - place(other));
    const swappable = ordered.every(canWaitForSwap);
    const swaps: Action[] = [];
    const numbers = { expand: 0, contract: 0 };
    const named = ordered.map(({ stage: _, statements, swap, together: __, ...action }) => ({
      statements,
      swap,
      action: {
        ...action,
        run: typeof action.run === "function" ? action.run() : action.run,
        undo: action.undo ?? [],
        ...(statements.some(({ said }) => said.some(({ kind }) => kind === "accept")) ? { accepted: true } : {}),
        id: `${action.phase === "expand" ? "e" : "c"}${String(++numbers[action.phase])}`,
      },
    }));
    const actions = named.map(({ action, swap }): Action => {
      if (!swappable || swap === undefined || swap === null) return action;
      const id = `s${String(swaps.length + 1)}`;
      const { lock, table, title, cause } = action;
      const run = { kind: "transaction", sql: swap.sql } as const;
      swaps.push({
        id,
        phase: "contract",
        title: `${title}, and keep what that replaces`,
        run,
        table,
        lock,
        work: "instant",
        undo: swap.undo,
        ...(swap.binds === true ? { binds: true } : {}),
        cause,
      });
      return { ...action, over: id };
    });
    const idsOf = new Map<SourceStatement, string[]>(this.#statements.map((statement) => [statement, []]));
    for (const { statements, action } of named) for (const statement of statements) idsOf.get(statement)?.push(action.id);
    return {
      actions,
      ...(swaps.length === 0 ? {} : { swaps }),
      statements: this.#statements.map((statement) => ({
        position: statement.position,
        text: statement.text,
        actions: idsOf.get(statement) ?? [],
      })),
    };
  }
}

function draftOf(base: Table | null, name: ObjectName): TableDraft {
  const columns = base?.columns ?? [];
  return {
    base,
    physical: name,
    name,
    columns: columns.map(({ name: column, type, notNull }) => ({ name: column, physical: column, type, notNull })),
    all: new Map(columns.map((column) => [column.name, column])),
    syncs: [],
    seenDifferently: false,
    dropped: [],
    gone: new Set(),
    twins: new Map(),
    twinned: null,
    takeOvers: [],
    references: [],
    beforeSwap: [],
    afterSwap: [],
  };
}

/** Whether it works on a base that has the release's names already. */
function canWaitForSwap({ phase, stage, swap }: ActionDraft): boolean {
  if (phase === "expand") return true;
  return swap !== null && (stage === "unview" || STAGES.indexOf(stage) >= STAGES.indexOf("swap"));
}

/** The base table's columns under the names that the new release gives them. */
export function physicalNames({ columns }: TableDraft): ReadonlyMap<string, string> {
  return new Map(columns.map(({ name, physical }) => [name, physical]));
}

/** Asked when all statements are planned. */
export function afterSwap({ takeOvers, references, afterSwap: lines }: TableDraft): readonly string[] {
  return [...takeOvers, ...references, ...lines.map((line) => (typeof line === "function" ? line() : line))];
}

export function seenColumn(table: TableDraft, name: string): SeenColumn | null {
  return table.columns.find((column) => column.name === name) ?? null;
}

export function replaceSeen(table: TableDraft, name: string, change: (column: SeenColumn) => SeenColumn): void {
  table.columns = table.columns.map((column) => (column.name === name ? change(column) : column));
}
