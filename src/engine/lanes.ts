import type { Command } from "../core/command.ts";

/** Work of one lane is done in the order in which it came; everything else, side by side. */
export class Lanes {
  readonly #last = new Map<string, Promise<unknown>>();

  /** Begins when what is before it in the command's lane has ended, however it did. */
  async run<T>(command: Command, work: () => Promise<T>): Promise<T> {
    const lane = laneOf(command);
    const before = lane === null ? undefined : this.#last.get(lane);
    const result = (async () => {
      await before?.catch(() => undefined);
      return work();
    })();
    if (lane !== null) this.#last.set(lane, result);
    try {
      return await result;
    } finally {
      if (lane !== null && this.#last.get(lane) === result) this.#last.delete(lane);
    }
  }
}

/** Commands with the same lane must not overtake one another; null runs at once. */
function laneOf(command: Command): string | null {
  switch (command.kind) {
    case "instance.start":
    case "instance.stop":
      return `instance/${command.instance}`;
    case "traffic.apply":
    case "traffic.remove":
      return "routes";
    case "release.create":
    case "release.discard":
      return `release/${command.release}`;
    case "release.prune":
    case "freeze.look":
    case "instance.awaitReady":
    case "traffic.drain":
    case "traffic.quiet":
    case "ledger.open":
    case "ledger.close":
    case "task.run":
    case "task.cancel":
    case "task.conclude":
    case "timer.set":
      return null;
    // One receiver is told in order, and hears of the next when it has heard of the one before.
    case "notify":
      return `notify/${JSON.stringify(command.target)}`;
  }
}
