import { child, children, found, mapped, opened, text, words } from "../ast.ts";
import type { Node } from "../language.ts";
import type { SourceStatement } from "../source/statements.ts";
import type { PlanDraft } from "./draft.ts";
import { asRelease } from "./look-up.ts";

/** Kinds of statements that say something about an object which is there; for a view or routine of the release that is later than its tables are. */
const ABOUT = new Set(["GrantStmt", "CommentStmt", "AlterOwnerStmt"]);

/** Views and routines that the statements make or change. */
export function namesMade(statements: readonly SourceStatement[]): ReadonlySet<string> {
  return new Set(
    statements.flatMap(({ kind, node }) => {
      if (kind === "ViewStmt") return [text(child(node, "view") ?? {}, "relname")];
      return kind === "CreateFunctionStmt" ? (words(children(node, "funcname")).at(-1) ?? []) : [];
    }),
  );
}

/** Whether a statement is about such an object, and so has to wait until it is known where that will be. */
export function isPutOff({ kind, node }: SourceStatement, made: ReadonlySet<string>): boolean {
  return ABOUT.has(kind) && namesIn(node).some((name) => made.has(name));
}

function namesIn(node: Node): readonly string[] {
  const paths = [
    ...found(node, "RangeVar").map((range) => [text(range, "relname")]),
    ...found(node, "ObjectWithArgs").map((object) => words(children(object, "objname"))),
    ...listed(node).map((path) => (text(node, "objtype") === "OBJECT_COLUMN" ? path.slice(0, -1) : path)),
  ];
  return paths.flatMap((path) => path.at(-1) ?? []);
}

function listed(node: Node): readonly (readonly string[])[] {
  const { kind, node: list } = opened(child(node, "object") ?? {});
  return kind === "List" ? [words(children(list, "items"))] : [];
}

/** Planned when all else is. False: none of its objects is made anew, and it is planned as any other. */
export function planPutOff(draft: PlanDraft, { text: written, node, kind }: SourceStatement): boolean {
  const places = new Set(namesIn(node).map((name) => draft.placed.get(name)));
  const title = kind === "CommentStmt" ? "comment" : kind === "AlterOwnerStmt" ? "change an owner" : "say who may use it";
  const about = { table: null, lock: null, work: "instant" } as const;
  if (!places.has("base") && !places.has("overlay")) return false;
  if (draft.phase("expand") === "expand") {
    const sql = places.has("overlay") ? [asRelease(draft), unqualified(draft, { kind, node, written })] : [written];
    draft.act({ stage: "overlay", phase: "expand", title, run: { kind: "transaction", sql }, ...about });
  }
  if (places.has("overlay") || draft.phase("expand") === "contract")
    draft.act({ stage: "tidy", phase: "contract", title, run: { kind: "transaction", sql: [written] }, ...about });
  return true;
}

/** Without the base's schema before a name, so that it is looked up where the release looks it up. */
function unqualified(
  draft: PlanDraft,
  { kind, node, written }: { readonly kind: string; readonly node: Node; readonly written: string },
): string {
  const path = (list: readonly Node[]): readonly Node[] =>
    words(list)[0] === draft.schema && list.length > 1 ? list.slice(1) : list;
  const changed = mapped({ [kind]: node }, (inner, fields) => {
    if (inner === "RangeVar" && fields["schemaname"] === draft.schema) return { ...fields, schemaname: undefined };
    if (inner === "ObjectWithArgs") return { ...fields, objname: path(children(fields, "objname")) };
    return inner === "List" ? { ...fields, items: path(children(fields, "items")) } : fields;
  }) as Node;
  const same = JSON.stringify(changed) === JSON.stringify({ [kind]: node });
  return same ? written : draft.language.deparse(changed);
}
