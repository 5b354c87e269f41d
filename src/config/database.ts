import { z } from "zod";
import type { BackfillSpec, DatabaseSpec } from "../core/database-spec.ts";
import { duration } from "./units.ts";

const variable = (): z.ZodString =>
  z
    .string({ error: "expected the name of a variable such as DATABASE_URL" })
    .regex(/^[A-Za-z_]\w*$/, "expected the name of a variable such as DATABASE_URL");

const directory = (what: string): z.ZodString =>
  z.string({ error: `expected a directory with ${what}` }).min(1, `expected a directory with ${what}`);

const backfill = z
  .strictObject({
    slowdown: z
      .string({ error: "expected a percentage such as 10%" })
      .regex(/^[1-9]\d{0,3}%$/, "expected a percentage such as 10%")
      .default("10%")
      .describe("By how much the p99 of the app's requests may grow while rows are filled."),
    query: z.string().min(1).optional().describe("SQL for one number: while it is above 0, no rows are filled."),
    url: z
      .url({ protocol: /^https?$/, error: "expected a URL with http or https" })
      .optional()
      .describe("While a GET of it answers anything but 2xx, no rows are filled."),
  })
  .describe("When the filling of rows becomes slower. What cannot be read counts as too much.");
const SHADOW = 'expected the URL of a PostgreSQL such as "postgres://shadow@127.0.0.1/postgres", or "env:NAME"';

export const database = z
  .strictObject({
    variable: variable()
      .default("DATABASE_URL")
      .describe(
        "The variable of the processes that holds the URL of their PostgreSQL. Instances get it with their release's options in it.",
      ),
    directVariable: variable()
      .optional()
      .describe("The variable with the URL that Hitless itself uses, where the other one goes through a pooler."),
    identity: z
      .enum(["options", "role"], { error: 'expected "options" or "role"' })
      .default("options")
      .describe(
        "How a session says which release it is of: by options in its URL, or by a role of its release, where a pooler passes no options on.",
      ),
    migrations: directory("migrations")
      .optional()
      .describe(
        "SQL files in their order, in the release: our own NNNN_name.sql, or those of Prisma, Drizzle, dbmate, Flyway, golang-migrate.",
      ),
    procedures: directory("procedures")
      .optional()
      .describe("Functions, procedures and views as this release wants them, one file each."),
    queries: directory("SQL files")
      .optional()
      .describe(
        "Statements that this release sends to the database, in SQL files: they are prepared on a copy before a deployment.",
      ),
    shadowUrl: z
      .string({ error: SHADOW })
      .regex(/^(env:[A-Za-z_]\w*|postgres(ql)?:\/\/\S+)$/, SHADOW)
      .optional()
      .describe(
        'A PostgreSQL on which temporary databases may be made, to try changes on; "env:NAME" takes it from the environment of the release. Default: one in the process.',
      ),
    contractAfter: duration(0, 365 * 86_400_000)
      .default(600_000)
      .describe(
        "How long after its deployment old columns and procedures are kept: the time for going back. Standby counts beside it.",
      ),
    softContract: duration(0, 365 * 86_400_000)
      .optional()
      .describe(
        "How long old columns, their triggers and old procedures stay when nobody uses them any more, so that going back is still possible; at the longest until a release changes the same tables, views or procedures again.",
      ),
    lockTimeout: duration(10, 10_000).default(100).describe("What one try for a lock may make others wait."),
    lockPatience: duration(0).default(300_000).describe("How long a step tries to get its lock before the deployment goes back."),
    backfill: backfill.optional(),
  })
  .refine(({ migrations, procedures }) => migrations !== undefined || procedures !== undefined, {
    error: "expected a directory of migrations, of procedures, or both",
  })
  .describe(
    "The database that releases bring changes for: expanded before the first new instance, contracted after the last old one.",
  );

export function databaseOf(parsed: z.output<typeof database>): DatabaseSpec {
  const { variable, directVariable, identity, migrations, procedures } = parsed;
  const { contractAfter, softContract, lockTimeout, lockPatience, backfill, queries, shadowUrl } = parsed;
  return {
    variable,
    directVariable,
    identity,
    migrations: migrations ?? null,
    procedures: procedures ?? null,
    contractAfterMs: contractAfter,
    ...(softContract === undefined ? {} : { softContractMs: softContract }),
    lockTimeoutMs: lockTimeout,
    lockPatienceMs: lockPatience,
    ...(backfill === undefined ? {} : { backfill: backfillOf(backfill) }),
    ...(queries === undefined ? {} : { queries }),
    ...(shadowUrl === undefined ? {} : { shadowUrl }),
  };
}

function backfillOf({ slowdown, query, url }: z.output<typeof backfill>): BackfillSpec {
  return { rise: parseInt(slowdown, 10) / 100, query: query ?? null, url: url ?? null };
}
