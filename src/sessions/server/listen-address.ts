import { HitlessError } from "../../base/error.ts";
import { hostAndPort } from "../../base/host-and-port.ts";

export type SessionAddress =
  | { readonly kind: "unix"; readonly path: string }
  | { readonly kind: "tcp" | "tls" | "asp.net"; readonly host: string; readonly port: number };

const TCP = /^(tls:\/\/)?(\[[0-9a-fA-F:.]+\]|[^:[\]/]+):(\d{1,5})$/;

/** `127.0.0.1:6379`, `[::1]:6379`, `tls://10.0.0.5:6380`, `unix:/run/sessions.sock` or an absolute path. @throws ERR_USAGE */
export function parseAddress(text: string): SessionAddress {
  const path = text.startsWith("unix:") ? text.slice("unix:".length) : text;
  if (path.startsWith("/")) return { kind: "unix", path };
  const match = TCP.exec(text);
  const port = Number(match?.[3]);
  if (match === null || port > 65_535) {
    throw new HitlessError({
      code: "ERR_USAGE",
      what: `${text} is not an address to listen on.`,
      next: "Write 127.0.0.1:6379, [::1]:6379, tls://10.0.0.5:6380 or unix:/run/sessions.sock.",
    });
  }
  const host = (match[2] ?? "").replace(/^\[|\]$/g, "");
  return { kind: match[1] === undefined ? "tcp" : "tls", host, port };
}

/** Where web servers come that speak the ASP.NET State Server Protocol. @throws ERR_USAGE */
export function parseAspNetAddress(text: string): SessionAddress {
  const address = parseAddress(text);
  if (address.kind === "tcp" && !/^(0\.0\.0\.0|::)$/.test(address.host)) return { ...address, kind: "asp.net" };
  throw new HitlessError({
    code: "ERR_USAGE",
    what: `${text} is not an address for the ASP.NET State Server Protocol, which knows neither passwords nor TLS.`,
    next: "Write 127.0.0.1:42424, or the address in a network that only your web servers can reach.",
  });
}

export function formatAddress(address: SessionAddress): string {
  if (address.kind === "unix") return `unix:${address.path}`;
  return `${address.kind === "tcp" ? "" : `${address.kind}://`}${hostAndPort(address)}`;
}

/** Whether what listens on `open` is what was asked for by `wanted`, whose port 0 takes any. */
export function isServedBy(wanted: SessionAddress, open: SessionAddress): boolean {
  if (wanted.kind === "unix" || open.kind === "unix") return formatAddress(wanted) === formatAddress(open);
  return wanted.kind === open.kind && wanted.host === open.host && (wanted.port === 0 || wanted.port === open.port);
}

export function isLoopback(address: SessionAddress): boolean {
  return address.kind === "unix" || /^(127\.|::1$|localhost$)/.test(address.host);
}
