import { constants } from "node:os";
import { z } from "zod";
import { NAME_PATTERN } from "../base/names.ts";
import { PROTOCOLS } from "../core/app-spec.ts";
import { PROXY_PROTOCOL_VERSIONS } from "../core/forwarding.ts";
import { address } from "./address.ts";
import { assets } from "./assets.ts";
import { eventStreams } from "./event-streams.ts";
import { freeze } from "./freeze.ts";
import { health } from "./health.ts";
import { hold } from "./hold.ts";
import { errorPages, maintenance } from "./pages.ts";
import { balanceKeys, claimKeys, cookieName, releaseKeys } from "./routing.ts";
import { notifications } from "./notifications.ts";
import { rollout } from "./rollout.ts";
import { checkPlaceProblem } from "./tasks/check-place.ts";
import { taskKeys } from "./tasks/tasks.ts";
import { tls } from "./tls.ts";
import { accessLog } from "./access-log.ts";
import { database } from "./database.ts";
import { sessions } from "./sessions.ts";
import { forwardingKeys } from "./forwarding.ts";
import { duration, size } from "./units.ts";
import { websockets } from "./websockets.ts";

const NAME = "expected a name of small letters, digits and hyphens that begins with a letter, at most 40 characters";
const COMMAND = 'expected a command line such as "node server.js", or a list of arguments such as ["node", "server.js"]';
const SIGNALS = Object.keys(constants.signals);

const name = z.string({ error: NAME }).regex(NAME_PATTERN, { error: NAME });
const text = (expected: string) => z.string({ error: expected }).min(1, { error: expected });
const whole = (min: number, max: number) => {
  const error = `expected a whole number from ${String(min)} to ${String(max)}`;
  return z.number({ error }).int({ error }).min(min, { error }).max(max, { error });
};

const environment = z
  .record(
    z.string().regex(/^[A-Za-z_]\w*$/, { error: "expected a variable name of letters, digits and underscores" }),
    z.union([z.string(), z.number(), z.boolean()], {
      error: 'expected text, a number, true or false; "env:NAME" takes the value of NAME',
    }),
    { error: 'expected variables such as { PORT_NAME: "value", DATABASE_URL: "env:DATABASE_URL" }' },
  )
  .describe('Environment variables. "env:NAME" takes the value that NAME has where `hitless deploy` is run.');

const processType = z
  .strictObject({
    command: z
      .union([z.string().regex(/\S/, { error: COMMAND }), z.array(z.string()).min(1)], { error: COMMAND })
      .describe("Run in the release's directory with PORT and HOST set. A list is run as it is, a line by /bin/sh."),
    instances: whole(0, 10_000).default(1),
    traffic: z
      .boolean({ error: "expected true or false" })
      .optional()
      .describe("Gets requests from the proxy. Default: true for `web`, false for the others."),
    protocol: z
      .enum(PROTOCOLS, { error: `expected one of: ${PROTOCOLS.join(", ")}` })
      .default("http1")
      .describe("What the instances speak on PORT; h2c is HTTP/2 without TLS, as gRPC servers do."),
    proxyProtocol: z
      .enum(PROXY_PROTOCOL_VERSIONS, { error: `expected one of: ${PROXY_PROTOCOL_VERSIONS.join(", ")}` })
      .optional()
      .describe("Connections to the instances begin with a header of HAProxy's PROXY protocol, which names the client."),
    health: health.prefault({}),
    readyAfter: duration(0).default(1_000).describe("Without traffic: ready when still running after this."),
    startDeadline: duration(100).default(30_000).describe("From the start to ready."),
    drainTimeout: duration(0)
      .default(30_000)
      .describe("How long requests in flight may go on when the instance gets no new ones."),
    stopSignal: z
      .string({ error: "expected a signal such as SIGTERM" })
      .refine((signal) => SIGNALS.includes(signal), { error: "expected a signal such as SIGTERM" })
      .default("SIGTERM"),
    stopGrace: duration(0).default(10_000).describe("From the stop signal to SIGKILL."),
    replace: z
      .enum(["start-first", "stop-first"], { error: "expected start-first or stop-first" })
      .default("start-first")
      .describe("stop-first: for what must not run twice; requests wait meanwhile (see `proxy.hold`)."),
    env: environment.optional(),
  })
  .refine(({ protocol, proxyProtocol }) => protocol !== "h2c" || proxyProtocol === undefined, {
    path: ["proxyProtocol"],
    error:
      "expected protocol: http1 beside it (it names one client for a connection, and those of h2c carry many clients' requests)",
  });

