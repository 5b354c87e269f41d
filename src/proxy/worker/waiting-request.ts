import type { ExchangeClient } from "./exchange-client.ts";
import type { Held } from "./in-flight.ts";
import type { LiveTarget } from "./live-target.ts";
import type { OwnAnswer } from "./own-answer.ts";
import type { RequestHead } from "./request-head.ts";
import type { Route } from "./route.ts";

/** A request that has to wait, and what becomes of it. */
export interface Waiter {
  readonly route: Route;
  readonly head: RequestHead;
  readonly client: ExchangeClient;
  /** There is a target. */
  readonly onTarget: (target: LiveTarget) => void;
  readonly onGone: () => void;
  /** It has waited long enough. Of no consequence for one that does not wait any more. */
  readonly onGivenUp: () => void;
  readonly onTurnedAway: (own: OwnAnswer) => void;
}

/** The place of one request in its app's line, from the first time it waits to its end. */
export class WaitingRequest implements Held {
  readonly since = Date.now();
  readonly #waiter: Waiter;

  constructor(waiter: Waiter) {
    this.#waiter = waiter;
  }

  get route(): Route {
    return this.#waiter.route;
  }

  get waitingBytes(): number {
    const { head, client } = this.#waiter;
    return head.forward.length + client.waitingBytes;
  }

  /** (Once more) to the end of the line. */
  join(): void {
    const { client, route } = this.#waiter;
    client.readOn();
    if (client.halfClosed) this.#waiter.onGone();
    else if (Date.now() >= route.app.holdEnd(this.since) || !route.app.hold(this)) this.giveUpHold();
  }

  resume(): boolean {
    const { client, route, onTarget } = this.#waiter;
    if (client.hasLeft) {
      this.#waiter.onGone();
      return true;
    }
    const target = route.pick(null);
    if (target === null) return false;
    route.app.letGo(this);
    onTarget(target);
    return true;
  }

  /** More of it has been read. */
  onInput(): void {
    if (!this.route.app.grown(this)) this.giveUpHold();
  }

  turnAway(): void {
    const { head, client, route } = this.#waiter;
    const own = route.app.turnAway(head, client);
    if (own !== null) this.#waiter.onTurnedAway(own);
  }

  checkHold(now: number): void {
    if (this.#waiter.client.hasLeft) this.#waiter.onGone();
    else if (now >= this.route.app.holdEnd(this.since)) this.giveUpHold();
  }

  giveUpHold(): void {
    this.#waiter.onGivenUp();
  }
}
