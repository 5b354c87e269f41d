import net from "node:net";

/** A client of the Redis protocol that shows replies as they are: RESP2 and RESP3 values with their types, errors as `Error`. */
export class RedisWire {
  readonly socket: net.Socket;
  #input = Buffer.alloc(0);
  #waiting: { resolve: (value: unknown) => void; reject: (error: Error) => void }[] = [];
  closed = false;

  constructor(socket: net.Socket) {
    this.socket = socket;
    socket.on("data", (data: Buffer) => {
      this.#input = Buffer.concat([this.#input, data]);
      this.#take();
    });
    socket.on("error", () => undefined);
    socket.on("close", () => {
      this.closed = true;
      for (const { reject } of this.#waiting.splice(0)) reject(new Error("the connection was closed"));
    });
  }

  static connect(at: { port: number } | { path: string }): Promise<RedisWire> {
    return new Promise((resolve, reject) => {
      const socket = net.connect(at as net.NetConnectOpts, () => {
        resolve(new RedisWire(socket));
      });
      socket.once("error", reject);
    });
  }

  /** Arguments are latin1: one byte per character. */
  call(...args: readonly string[]): Promise<unknown> {
    return this.raw(encode(args));
  }

  /** Sends bytes and gives the next reply. */
  raw(bytes: string | Buffer): Promise<unknown> {
    const reply = this.next();
    this.socket.write(typeof bytes === "string" ? Buffer.from(bytes, "latin1") : bytes);
    return reply;
  }

  next(): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (this.closed) reject(new Error("the connection was closed"));
      this.#waiting.push({ resolve, reject });
      this.#take();
    });
  }

  close(): void {
    this.socket.destroy();
  }

  #take(): void {
    while (this.#waiting.length > 0) {
      const found = parse(this.#input, 0);
      if (found === null) return;
      this.#input = this.#input.subarray(found.end);
      this.#waiting.shift()!.resolve(found.value);
    }
  }
}

export function encode(args: readonly string[]): string {
  return `*${args.length}\r\n${args.map((arg) => `$${arg.length}\r\n${arg}\r\n`).join("")}`;
}

interface Parsed {
  readonly value: unknown;
  readonly end: number;
}

function parse(input: Buffer, at: number): Parsed | null {
  const lineEnd = input.indexOf("\r\n", at);
  if (lineEnd < 0) return null;
  const line = input.toString("latin1", at + 1, lineEnd);
  const end = lineEnd + 2;
  switch (String.fromCharCode(input[at]!)) {
    case "+":
      return { value: { status: line }, end };
    case "-":
      return { value: { error: line }, end };
    case ":":
      return { value: BigInt(line), end };
    case "_":
      return { value: null, end };
    case "$":
    case "=": {
      const length = Number(line);
      if (length < 0) return { value: null, end };
      if (input.length < end + length + 2) return null;
      return { value: input.toString("latin1", end, end + length), end: end + length + 2 };
    }
    case "*":
    case "%": {
      const count = Number(line) * (input[at] === 37 ? 2 : 1);
      if (count < 0) return { value: null, end };
      return parseMany(input, end, count);
    }
    default:
      throw new Error(`Not a reply: ${input.toString("latin1", at, at + 40)}`);
  }
}

function parseMany(input: Buffer, from: number, count: number): Parsed | null {
  const items: unknown[] = [];
  let end = from;
  for (let i = 0; i < count; i += 1) {
    const item = parse(input, end);
    if (item === null) return null;
    items.push(item.value);
    end = item.end;
  }
  return { value: items, end };
}
