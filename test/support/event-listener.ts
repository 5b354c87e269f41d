import { onTestFinished } from "vitest";

/** A client of an event stream that does what browsers do (WHATWG HTML, section 9.2): after an end it connects anew, and says what its last event was. */
export class EventListener {
  /** Of the events that came, in their order. */
  readonly ids: number[] = [];
  /** The data of the last event. */
  last = "";
  connections = 0;
  /** Connections that did not end in order, or were not answered with a stream. */
  broken = 0;
  readonly #url: string;
  readonly #stop = new AbortController();

  constructor(url: string) {
    this.#url = url;
    onTestFinished(() => {
      this.close();
    });
    void this.#run();
  }

  close(): void {
    this.#stop.abort();
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      await this.#listen().catch(() => {
        if (!signal.aborted) this.broken += 1;
      });
    }
  }

  async #listen(): Promise<void> {
    this.connections += 1;
    const lastId = this.ids.at(-1);
    const headers: Record<string, string> = lastId === undefined ? {} : { "last-event-id": String(lastId) };
    const answer = await fetch(this.#url, { headers, signal: this.#stop.signal });
    if (answer.status !== 200 || answer.body === null) throw new Error(`status ${String(answer.status)}`);
    let text = "";
    for await (const piece of answer.body) {
      const events = (text + Buffer.from(piece).toString()).split("\n\n");
      text = events.pop() ?? "";
      for (const event of events) this.#take(event);
    }
  }

  #take(event: string): void {
    const [, id = "", data = ""] = /^id: (\d+)\ndata: (.*)$/.exec(event) ?? [];
    this.ids.push(Number(id));
    this.last = data;
  }
}