/** `hitless.config.{ts,js,json,yaml}`. Times are milliseconds after parsing. */
export const configSchema = z
  .strictObject({
    $schema: z.string().optional(),
    app: name.describe("The name of the application."),
    listen: address.describe("Where the proxy listens for this application."),
    tls: tls.optional(),
    ...claimKeys,
    ...releaseKeys,
    source: text("expected a directory").default(".").describe("The release's source directory, relative to this file."),
    ignore: z
      .array(text("expected a pattern as in .gitignore"), { error: 'expected a list of patterns such as ["*.log", "tmp/"]' })
      .default([])
      .describe("Not part of a release; as in .gitignore, beside .gitignore and .hitlessignore."),
    build: text('expected a command line such as "npm ci"')
      .optional()
      .describe("Run by /bin/sh in the snapshot before anything is started."),
    envFiles: z
      .array(text("expected a file name"), { error: 'expected a list of files such as [".env"]' })
      .optional()
      .describe("Files of NAME=value lines, relative to this file. Default: .env if there is one."),
    env: environment.optional().describe("For all process types."),
    processes: z
      .record(name, processType, { error: 'expected process types such as { web: { command: "node server.js" } }' })
      .refine((types) => Object.keys(types).length > 0, { error: "expected at least one process type" }),
    rollout,
    freeze,
    ...taskKeys,
    notifications,
    proxy: z
      .strictObject({
        ...balanceKeys,
        hold: hold.prefault({}),
        firstByteTimeout: duration(0)
          .default(60_000)
          .describe("How long an instance may take to begin its answer. 0 turns it off."),
        maxBody: size(0).optional().describe("A longer request body is refused with 413. Default: of any length."),
        connectionsPerClient: whole(1, 1_000_000)
          .optional()
          .describe("Connections that one client address may have; the next one gets 503. Default: any number."),
        sessionCookies: z
          .array(cookieName, { error: "expected a list of names of cookies" })
          .max(20)
          .optional()
          .describe(
            "Cookies that hold sessions, to see whether sessions are lost from node to node. Default: names as frameworks give them; []: not looked at.",
          ),
        http2Cleartext: z
          .boolean({ error: "expected true or false" })
          .default(false)
          .describe("Clients may speak HTTP/2 without TLS, if they begin with it (h2c with prior knowledge)."),
      })
      .prefault({}),
    accessLog: accessLog.optional(),
    database: database.optional(),
    sessions: sessions.optional(),
    metrics: z
      .strictObject({ listen: address })
      .optional()
      .describe("Where the proxy serves its metrics in the Prometheus text format, at /metrics."),
    errorPages: errorPages.optional(),
    assets: assets.optional(),
    ...forwardingKeys,
    websockets: websockets.optional(),
    eventStreams: eventStreams.optional(),
    maintenance: maintenance.optional(),
    keepReleases: whole(1, 1_000).default(5),
  })
  .superRefine(({ checks, rollout: how }, context) => {
    const problem = checkPlaceProblem(checks.length, how);
    if (problem !== null) context.addIssue({ code: "custom", path: ["checks"], message: problem });
  })
  .describe("Configuration of an application for Hitless");

/** What a configuration file may say. */
export type Config = z.input<typeof configSchema>;
export type ParsedConfig = z.output<typeof configSchema>;

/** For editors: `schema/hitless.config.schema.json` is made from this. */
export function configJsonSchema(): unknown {
  return z.toJSONSchema(configSchema, { io: "input", unrepresentable: "any" });
}
