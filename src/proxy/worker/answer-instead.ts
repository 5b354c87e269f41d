import type { RouteTable } from "../../core/routes.ts";
import type { ClientAddress } from "./forwarded-fields.ts";
import type { OwnAnswer } from "./own-answer.ts";
import type { RequestHead } from "./request-head.ts";
import type { RoutedApp } from "./route.ts";

const CHALLENGE_PREFIX = "/.well-known/acme-challenge/";
const HTTPS_PORT = 443;
const TEXT = "text/plain; charset=utf-8";

/**
 * Answers to a certificate authority (RFC 8555 section 8.3), the way from HTTP to HTTPS, and the maintenance page; null for whatever is the
 * application's own. Without an app the request is nobody's.
 * `challenges`: key authorizations by token.
 */
export function ownAnswer(
  head: RequestHead,
  client: ClientAddress,
  app: RoutedApp | null,
  challenges: ReadonlyMap<string, string>,
): OwnAnswer | null {
  const { target } = head;
  if (target.startsWith(CHALLENGE_PREFIX)) return challengeAnswer(challenges.get(target.slice(CHALLENGE_PREFIX.length)));
  if (app === null) return null;
  return (client.secure ? null : redirectAnswer(head, app.table)) ?? app.turnAway(head, client);
}

function redirectAnswer({ target, host }: RequestHead, { tls }: RouteTable): OwnAnswer | null {
  const redirect = tls?.redirect ?? null;
  if (redirect === null || !target.startsWith("/")) return null;
  const { exceptPaths, port } = redirect;
  if (exceptPaths.includes(target.split("?", 1)[0] ?? "")) return null;
  const name = host.replace(/:\d*$/, "");
  const location = `https://${name}${port === HTTPS_PORT ? "" : `:${String(port)}`}${target}`;
  const body = `308 Permanent Redirect: this is at ${location}\n`;
  return { status: 308, type: TEXT, fields: `Location: ${location}\r\n`, body };
}

/** A token that is not ours may be one of the application. */
function challengeAnswer(keyAuthorization: string | undefined): OwnAnswer | null {
  if (keyAuthorization === undefined) return null;
  return { status: 200, type: TEXT, fields: "Cache-Control: no-store\r\n", body: keyAuthorization };
}
