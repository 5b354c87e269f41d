import type { Rng } from "../../../../src/base/rng.ts";
import type { PlainStep, Side, SideColumn, TableChange } from "./table-change.ts";

/** A routine that sets one column of one row, as one release has it. */
export interface TableRoutine {
  readonly name: string;
  readonly sql: string;
  readonly column: string;
  /** What it adds to the value that it is given. */
  readonly shift: number;
  readonly call: (id: number, value: number | null) => string;
  /** Whether it answers with what it has written. */
  readonly answers: boolean;
}

/** What a release makes of it: under one name, everything else may be another. */
interface RoutineForm {
  readonly language: "plpgsql" | "sql" | "pinned" | "definer" | "bound";
  readonly sort: "function" | "procedure";
  readonly returns: "int" | "bigint" | "text" | "TABLE (given text)" | "void";
  readonly parameters: "key first" | "value first" | "one more";
  readonly shift: number;
}

interface Place {
  readonly table: string;
  readonly key: string;
  readonly column: string;
}

function randomForm(rng: Rng): RoutineForm {
  return {
    language: rng.pick(["plpgsql", "sql", "pinned", "definer", "bound", "bound"]),
    sort: rng.pick(["function", "function", "function", "procedure"]),
    returns: rng.pick(["int", "bigint", "text", "TABLE (given text)", "void"]),
    parameters: rng.pick(["key first", "key first", "value first", "one more"]),
    shift: rng.between(0, 2),
  };
}

const PARAMETERS: Readonly<Record<RoutineForm["parameters"], string>> = {
  "key first": "which int, val int",
  "value first": "val int, which int",
  "one more": "which int, val int, more int",
};
const OPTIONS: Readonly<Record<RoutineForm["language"], string>> = {
  plpgsql: "LANGUAGE plpgsql",
  sql: "LANGUAGE sql",
  pinned: "LANGUAGE sql SET search_path = public, pg_temp",
  bound: "LANGUAGE sql",
  definer: "LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp",
};

/** The routine as a developer of the release writes it. */
function routineOf(name: string, form: RoutineForm, place: Place): TableRoutine {
  const { sort, returns, parameters, shift } = form;
  const answers = sort === "function" && returns !== "void";
  const result = sort === "procedure" ? "" : ` RETURNS ${returns}`;
  const values = (id: number, value: number | null): string => {
    const given = [id, value ?? "NULL"];
    return (parameters === "value first" ? given.toReversed() : parameters === "one more" ? [...given, 0] : given).join(", ");
  };
  return {
    name,
    sql: `CREATE ${sort.toUpperCase()} ${name}(${PARAMETERS[parameters]})${result} ${OPTIONS[form.language]} ${body(form, place)};`,
    column: place.column,
    shift,
    answers,
    call: (id, value) =>
      sort === "procedure" ? `CALL ${name}(${values(id, value)})` : `SELECT * FROM ${name}(${values(id, value)}) AS given`,
  };
}

function body({ language, sort, returns, shift }: RoutineForm, { table, key, column }: Place): string {
  const type = returns === "TABLE (given text)" ? "text" : returns;
  const update = `UPDATE ${table} SET ${column} = val + ${String(shift)} WHERE ${key} = which`;
  const read = `SELECT ${column}::numeric::${type === "text" ? "bigint::text" : type} FROM ${table} WHERE ${key} = which`;
  const answers = sort === "function" && returns !== "void";
  if (language === "plpgsql" || language === "definer") {
    const answer = !answers ? "" : returns.startsWith("TABLE") ? ` RETURN QUERY ${read};` : ` RETURN (${read});`;
    return `AS $$ BEGIN ${update};${answer} END $$`;
  }
  const statements = [update, ...(answers ? [read] : [])].map((statement) => `${statement};`).join(" ");
  return language === "bound" ? `BEGIN ATOMIC ${statements} END` : `AS $$ ${statements} $$`;
}

/** One routine of a table through all its releases: as each of them has it. */
export function routinesOf(rng: Rng, name: string, steps: readonly PlainStep[]): readonly Record<Side, TableRoutine>[] {
  let form = randomForm(rng);
  let column = "s0";
  return steps.map(({ names, key, changes }, place) => {
    const old = routineOf(name, form, { table: names.old, key: key.old, column });
    if (place === steps.length - 1) return { old, next: old };
    if (rng.chance(0.5)) form = randomForm(rng);
    column = followed(rng, changes, column);
    return { old, next: routineOf(name, form, { table: names.next, key: key.next, column }) };
  });
}

/** The column under the name that it has now; another one where it is gone, and sometimes else. */
function followed(rng: Rng, changes: readonly TableChange[], column: string): string {
  const next = changes.find(({ old }) => old.some(({ name }) => name === column))?.next[0]?.name ?? "s0";
  const others = changes.flatMap((change) => change.next).filter(holdsAnything);
  return rng.chance(0.4) ? (others[rng.between(0, others.length - 1)]?.name ?? next) : next;
}

const holdsAnything = ({ type, numeric, distinct, parent, name }: SideColumn): boolean =>
  name.startsWith("s") || (type !== undefined && numeric !== true && distinct !== true && parent === undefined);
