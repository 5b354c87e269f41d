import { z } from "zod";
import { ACCESS_LOG_FORMATS } from "../core/access-log.ts";

const PATH = 'expected a file such as "/var/log/shop/access.log", or "stdout" for the log of the proxy';
const SAMPLE = "expected a share from 0 to 1, such as 0.1 for every tenth request";

/** One line per request, written by the proxy. */
export const accessLog = z
  .strictObject({
    format: z.enum(ACCESS_LOG_FORMATS, { error: `expected one of: ${ACCESS_LOG_FORMATS.join(", ")}` }).default("json"),
    path: z
      .string({ error: PATH })
      .min(1, { error: PATH })
      .describe("A file, relative to this one, or `stdout`: the log of the proxy itself. Its directory must exist."),
    sample: z.number({ error: SAMPLE }).min(0, { error: SAMPLE }).max(1, { error: SAMPLE }).default(1),
    query: z
      .boolean({ error: "expected true or false" })
      .default(false)
      .describe("With the part of the path after `?`, which often holds what should not be in a log."),
  })
  .describe("A line for every request, written by the proxy without ever waiting for the disk. Default: none.");
