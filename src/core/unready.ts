import type { Failure } from "../base/error.ts";
import type { InstanceName } from "../base/names.ts";
import type { HealthSpec } from "./app-spec.ts";
import type { ProbeOutcome } from "./routes.ts";

interface Unready {
  readonly instance: InstanceName;
  readonly health: HealthSpec;
  readonly address: string;
  /** The last check that was made, or null if there was no time for one. */
  readonly last: ProbeOutcome | null;
  readonly logTail: readonly string[];
}

/** Why an instance did not become ready, with what its health check saw, a hint for the usual causes, and its last words. */
export function unreadyFailure({ instance, health, address, last, logTail }: Unready): Failure {
  return {
    code: "ERR_INSTANCE_UNREADY",
    what: `${instance} did not become ready in time.`,
    why: `GET ${health.path} on ${address}: ${sight(last)}.`,
    details: logTail.length === 0 ? ["it wrote no output"] : logTail,
    next: hint(last, health),
  };
}

function sight(last: ProbeOutcome | null): string {
  if (last === null) return "there was no time for a single check";
  if (last.kind === "fail") return last.saw;
  return `status ${last.status}, but not often enough in a row`;
}

function hint(last: ProbeOutcome | null, health: HealthSpec): string {
  if (last?.kind !== "fail") return "Raise `startDeadline`, or lower `health.threshold`.";
  switch (last.reason) {
    case "refused":
      return `Does the application listen on the port in its ${portOf(health)} variable, on 127.0.0.1? If it only boots slowly, raise \`startDeadline\`.`;
    case "timeout":
      return `Does the application answer ${health.path} within ${health.timeoutMs} ms? If not, raise \`health.timeout\`.`;
    case "status":
      return "Let `health.path` name a page that answers 200 to 299 without a redirect and without a login.";
    case "garbage":
      return `Does the application speak ${health.tls === true ? "TLS" : "HTTP/1.1"} on its ${portOf(health)}?`;
    case "reset":
    case "unreachable":
      return "See the instance's log for why it drops connections.";
  }
}

/** The variable that says where it is checked. */
function portOf({ portVariable = "PORT" }: HealthSpec): string {
  return portVariable;
}
