import { isUtf8 } from "node:buffer";
import { readFile } from "node:fs/promises";
import { extname, resolve } from "node:path";
import { z } from "zod";
import { DEFAULT_MAINTENANCE, type MaintenanceGate } from "../core/gate.ts";
import { PAGE_BYTES_MAX, PAGE_STATUSES, type ErrorPages, type Page } from "../core/pages.ts";

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".htm": "text/html; charset=utf-8",
  ".json": "application/json",
  ".txt": "text/plain; charset=utf-8",
  ".xml": "application/xml",
};
const NAMES = Object.keys(TYPES).join(", ");
const FILE = "expected the name of a file";

/** A file that becomes a page, relative to the configuration file. */
export const pageFile = z.string({ error: FILE }).min(1, { error: FILE });

export const errorPages = z
  .strictObject({ 502: pageFile.optional(), 503: pageFile.optional(), 504: pageFile.optional() })
  .describe("What the proxy answers with when the application cannot, instead of a line of text. Read when it is deployed.");

/** A page, or why the file cannot be one. */
export async function readPage(directory: string, name: string): Promise<Page | string> {
  const type = TYPES[extname(name).toLowerCase()];
  if (type === undefined) return `found ${JSON.stringify(name)}, expected a file whose name ends in one of: ${NAMES}`;
  try {
    const content = await readFile(resolve(directory, name));
    if (content.length > PAGE_BYTES_MAX) {
      return `${name} has ${String(content.length)} bytes, expected at most ${String(PAGE_BYTES_MAX)}: pictures and styles belong in a place that is up when the application is not`;
    }
    return isUtf8(content) ? { type, body: content.toString("utf8") } : `${name} is not UTF-8 text`;
  } catch (error) {
    const { code = String(error) } = error as NodeJS.ErrnoException;
    return `${name} cannot be read (${code === "ENOENT" ? "there is no such file" : code})`;
  }
}

/** Every problem is added to `problems`. */
export async function readErrorPages(
  files: z.output<typeof errorPages> | undefined,
  directory: string,
  problems: string[],
): Promise<ErrorPages | undefined> {
  if (files === undefined) return undefined;
  const pages: Partial<Record<(typeof PAGE_STATUSES)[number], Page>> = {};
  for (const status of PAGE_STATUSES) {
    const name = files[status];
    if (name === undefined) continue;
    const page = await readPage(directory, name);
    if (typeof page === "string") problems.push(`errorPages.${status}: ${page}`);
    else pages[status] = page;
  }
  return pages;
}

const RANGE = 'expected an address or a range such as "10.0.0.0/8"';
const whole = (min: number, max: number) => {
  const error = `expected a whole number from ${String(min)} to ${String(max)}`;
  return z.number({ error }).int({ error }).min(min, { error }).max(max, { error });
};

export const maintenance = z
  .strictObject({
    page: pageFile.optional().describe("Relative to the configuration file."),
    status: whole(200, 599).default(DEFAULT_MAINTENANCE.status),
    retryAfter: whole(0, 10_000_000).default(120).describe("Seconds until clients may come again; 0: not said."),
    allow: z
      .array(z.union([z.ipv4(), z.ipv6(), z.cidrv4(), z.cidrv6()], { error: RANGE }), { error: `expected a list: ${RANGE}` })
      .max(1_000)
      .default([])
      .describe("Clients from here reach the application all the same."),
    allowCookies: z
      .record(
        z.string().regex(/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/, { error: "expected the name of a cookie" }),
        z.string().or(z.literal(true)),
        {
          error: 'expected cookies such as { pass: "letmein" }',
        },
      )
      .default({})
      .describe("Clients with one of these cookies too; true for any value."),
  })
  .describe("What `hitless maintenance on` does where it is not told otherwise.");

/** A problem is added to `problems`. */
export async function readMaintenance(
  given: z.output<typeof maintenance> | undefined,
  directory: string,
  problems: string[],
): Promise<MaintenanceGate | undefined> {
  if (given === undefined) return undefined;
  const { page: name, status, retryAfter, allow, allowCookies } = given;
  const page = name === undefined ? null : await readPage(directory, name);
  if (typeof page === "string") problems.push(`maintenance.page: ${page}`);
  return {
    status,
    retryAfterS: retryAfter === 0 ? null : retryAfter,
    page: typeof page === "string" ? null : page,
    allow,
    allowCookies: Object.entries(allowCookies).map(([cookie, value]) => ({ name: cookie, value: value === true ? null : value })),
  };
}
