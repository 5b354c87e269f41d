import { z } from "zod";
import { SESSION_URL } from "../base/session-move.ts";
import { FSYNC_POLICIES, type SessionsSpec } from "../core/sessions-spec.ts";
import { address } from "./address.ts";
import { size } from "./units.ts";

const STORE = 'expected "hitless", the URL of a store (redis://, rediss://, hitless://, postgres://, mssql://), or "env:NAME"';
const URLS = /^(?:rediss?|hitless|postgres(?:ql)?|mssql):\/\/./;
const ASP_NET =
  'expected an address such as "10.0.0.5:42424" that only your web servers can reach: ASP.NET State Server has no passwords, so it cannot be on all addresses';
const ALL_ADDRESSES: readonly string[] = ["0.0.0.0", "::"];
const VARIABLE = "expected the name of a variable such as REDIS_URL";

export const sessions = z
  .strictObject({
    store: z
      .string({ error: STORE })
      .refine((text) => text === "hitless" || text.startsWith("env:") || URLS.test(text), { error: STORE })
      .describe('"hitless": the daemon runs a state server for the app. Or the URL of a store; "env:NAME" takes it from NAME.'),
    variable: z
      .string({ error: VARIABLE })
      .regex(/^(?!HITLESS_|(?:PORT|HOST)$)[A-Za-z_]\w*$/, { error: VARIABLE })
      .optional()
      .describe(`Instances get the URL as ${SESSION_URL}; and in this variable too.`),
    memory: size(2 ** 20)
      .optional()
      .describe("State server: what keys and values may take. Default: 1GiB."),
    fsync: z
      .enum(FSYNC_POLICIES, { error: `expected one of: ${FSYNC_POLICIES.join(", ")}` })
      .optional()
      .describe("State server: `always` answers when a change is safe on disk (default), `everysec` up to a second before."),
    aspNet: address
      .refine(({ host, port }) => port > 0 && !ALL_ADDRESSES.includes(host), { error: ASP_NET })
      .optional()
      .describe(
        "State server: where web servers come that speak the ASP.NET State Server Protocol, usually port 42424. Default: nowhere.",
      ),
  })
  .superRefine(({ store, memory, fsync, aspNet }, context) => {
    if (store === "hitless") return;
    for (const [key, value] of Object.entries({ memory, fsync, aspNet }))
      if (value !== undefined)
        context.addIssue({ code: "custom", path: [key], message: 'expected only beside store: "hitless"' });
  })
  .describe("Where the app keeps its sessions.");

type ParsedSessions = z.output<typeof sessions>;

const DEFAULT_MEMORY = 2 ** 30;

export function sessionsOf({ store, variable, memory, fsync, aspNet }: ParsedSessions): SessionsSpec {
  const server = {
    memoryBytes: memory ?? DEFAULT_MEMORY,
    fsync: fsync ?? "always",
    ...(aspNet === undefined ? {} : { aspNet }),
  } as const;
  return {
    ...(store === "hitless" ? { server } : {}),
    ...(variable === undefined ? {} : { variable }),
  };
}

/** What the processes of an app with a store of its own get into their environment; a problem with it goes into `problems`. */
export function sessionVariables(
  { variable }: ParsedSessions,
  url: string | undefined,
  problems: string[],
): Readonly<Record<string, string>> {
  if (url === undefined || url === "hitless") return {};
  // Not shown: it may hold a password.
  if (!URLS.test(url)) problems.push(`sessions.store: the variable it names holds something else than a URL; ${STORE}`);
  return { [SESSION_URL]: url, ...(variable === undefined ? {} : { [variable]: url }) };
}
