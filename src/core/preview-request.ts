import type { AppSpec } from "./app-spec.ts";
import type { ListenAddress } from "./listen-address.ts";
import { DEFAULT_PREVIEW, DEFAULT_ROUTING, type Claim } from "./routing.ts";

/** How a program on this machine gets a request to a release that is not active yet. */
export interface PreviewTarget {
  /** Where to connect to. */
  readonly host: string;
  readonly port: number;
  readonly secure: boolean;
  /** What the request says: its Host, what the app's claim asks for, and what opens the preview. */
  readonly authority: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly cookies: Readonly<Record<string, string>>;
}

/** `opens` is the release's preview key, or its name where it has none. */
export function previewTarget({ listen, tls, routing = DEFAULT_ROUTING }: AppSpec, opens: string): PreviewTarget {
  const { claim } = routing;
  const { host, port } = tls?.listen ?? listen;
  const { header } = routing.preview ?? DEFAULT_PREVIEW;
  return {
    host: reachable(host),
    port,
    secure: tls !== null,
    authority: authorityOf(claim, { host, port }),
    headers: { ...valuesOf(claim.headers), [header]: opens },
    cookies: valuesOf(claim.cookies),
  };
}

/** For programs that are told by their environment: where to connect to, and header lines that every request must have. */
export function previewVariables(
  target: PreviewTarget,
): Readonly<Record<"HITLESS_PREVIEW_URL" | "HITLESS_PREVIEW_HEADERS", string>> {
  const { host, port, secure, authority, headers, cookies } = target;
  const jar = Object.entries(cookies).map(([name, value]) => `${name}=${value}`);
  const lines = Object.entries({ Host: authority, ...headers, ...(jar.length === 0 ? {} : { Cookie: jar.join("; ") }) });
  return {
    HITLESS_PREVIEW_URL: `${secure ? "https" : "http"}://${bracketed(host)}:${String(port)}`,
    HITLESS_PREVIEW_HEADERS: lines.map(([name, value]) => `${name}: ${value}`).join("\n"),
  };
}

/** The name that a client would use: one of the app's own, or the address. */
function authorityOf({ hosts }: Claim, { host, port }: ListenAddress): string {
  const name = hosts.find((one) => !one.startsWith("*.")) ?? hosts[0]?.replace(/^\*/, "preview");
  return name ?? `${bracketed(reachable(host))}:${String(port)}`;
}

function bracketed(host: string): string {
  return host.includes(":") ? `[${host}]` : host;
}

/** Every address of the machine is reached by its own one. */
function reachable(host: string): string {
  if (host === "0.0.0.0") return "127.0.0.1";
  return host === "::" ? "::1" : host;
}

function valuesOf(fields: readonly { readonly name: string; readonly value: string | null }[]): Record<string, string> {
  return Object.fromEntries(fields.map(({ name, value }) => [name, value ?? "1"]));
}
