import type { MirrorFigures } from "../../core/judging/mirror.ts";
import type { RecordedRequest } from "../../core/statelessness/recording.ts";
import type { HolderMessage } from "../messages.ts";

export type Question = { [K in HolderMessage["kind"]]: Extract<HolderMessage, { kind: K; id: number }> }[HolderMessage["kind"]];
export type WithoutId<T> = T extends unknown ? Omit<T, "id"> : never;

/** How a worker answered. A worker that has died has nothing in flight and nothing to refuse. */
export type Answer =
  | {
      readonly kind: "done";
      readonly mirrored?: MirrorFigures | undefined;
      readonly recorded?: readonly RecordedRequest[] | undefined;
    }
  | { readonly kind: "refused"; readonly reason: string }
  | { readonly kind: "died" };

/** Whoever serves clients for a holder and has to follow its tables: a worker, or the whole generation before. */
export interface Member {
  readonly alive: boolean;
  readonly ended: Promise<void>;
  /** Asks and waits for the answer, however long that takes. */
  ask(question: WithoutId<Question>, handle?: unknown): Promise<Answer>;
  /** For what can be done at once: who does not is stuck, would go on with what is no longer true, and is ended. */
  demand(question: WithoutId<Question>, handle?: unknown): Promise<Answer>;
  tell(message: HolderMessage): void;
}

/** Questions that wait for their answers on one channel. */
export class Questions {
  readonly #waiting = new Map<number, (answer: Answer) => void>();
  #last = 0;

  /** `send` gets the number that the answer will carry. */
  ask(send: (id: number) => void): Promise<Answer> {
    this.#last += 1;
    const id = this.#last;
    return new Promise((resolve) => {
      this.#waiting.set(id, resolve);
      send(id);
    });
  }

  settle(id: number, answer: Answer): void {
    this.#waiting.get(id)?.(answer);
    this.#waiting.delete(id);
  }

  /** Nobody will answer any more. */
  allDied(): void {
    for (const id of [...this.#waiting.keys()]) this.settle(id, { kind: "died" });
  }
}
