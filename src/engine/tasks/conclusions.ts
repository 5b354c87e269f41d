import type { TaskId } from "../../core/task.ts";

/** Tells tasks to come to their verdict, also those that begin only after they were told. */
export class Conclusions {
  readonly #known = new Map<TaskId, AbortController>();

  /** Aborted when the task is to judge what it has seen; `concludedAt` says up to when. */
  of(task: TaskId): AbortSignal {
    return this.#controller(task).signal;
  }

  /** `at` is milliseconds since the epoch. */
  conclude(task: TaskId, at: number): void {
    this.#controller(task).abort(at);
  }

  forget(task: TaskId): void {
    this.#known.delete(task);
  }

  #controller(task: TaskId): AbortController {
    const controller = this.#known.get(task) ?? new AbortController();
    this.#known.set(task, controller);
    return controller;
  }
}

/** Infinity as long as nobody has said that it is over. */
export function concludedAt({ aborted, reason }: AbortSignal): number {
  return aborted && typeof reason === "number" ? reason : Infinity;
}
