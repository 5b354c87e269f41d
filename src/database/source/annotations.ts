import { RULE_IDS } from "../rules/rule-ids.ts";
import { lineComments } from "./comments.ts";
import { positionsIn, type Position, type SourceProblem } from "./position.ts";

/** What a developer says where nothing can be inferred: `-- hitless: …` in the SQL. */
export type Annotation =
  | Sync
  | { readonly kind: "phase"; readonly phase: "expand" | "contract"; readonly position: Position; readonly offset: number }
  | {
      readonly kind: "accept";
      /** The id of the rule whose hazard is taken. */
      readonly rule: string;
      readonly because: string;
      readonly position: Position;
      readonly offset: number;
    };

export interface Sync {
  /** `up`: the new release's column from the old row; `down`: the old release's column from the new row. */
  readonly kind: "up" | "down";
  readonly table: string;
  readonly column: string;
  /** An SQL expression over the columns of the row. */
  readonly expression: string;
  readonly position: Position;
  readonly offset: number;
}

const PREFIX = /^hitless:\s*/;
/** Plain, or quoted with whatever is between. */
const NAME = String.raw`(?:"(?:[^"]|"")+"|[\p{L}_][\p{L}\p{N}_$]*)`;
const SYNC = new RegExp(String.raw`^(up|down)\s+(${NAME}(?:\.${NAME})?)\.(${NAME})\s*=\s*(\S[\s\S]*)$`, "u");
const PHASE = /^phase\s*=\s*(expand|contract)$/;
const ACCEPT = /^accept\s+([\w-]+)\s+because\s+(\S.*)$/;
export const ANNOTATION_FORMS =
  "`up TABLE.COLUMN = EXPRESSION`, `down TABLE.COLUMN = EXPRESSION`, `phase=expand`, `phase=contract`, `accept RULE because REASON`";

export function readAnnotations(
  path: string,
  sql: string,
): { readonly annotations: readonly Annotation[]; readonly problems: readonly SourceProblem[] } {
  const annotations: Annotation[] = [];
  const problems: SourceProblem[] = [];
  const positionOf = positionsIn(path, sql);
  for (const comment of lineComments(sql)) {
    if (!PREFIX.test(comment.text)) continue;
    const position = positionOf(comment.offset);
    const annotation = readOne(comment.text.replace(PREFIX, "").replace(/;$/, ""), position, comment.offset);
    if (annotation === null) problems.push({ position, text: `not understood: "${comment.text}". Forms: ${ANNOTATION_FORMS}` });
    else if (annotation.kind === "accept" && !isRule(annotation.rule))
      problems.push({ position, text: unknownRule(annotation.rule) });
    else annotations.push(annotation);
  }
  return { annotations, problems };
}

function isRule(name: string): boolean {
  return RULE_IDS.some((rule) => rule === name);
}

function unknownRule(name: string): string {
  return `there is no rule "${name}"; a refusal or notice names its rule in brackets. Rules: ${RULE_IDS.join(", ")}`;
}

function readOne(said: string, position: Position, offset: number): Annotation | null {
  const sync = SYNC.exec(said);
  if (sync !== null) {
    const [, kind, table = "", column = "", expression = ""] = sync;
    return {
      kind: kind === "up" ? "up" : "down",
      table: unquoted(table),
      column: unquoted(column),
      expression: expression.trim(),
      position,
      offset,
    };
  }
  const phase = PHASE.exec(said);
  if (phase !== null) return { kind: "phase", phase: phase[1] === "expand" ? "expand" : "contract", position, offset };
  const accept = ACCEPT.exec(said);
  if (accept !== null) return { kind: "accept", rule: accept[1] ?? "", because: accept[2] ?? "", position, offset };
  return null;
}

/** As PostgreSQL reads a name: folded to lower case unless it is quoted. */
function unquoted(name: string): string {
  return (name.match(new RegExp(NAME, "gu")) ?? [])
    .map((part) => (part.startsWith('"') ? part.slice(1, -1).replaceAll('""', '"') : part.toLowerCase()))
    .join(".");
}
