import { STATUS_CODES } from "node:http";
import { PAGE_STATUSES, type ErrorPages, type Page } from "../../core/pages.ts";
import type { OwnAnswer } from "./own-answer.ts";

const TEXT = "text/plain; charset=utf-8";

/** An error that comes from the proxy itself. 503 says when to come back (RFC 9110 section 15.6.4). */
export function errorAnswer(status: number, reason: string, pages: OwnPages = NO_PAGES): OwnAnswer {
  const page = pages.get(status);
  return {
    status,
    type: page?.type ?? TEXT,
    fields: `Cache-Control: no-store\r\n${status === 503 ? "Retry-After: 1\r\n" : ""}`,
    body: page?.body ?? `${String(status)} ${STATUS_CODES[status] ?? ""}: ${reason}\n`,
  };
}

/** Pages by status, their text as it is written: one latin1 character for each byte. */
export type OwnPages = ReadonlyMap<number, Page>;
export const NO_PAGES: OwnPages = new Map();

export function ownPages(pages: ErrorPages = {}): OwnPages {
  return new Map(
    PAGE_STATUSES.flatMap((status) => {
      const page = pages[status];
      return page === undefined ? [] : [[Number(status), ownPage(page)] as const];
    }),
  );
}

export function ownPage({ type, body }: Page): Page {
  return { type, body: Buffer.from(body, "utf8").toString("latin1") };
}
