import type { Clock } from "../../ports/clock.ts";

/** The longest time a Node timer can be set for. */
const TIMER_MAX_MS = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => Date.now(),
  sleepUntil: (at, signal) =>
    new Promise((resolve, reject) => {
      if (signal.aborted) {
        reject(signal.reason as Error);
        return;
      }
      // A wall clock that is set meanwhile neither wakes anyone nor lets them oversleep.
      const until = performance.now() + at - Date.now();
      let timer: NodeJS.Timeout;
      const stop = (): void => {
        clearTimeout(timer);
        reject(signal.reason as Error);
      };
      const wait = (): void => {
        const left = until - performance.now();
        if (left <= 0) {
          signal.removeEventListener("abort", stop);
          resolve();
        } else timer = setTimeout(wait, Math.min(left, TIMER_MAX_MS));
      };
      signal.addEventListener("abort", stop, { once: true });
      timer = setTimeout(wait, Math.min(Math.max(0, until - performance.now()), TIMER_MAX_MS));
    }),
};
