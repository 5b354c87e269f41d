import { styleText } from "node:util";
import type { DaemonClient } from "../../src/cli/client.ts";
import { Output } from "../../src/cli/output.ts";
import { renderStatus } from "../../src/cli/render/status.ts";
import type { LoadProcess } from "../../test/support/load/load-process.ts";

const REDRAW_MS = 250;

/** What the person in front of the demo sees: lines that stay, and on a terminal a live picture below them. */
export class Stage {
  readonly #output = new Output(process.stdout, process.stderr);
  #live: { client: DaemonClient; app: string; load: LoadProcess | null } | null = null;
  #drawn = 0;
  #timer: NodeJS.Timeout | null = null;
  #drawing = false;

  title(text: string): void {
    this.line();
    this.line(styleText("bold", text, { stream: process.stdout }));
  }

  line(text = ""): void {
    this.#erase();
    this.#output.line(text);
  }

  detail(text: string): void {
    this.line(`  ${text}`);
  }

  style(style: "green" | "red" | "dim", text: string): string {
    return styleText(style, text, { stream: process.stdout });
  }

  /** Shows the app below the lines until `still`; without a terminal there is nothing to redraw. */
  live(client: DaemonClient, app: string, load: LoadProcess | null): void {
    this.#live = { client, app, load };
    if (this.#output.isTerminal) this.#timer ??= setInterval(() => void this.#draw(), REDRAW_MS);
  }

  still(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
    this.#live = null;
    this.#erase();
  }

  async #draw(): Promise<void> {
    if (this.#live === null || this.#drawing) return;
    this.#drawing = true;
    try {
      const { client, app, load } = this.#live;
      const status = await client.app(app).catch(() => null);
      if (status === null || this.#timer === null) return;
      const users =
        load === null ? [] : [`clients  ${load.requests.toLocaleString("en-US")} requests sent, ${String(load.errors)} errors`];
      this.#erase();
      const lines = ["", ...renderStatus(status, this.#output, Date.now()), ...users].map((line) => `  ${line}`);
      for (const line of lines) this.#output.line(line);
      this.#drawn = lines.length;
    } finally {
      this.#drawing = false;
    }
  }

  #erase(): void {
    if (this.#drawn > 0) this.#output.raw(`\u001b[${String(this.#drawn)}A\u001b[J`);
    this.#drawn = 0;
  }
}
