import type { Failure } from "../base/error.ts";
import type { AppSpec } from "./app-spec.ts";
import type { ListenAddress } from "./listen-address.ts";

export type Listening = Pick<AppSpec, "app" | "listen" | "tls" | "sessions">;

interface Listener {
  readonly app: string;
  /** The key of the configuration that it comes from. */
  readonly key: "listen" | "tls.listen" | "sessions.aspNet";
  readonly address: ListenAddress;
}

const WILDCARDS: readonly string[] = ["0.0.0.0", "::"];

/** Why an app cannot have its listeners beside those of the others: where web servers come for ASP.NET sessions nobody else can listen, not even the proxy of the app. */
export function aspNetProblem(asking: Listening, others: readonly Listening[]): Failure | null {
  const own = listenersOf(asking);
  const all = [...own, ...others.filter(({ app }) => app !== asking.app).flatMap(listenersOf)];
  for (const listener of own) {
    const other = all.find((one) => one !== listener && needsItAlone(listener, one) && meet(listener.address, one.address));
    if (other !== undefined) return problem(listener, other);
  }
  return null;
}

/** The proxy shares its own addresses among apps. */
function needsItAlone(a: Listener, b: Listener): boolean {
  return a.key === "sessions.aspNet" || b.key === "sessions.aspNet";
}

/** Port 0 is a free one. */
function meet(a: ListenAddress, b: ListenAddress): boolean {
  const isSameHost = a.host === b.host || WILDCARDS.includes(a.host) || WILDCARDS.includes(b.host);
  return a.port !== 0 && a.port === b.port && isSameHost;
}

function listenersOf({ app, listen, tls, sessions }: Listening): readonly Listener[] {
  const aspNet = sessions?.server?.aspNet;
  return [
    { app, key: "listen", address: listen },
    ...(tls === null ? [] : [{ app, key: "tls.listen", address: tls.listen } as const]),
    ...(aspNet === undefined ? [] : [{ app, key: "sessions.aspNet", address: aspNet } as const]),
  ];
}

function problem(asking: Listener, other: Listener): Failure {
  return {
    code: "ERR_LISTENER_CONFLICT",
    what: `${asking.key} of ${asking.app} and ${other.key} of ${other.app} are both on port ${String(asking.address.port)}.`,
    next: "Give one of them another port.",
  };
}
