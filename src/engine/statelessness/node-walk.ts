import { HitlessError } from "../../base/error.ts";
import type { InstanceName } from "../../base/names.ts";
import { brokenExpectations, captured, filledRequest, type Variables } from "../../core/journey.ts";
import { cookieNames } from "../../core/statelessness/features.ts";
import type { Visit } from "../../core/statelessness/walk.ts";
import type { JourneyRequest } from "../../core/task.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Http, HttpAnswer } from "../../ports/http.ts";
import { CookieJar } from "../tasks/cookie-jar.ts";

/** An instance that is asked directly, past the proxy. */
export interface Node {
  readonly instance: InstanceName;
  readonly host: string;
  readonly port: number;
}

/** As whom nodes are asked: what clients of the app say, and what the proxy says of them. */
export interface Manner {
  readonly authority: string;
  readonly secure: boolean;
  /** That the app is chosen by. */
  readonly cookies: Readonly<Record<string, string>>;
}

export interface WalkPorts {
  readonly http: Http;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** One client on its way through a journey, with cookies and variables of its own; each request goes to a node of the caller's choice. */
export class NodeWalk {
  readonly visits: Visit[] = [];
  readonly #ports: WalkPorts;
  readonly #requests: readonly JourneyRequest[];
  readonly #manner: Manner;
  readonly #jar: CookieJar;
  /** Which node has set which cookie last. */
  readonly #issuers = new Map<string, InstanceName>();
  #variables: Variables;

  /** `run`: what `${run}` stands for; no two walks have the same. */
  constructor(ports: WalkPorts, requests: readonly JourneyRequest[], manner: Manner, run: string) {
    this.#ports = ports;
    this.#requests = requests;
    this.#manner = manner;
    this.#jar = new CookieJar(manner.cookies);
    this.#variables = { run };
  }

  /** Makes the next request. `until`: when the answer must be there, milliseconds since the epoch. */
  async next(node: Node, until: number): Promise<void> {
    const request = this.#requests[this.visits.length];
    if (request === undefined) return;
    const filled = filledRequest(request, this.#variables);
    const carried = [...this.#issuers].map(([cookie, from]) => ({ cookie, from }));
    const { answer, broken } = await this.#answered(filled, node, until);
    this.visits.push({ node: node.instance, answer, broken, carried });
  }

  async #answered(request: JourneyRequest, node: Node, until: number): Promise<Pick<Visit, "answer" | "broken">> {
    try {
      const answer = await this.#send(request, node, until);
      const set = answer.headers["set-cookie"] ?? [];
      this.#jar.keep(set);
      for (const name of cookieNames(set)) this.#issuers.set(name, node.instance);
      const { variables, missing } = captured(request.capture, answer);
      this.#variables = { ...this.#variables, ...variables };
      return { answer, broken: [...brokenExpectations(request.expect, answer), ...missing] };
    } catch (error) {
      if (!(error instanceof HitlessError)) throw error;
      return { answer: null, broken: [error.failure.why ?? error.failure.what] };
    }
  }

  #send({ method, path, headers, body }: JourneyRequest, { host, port }: Node, until: number): Promise<HttpAnswer> {
    const { http, clock, signal } = this.#ports;
    const { authority, secure } = this.#manner;
    const forwarded = {
      "x-forwarded-for": "127.0.0.1",
      "x-forwarded-host": authority,
      "x-forwarded-proto": secure ? "https" : "http",
    };
    const own = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
    const timeoutMs = Math.max(1, until - clock.now());
    const fields = { ...this.#jar.header(), ...forwarded, ...own };
    return http.send(
      { method, url: `http://${authority}${path}`, via: { host, port }, headers: fields, body, timeoutMs },
      signal,
    );
  }
}
