import { z } from "zod";
import type { ListenAddress } from "../core/listen-address.ts";
import { TLS_VERSIONS, UNKNOWN_NAME, type TlsSpec } from "../core/tls.ts";

export const listenSchema: z.ZodType<ListenAddress> = z.strictObject({
  host: z.string().min(1).max(255),
  port: z.number().int().min(0).max(65_535),
});

const path = z.string().startsWith("/");
const name = z.string().min(1).max(253);

/** The wire schema of a TlsSpec. */
export const tlsSchema: z.ZodType<TlsSpec> = z.strictObject({
  listen: listenSchema,
  names: z.array(name),
  certificates: z.array(z.strictObject({ cert: path, key: path })),
  acme: z
    .strictObject({
      directory: z.url({ protocol: /^https?$/ }),
      email: z.string().min(3).nullable(),
      domains: z.array(name).min(1),
      rootCertificates: path.nullable(),
    })
    .nullable(),
  redirect: z.strictObject({ exceptPaths: z.array(path), port: z.number().int().min(0).max(65_535) }).nullable(),
  hsts: z
    .string()
    .regex(/^[\x20-\x7e]+$/)
    .nullable(),
  minVersion: z.enum(TLS_VERSIONS),
  unknownName: z.enum(UNKNOWN_NAME),
});
