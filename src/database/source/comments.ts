/** The `--` comments of an SQL text: what stands after the dashes, and where the dashes are. Quoted text and bodies hold none. */
export interface LineComment {
  readonly text: string;
  readonly offset: number;
}

/** Tokens inside which a `--` means nothing, before the one that matters. */
const TOKEN =
  /\$([A-Za-z_][\w]*)?\$[\s\S]*?\$\1\$|\b[eE]'(?:\\[\s\S]|''|[^'\\])*'|'(?:''|[^'])*'|"(?:""|[^"])*"|\/\*|--([^\n]*)/g;

export function lineComments(sql: string): readonly LineComment[] {
  const comments: LineComment[] = [];
  TOKEN.lastIndex = 0;
  for (let match = TOKEN.exec(sql); match !== null; match = TOKEN.exec(sql)) {
    if (match[0] === "/*") TOKEN.lastIndex = endOfBlock(sql, match.index);
    else if (match[2] !== undefined) comments.push({ text: match[2].trim(), offset: match.index });
  }
  return comments;
}

/** Block comments nest in PostgreSQL. */
function endOfBlock(sql: string, start: number): number {
  let depth = 0;
  const edge = /\/\*|\*\//g;
  edge.lastIndex = start;
  for (let match = edge.exec(sql); match !== null; match = edge.exec(sql)) {
    depth += match[0] === "/*" ? 1 : -1;
    if (depth === 0) return edge.lastIndex;
  }
  return sql.length;
}
