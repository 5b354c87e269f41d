import { z } from "zod";
import { accessLogSchema } from "./access-log.ts";
import { assetsSchema } from "./assets.ts";
import { databaseSchema } from "./database-spec.ts";
import { NAME_PATTERN } from "../base/names.ts";
import {
  BUSY_POLICIES,
  PROTOCOLS,
  STRATEGIES,
  type AppSpec,
  type Batch,
  type ProcessSpec,
  type ProxySpec,
  type RolloutSpec,
} from "../core/app-spec.ts";
import { PROXY_PROTOCOL_VERSIONS } from "../core/forwarding.ts";
import { eventStreamSchema } from "./event-streams.ts";
import { freezeSchema } from "./freeze.ts";
import { healthSchema } from "./health.ts";
import { maintenanceSchema } from "./gate.ts";
import { errorPagesSchema } from "./pages.ts";
import { routingSchema, targetingFields } from "./routing.ts";
import { forwardingSchema, proxyProtocolSchema } from "./forwarding.ts";
import { listenSchema, tlsSchema } from "./tls.ts";
import { sessionsSchema } from "./sessions-spec.ts";
import { notificationsSchema } from "./notifications.ts";
import { tasksSchema } from "./tasks.ts";
import { websocketSchema } from "./websockets.ts";

const ms = z
  .number()
  .int()
  .min(0)
  .max(7 * 86_400_000);

export const batchSchema: z.ZodType<Batch> = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("count"), count: z.number().int().min(1).max(10_000) }),
  z.strictObject({ kind: z.literal("percent"), percent: z.number().min(1).max(100) }),
]);

/** As a batch, or none. */
const amountSchema: z.ZodType<Batch> = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("count"), count: z.number().int().min(0).max(10_000) }),
  z.strictObject({ kind: z.literal("percent"), percent: z.number().min(0).max(100) }),
]);

const processSchema: z.ZodType<ProcessSpec> = z
  .strictObject({
    command: z.union([z.string().min(1), z.array(z.string()).min(1)]),
    instances: z.number().int().min(0).max(10_000),
    traffic: z.boolean(),
    protocol: z.enum(PROTOCOLS).optional(),
    proxyProtocol: z.enum(PROXY_PROTOCOL_VERSIONS).optional(),
    health: healthSchema.nullable(),
    readyAfterMs: ms,
    replaceAfterMs: ms.nullish(),
    startDeadlineMs: ms.min(100),
    drainTimeoutMs: ms,
    stopSignal: z.custom<NodeJS.Signals>((value) => typeof value === "string" && /^SIG[A-Z0-9]+$/.test(value)),
    stopGraceMs: ms,
    stopFirst: z.boolean().optional(),
  })
  .refine(({ protocol, proxyProtocol }) => protocol !== "h2c" || proxyProtocol === undefined, {
    path: ["proxyProtocol"],
    error: "the PROXY protocol names one client for a connection, and HTTP/2 connections carry many clients' requests",
  });

export const proxySchema: z.ZodType<ProxySpec> = z.strictObject({
  holdMs: ms,
  holdRequests: z.number().int().min(1).optional(),
  holdBytes: z.number().int().min(1).optional(),
  firstByteTimeoutMs: ms,
  http2Cleartext: z.boolean().optional(),
  maxBodyBytes: z.number().int().min(0).optional(),
  connectionsPerClient: z.number().int().min(1).optional(),
  sessionCookies: z.array(z.string().min(1).max(256)).max(20).optional(),
  metrics: listenSchema.optional(),
  accessLog: accessLogSchema.optional(),
  forwarding: forwardingSchema.optional(),
  proxyProtocol: proxyProtocolSchema.optional(),
  websockets: websocketSchema.optional(),
  eventStreams: eventStreamSchema.optional(),
});

const rolloutSchema: z.ZodType<RolloutSpec> = z.strictObject({
  strategy: z.enum(STRATEGIES),
  batch: batchSchema,
  whenBusy: z.enum(BUSY_POLICIES).optional(),
  surge: amountSchema.optional(),
  maxUnavailable: amountSchema.optional(),
  pauseMs: ms.optional(),
  firstPauseMs: ms.nullish(),
  bakeMs: ms.optional(),
  autoRollback: z.boolean().optional(),
  promoteAfterMs: ms.nullish(),
  standbyMs: ms.optional(),
  steps: z
    .array(z.strictObject({ weight: z.number().int().min(0).max(99), waitMs: ms.nullable() }))
    .min(1)
    .max(100)
    .optional(),
  targeting: z.strictObject(targetingFields).optional(),
});

/** The wire schema of an AppSpec: what the daemon accepts from any client, already resolved and with units. */
export const appSpecSchema: z.ZodType<AppSpec> = z.strictObject({
  app: z.string().regex(NAME_PATTERN),
  listen: listenSchema,
  tls: tlsSchema.nullable(),
  processes: z.record(z.string().regex(NAME_PATTERN), processSchema),
  rollout: rolloutSchema,
  proxy: proxySchema,
  routing: routingSchema.optional(),
  tasks: tasksSchema.optional(),
  notifications: notificationsSchema.optional(),
  errorPages: errorPagesSchema.optional(),
  assets: assetsSchema.optional(),
  maintenance: maintenanceSchema.optional(),
  database: databaseSchema.optional(),
  sessions: sessionsSchema.optional(),
  freeze: freezeSchema.optional(),
  releasesKept: z.number().int().min(1).max(1000),
});
