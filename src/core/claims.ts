import type { Failure } from "../base/error.ts";
import type { ProxyProtocolSpec } from "./forwarding.ts";
import type { ListenAddress } from "./listen-address.ts";
import { DEFAULT_ROUTING, sharedPlaces, type RoutingSpec } from "./routing.ts";
import type { TlsSpec } from "./tls.ts";

/** An app with what it claims; a spec or a route table. */
export interface Claimer {
  readonly app: string;
  readonly listen: ListenAddress;
  readonly tls: TlsSpec | null;
  readonly routing?: RoutingSpec | undefined;
  readonly proxy?: { readonly proxyProtocol?: ProxyProtocolSpec | undefined } | undefined;
}

/** Why an app cannot have what it claims beside the others: a request must not be two apps' at once. */
export function claimProblem(claimer: Claimer, others: readonly Claimer[]): Failure | null {
  for (const other of others) {
    const address = other.app === claimer.app ? null : sharedAddress(claimer, other);
    if (address === null) continue;
    const places = sharedPlaces((other.routing ?? DEFAULT_ROUTING).claim, (claimer.routing ?? DEFAULT_ROUTING).claim);
    if (places.length > 0) return problem([claimer.app, other.app], address, places);
    if (isProxied(claimer) !== isProxied(other)) return protocolProblem(claimer, other, address);
  }
  return null;
}

function isProxied({ proxy }: Claimer): boolean {
  return proxy?.proxyProtocol?.in === "require";
}

/** Port 0 is another port for each app that asks for it. */
function sharedAddress(a: Claimer, b: Claimer): ListenAddress | null {
  const ofB = addressesOf(b);
  return addressesOf(a).find(({ host, port }) => port !== 0 && ofB.some((one) => one.host === host && one.port === port)) ?? null;
}

function addressesOf({ listen, tls }: Claimer): readonly ListenAddress[] {
  return tls === null ? [listen] : [listen, tls.listen];
}

/** A connection says whose it is before anybody knows which app its requests are for. */
function protocolProblem(claimer: Claimer, other: Claimer, { host, port }: ListenAddress): Failure {
  const [requiring, plain] = isProxied(claimer) ? [claimer.app, other.app] : [other.app, claimer.app];
  return {
    code: "ERR_LISTENER_CONFLICT",
    what: `${requiring} requires the PROXY protocol on ${host}:${port}, and ${plain} on the same address does not.`,
    next: "Set the same `proxyProtocol.in` for both, or give one of them another `listen` address. To change it for both, move one of them away first.",
  };
}

function problem([app, other]: readonly [string, string], { host, port }: ListenAddress, places: readonly string[]): Failure {
  return {
    code: "ERR_ROUTE_CONFLICT",
    what: `${app} and ${other} both claim ${places.join(", ")} on ${host}:${port}.`,
    next: "Give one of them other `hosts`, `paths` or `match`, or another `listen` address.",
  };
}
