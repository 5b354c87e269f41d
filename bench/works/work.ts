import { h2load } from "../h2load.ts";
import { wrk, type LoadOptions, type LoadResult } from "../wrk.ts";

/** A kind of work that proxies are compared by. */
export interface Work {
  readonly name: string;
  readonly title: string;
  /** What the processor time is divided by. */
  readonly unit: "request" | "MiB";
  readonly secure: boolean;
  /** Our own targets: at most so many times the peer's processor time. */
  readonly targets: Readonly<Record<string, number>>;
  readonly load: (options: Pick<LoadOptions, "directory" | "core" | "origin" | "seconds">) => Promise<LoadResult>;
}

const MIB = 1_048_576;
const AS_CHEAP = { HAProxy: 1, nginx: 1, Caddy: 0.35 };

export const WORKS: readonly Work[] = [
  {
    name: "keep-alive-32",
    title: "small response, 32 keep-alive connections",
    unit: "request",
    secure: false,
    targets: AS_CHEAP,
    load: (options) => wrk({ ...options, connections: 32 }),
  },
  {
    name: "keep-alive-256",
    title: "small response, 256 keep-alive connections",
    unit: "request",
    secure: false,
    targets: AS_CHEAP,
    load: (options) => wrk({ ...options, connections: 256 }),
  },
  {
    name: "new-connections",
    title: "a new connection for each request",
    unit: "request",
    secure: false,
    targets: { HAProxy: 1.2 },
    load: (options) => wrk({ ...options, connections: 32, newConnections: true }),
  },
  {
    name: "download",
    title: "responses of 1 MiB",
    unit: "MiB",
    secure: false,
    targets: { HAProxy: 1 },
    load: (options) => wrk({ ...options, connections: 8, path: "/mib" }),
  },
  {
    name: "upload",
    title: "requests of 1 MiB",
    unit: "MiB",
    secure: false,
    targets: { HAProxy: 1 },
    load: (options) => wrk({ ...options, connections: 8, path: "/upload", bodyBytes: MIB }),
  },
  {
    name: "tls",
    title: "TLS 1.3, small response, 32 keep-alive connections",
    unit: "request",
    secure: true,
    targets: { HAProxy: 1.2 },
    load: (options) => wrk({ ...options, connections: 32 }),
  },
  {
    name: "http2",
    title: "HTTP/2 over TLS, 4 connections with 32 requests at a time",
    unit: "request",
    secure: true,
    targets: { HAProxy: 2, Caddy: 0.7 },
    load: (options) => h2load({ ...options, connections: 4 }),
  },
];
