import { setTimeout as sleep } from "node:timers/promises";
import { HitlessError } from "../base/error.ts";
import type { Session } from "./session.ts";

/** A daemon that is gone may be started again by somebody: how long a command waits for that. */
const AWAY_LIMIT_MS = 15_000;
const AWAY_POLL_MS = 250;

/** Asks again while no daemon answers, for a while, and says so once. */
export async function patiently<T>({ output }: Session, ask: () => Promise<T>): Promise<T> {
  const until = Date.now() + AWAY_LIMIT_MS;
  for (let said = false; ; said = true) {
    try {
      return await ask();
    } catch (error) {
      const away = error instanceof HitlessError && error.code === "ERR_DAEMON_UNREACHABLE";
      if (!away || Date.now() > until) throw error;
      if (!said)
        output.note(
          "the daemon does not answer; what it has started goes on serving. `hitless up` starts it again and the deployment goes on",
        );
      await sleep(AWAY_POLL_MS);
    }
  }
}
