import type { HolderMessage, WorkerMessage } from "../messages.ts";
import { Recorder } from "./recorder.ts";
import type { RequestBook } from "./request-book.ts";

interface Running {
  readonly id: number;
  readonly book: RequestBook;
  readonly recorder: Recorder;
  readonly timer: NodeJS.Timeout;
}

/** What one worker records, each until its time is over. */
export class Recordings {
  readonly #send: (message: WorkerMessage) => void;
  readonly #running = new Map<string, Running>();

  constructor(send: (message: WorkerMessage) => void) {
    this.#send = send;
  }

  begin({ id, app, forMs }: Extract<HolderMessage, { kind: "record" }>, book: RequestBook | undefined): void {
    this.end(app);
    if (book === undefined) {
      this.#send({ kind: "done", id });
      return;
    }
    const recorder = new Recorder();
    book.recorder = recorder;
    const timer = setTimeout(() => {
      this.end(app);
    }, forMs);
    this.#running.set(app, { id, book, recorder, timer });
  }

  end(app: string): void {
    const running = this.#running.get(app);
    if (running === undefined) return;
    const { id, book, recorder, timer } = running;
    clearTimeout(timer);
    this.#running.delete(app);
    if (book.recorder === recorder) book.recorder = null;
    this.#send({ kind: "done", id, recorded: recorder.all() });
  }
}
