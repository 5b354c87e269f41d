/** A word of a file's head, as written, with its line. */
export interface HeaderField {
  readonly value: unknown;
  /** From 1. */
  readonly line: number;
}

export interface Header {
  readonly fields: ReadonlyMap<string, HeaderField>;
  readonly problems: readonly { readonly line: number; readonly text: string }[];
}

const SAID = /^\s*(?:--|\/\/|#)\s*hitless:\s*(.*)$/;
const FIELD = /^([a-zA-Z]+)\s*=\s*(\S.*)$/;
/** The head ends where the work begins. */
const COMMENT_OR_BLANK = /^\s*(?:--.*|\/\/.*|#.*)?$/;

/** Reads the lines `-- hitless: window = 01:00-05:00 UTC` (`//` in a module, `#` in a shell file) above the first line that does something. */
export function readHeader(source: string): Header {
  const fields = new Map<string, HeaderField>();
  const problems: { line: number; text: string }[] = [];
  for (const [index, text] of source.split(/\r?\n/).entries()) {
    if (!COMMENT_OR_BLANK.test(text)) break;
    const said = SAID.exec(text)?.[1]?.trim();
    if (said === undefined) continue;
    const line = index + 1;
    const [, name, value = ""] = FIELD.exec(said) ?? [];
    if (name === undefined) problems.push({ line, text: `not understood: "${said}"; the form is \`hitless: NAME = VALUE\`` });
    else if (fields.has(name)) problems.push({ line, text: `${name} is said twice` });
    else fields.set(name, { value: valueOf(name, value.trim()), line });
  }
  return { fields, problems };
}

/** In a comment everything is text: what YAML would tell apart is told apart by its looks. */
function valueOf(name: string, text: string): unknown {
  if (name === "needs") return text.split(/[\s,]+/).filter((part) => part !== "");
  if (text === "true" || text === "false") return text === "true";
  return /^\d+(\.\d+)?$/.test(text) ? Number(text) : text;
}
