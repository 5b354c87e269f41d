import { z } from "zod";
import { DEFAULT_REPLACE_AFTER_MS, type HealthSpec } from "../core/app-spec.ts";
import { RESERVED } from "./reserved-variables.ts";
import { duration } from "./units.ts";

const PATH = 'expected a path such as "/up"';
const HOST = "expected a host name";
const PORT =
  'expected the name of a variable such as "HEALTH_PORT": each instance gets a free port in it, as old and new ones run side by side';
const TLS = "expected `port` beside it: only a port of its own can speak TLS";
const GRPC = "expected a path of HTTP/1.1: the health protocol of gRPC is spoken on PORT, so leave `port` out";

const path = z.string({ error: PATH }).regex(/^\/[\x21-\x7e]*$/, { error: PATH });
const whole = (error: string) => z.number({ error }).int({ error }).min(1, { error }).max(100, { error });
const inARow = () => whole("expected a whole number from 1 to 100");

const details = z
  .strictObject({
    path: path.default("/up").describe("Answers 2xx when the instance can serve."),
    port: z
      .string({ error: PORT })
      .regex(/^[A-Za-z_]\w*$/, { error: PORT })
      .refine((name) => !RESERVED.test(name), { error: `${PORT}; not one that Hitless sets itself` })
      .optional()
      .describe("The variable with the port that is checked, by HTTP/1.1. Default: the instance is checked on PORT."),
    tls: z
      .boolean({ error: "expected true or false" })
      .default(false)
      .describe("The port of its own speaks TLS. Its certificate is not verified."),
    host: z.string({ error: HOST }).min(1, { error: HOST }).optional().describe("Host field of the check."),
    interval: duration(10).default(500).describe("From one check to the next."),
    timeout: duration(10).default(2_000),
    threshold: inARow().default(2).describe("Passes in a row until an instance is ready."),
    failures: inARow().default(3).describe("Failures in a row until a serving instance is passed over."),
    replaceAfter: z
      .union([z.literal("never"), duration(1_000)], { error: 'expected a time such as "30s", or "never"' })
      .default(DEFAULT_REPLACE_AFTER_MS)
      .describe("A serving instance that was passed over for so long is replaced by a new one."),
  })
  .refine(({ tls, port }) => !tls || port !== undefined, { path: ["tls"], error: TLS })
  .refine(({ port, path: asked }) => port === undefined || !asked.startsWith("/grpc.health.v1.Health/"), {
    path: ["path"],
    error: GRPC,
  })
  .describe("The health check of a process type with traffic.");

export const health = z.union([path.transform((value) => details.parse({ path: value })), details]);

type Health = z.output<typeof health>;

/** `spoken`: what the instances speak on PORT. A port of its own speaks plain HTTP/1.1, or that over TLS. */
export function healthOf(
  { path: asked, port, tls, host, interval, timeout, threshold, failures }: Health,
  spoken: Pick<HealthSpec, "protocol" | "proxyProtocol">,
): HealthSpec {
  const where = port === undefined ? spoken : { portVariable: port, ...(tls ? { tls } : {}) };
  return { path: asked, host: host ?? null, intervalMs: interval, timeoutMs: timeout, passes: threshold, failures, ...where };
}
