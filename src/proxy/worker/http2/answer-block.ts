import { isBodyless, type ResponseHead } from "../response-head.ts";
import { addFields, afterStartLine } from "./fields.ts";
import { encodeField, encodeStatus } from "./hpack/encoder.ts";

/** HTTP/2 as we speak it ends here; what a client would have to take for a 5xx becomes one (RFC 9110 section 15). */
const STATUS_MAX = 599;
const HSTS_FIELD = /\r\nstrict-transport-security:/i;

/** The same lines come again and again; their bytes in a header block are kept. */
const KEPT_BLOCKS_MAX = 256;
const KEPT_TEXT_MAX = 2_048;
const kept = new Map<string, string>();

export interface AnswerShape {
  readonly toHead: boolean;
  /** Added where there is no such field; empty for none. */
  readonly hsts: string;
}

/** The header block of an answer's head. */
export function answerBlock(head: ResponseHead, { toHead, hsts }: AnswerShape): string {
  const { status, forward } = head;
  const added = hsts === "" || HSTS_FIELD.test(forward) ? "" : linesBlock(hsts);
  const length = isBodyless(toHead, status) ? head.length : head.body;
  const framing = typeof length === "number" && status !== 204 ? encodeField("content-length", String(length)) : "";
  return encodeStatus(status > STATUS_MAX ? 500 : status) + linesBlock(forward, afterStartLine(forward)) + added + framing;
}

/** 1xx. */
export function interimBlock({ status, forward }: ResponseHead): string {
  return encodeStatus(status) + linesBlock(forward, afterStartLine(forward));
}

/** Lines with their CRLF, as a header block has them. */
export function linesBlock(lines: string, from = 0): string {
  const known = kept.get(lines);
  if (known !== undefined) return known;
  const fields = addFields([], lines, from);
  let block = "";
  for (let at = 0; at < fields.length; at += 2) block += encodeField(fields[at] ?? "", fields[at + 1] ?? "");
  if (lines.length <= KEPT_TEXT_MAX) {
    if (kept.size >= KEPT_BLOCKS_MAX) kept.clear();
    kept.set(lines, block);
  }
  return block;
}
