/** A static page that the proxy sends in the place of the application. */
export interface Page {
  /** Its Content-Type. */
  readonly type: string;
  /** Text; UTF-8 where it is sent. */
  readonly body: string;
}

/** The statuses that the proxy answers with when the application cannot. */
export const PAGE_STATUSES = ["502", "503", "504"] as const;
export type PageStatus = (typeof PAGE_STATUSES)[number];
export type ErrorPages = { readonly [K in PageStatus]?: Page | undefined };

/** Of one page, in bytes: each route table carries its pages. */
export const PAGE_BYTES_MAX = 65_536;
