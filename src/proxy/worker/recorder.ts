import { RECORDED_MAX, RECORDED_OF_ROUTE_MAX, type RecordedRequest } from "../../core/statelessness/recording.ts";
import { fieldValues } from "./head-fields.ts";
import { routePattern } from "./route-pattern.ts";

/** What applications choose their answer by. */
const FIELDS = ["cookie", "authorization", "accept", "accept-language", "user-agent"];
/** Made again, such a request would hang. */
const EVENTS = /\r\naccept:[^\r]*text\/event-stream/i;

interface Asked {
  readonly method: string;
  readonly target: string;
  readonly forward: string;
  readonly body: number | "chunked";
}

/** Keeps live requests of an app for a while: only such as change nothing (RFC 9110 section 9.2.1), a few of each route. */
export class Recorder {
  readonly #requests = new Map<string, RecordedRequest>();
  readonly #ofRoute = new Map<string, number>();

  add({ method, target, forward, body }: Asked, status: number): void {
    if ((method !== "GET" && method !== "HEAD") || body !== 0 || status < 200 || status >= 500) return;
    if (this.#requests.size >= RECORDED_MAX || EVENTS.test(forward)) return;
    const route = routePattern(method, target);
    const known = this.#ofRoute.get(route) ?? 0;
    const fields = FIELDS.map((name) => [name, fieldValues(forward, name).join("; ")] as const);
    const headers = Object.fromEntries(fields.filter(([, value]) => value !== ""));
    const key = `${method} ${target} ${headers["cookie"] ?? ""}`;
    if (known >= RECORDED_OF_ROUTE_MAX || this.#requests.has(key)) return;
    this.#ofRoute.set(route, known + 1);
    this.#requests.set(key, { method, target, headers });
  }

  all(): readonly RecordedRequest[] {
    return [...this.#requests.values()];
  }
}
