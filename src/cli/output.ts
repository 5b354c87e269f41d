import { styleText } from "node:util";

type Style = "bold" | "dim" | "red" | "green" | "yellow" | "cyan";

/** Where the commands write: results to standard output, everything else to standard error. */
export class Output {
  readonly #out: NodeJS.WriteStream;
  readonly #err: NodeJS.WriteStream;

  constructor(out: NodeJS.WriteStream, err: NodeJS.WriteStream) {
    this.#out = out;
    this.#err = err;
  }

  get isTerminal(): boolean {
    return this.#out.isTTY;
  }

  get columns(): number {
    return this.#out.isTTY ? this.#out.columns : 100;
  }

  get rows(): number {
    return this.#out.isTTY ? this.#out.rows : 50;
  }

  line(text = ""): void {
    this.#out.write(`${text}\n`);
  }

  raw(text: string): void {
    this.#out.write(text);
  }

  json(value: unknown): void {
    this.line(JSON.stringify(value, null, 2));
  }

  note(text: string): void {
    this.#err.write(`${text}\n`);
  }

  /** Plain text where colours would end up in a file. */
  style(style: Style, text: string): string {
    return styleText(style, text, { stream: this.#out });
  }

  styleError(style: Style, text: string): string {
    return styleText(style, text, { stream: this.#err });
  }
}
