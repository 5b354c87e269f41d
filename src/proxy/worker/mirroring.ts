import type { HolderMessage, WorkerMessage } from "../messages.ts";
import type { LiveApp } from "./live-app.ts";
import type { Mirror } from "./mirror.ts";

interface Running {
  readonly id: number;
  readonly live: LiveApp;
  readonly mirror: Mirror;
  readonly timer: NodeJS.Timeout;
}

/** The mirrors of one worker, each until its time is over. */
export class Mirroring {
  readonly #send: (message: WorkerMessage) => void;
  readonly #running = new Map<string, Running>();

  constructor(send: (message: WorkerMessage) => void) {
    this.#send = send;
  }

  begin({ id, app, ...request }: Extract<HolderMessage, { kind: "mirror" }>, live: LiveApp | undefined): void {
    this.end(app);
    if (live === undefined) {
      this.#send({ kind: "done", id });
      return;
    }
    const timer = setTimeout(() => {
      this.end(app);
    }, request.forMs);
    this.#running.set(app, { id, live, mirror: live.beginMirror(request), timer });
  }

  end(app: string): void {
    const running = this.#running.get(app);
    if (running === undefined) return;
    const { id, live, mirror, timer } = running;
    clearTimeout(timer);
    this.#running.delete(app);
    if (live.mirror === mirror) live.mirror = null;
    this.#send({ kind: "done", id, mirrored: mirror.end() });
  }
}
