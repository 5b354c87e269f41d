import net from "node:net";

export interface AspNetAnswer {
  readonly status: number;
  readonly fields: Readonly<Record<string, string>>;
  readonly content: string;
}

/** A web server's connection, byte by byte, to a server of the ASP.NET State Server Protocol. */
export class AspNetWire {
  readonly socket: net.Socket;
  closed = false;
  #input = "";
  #waiting: PromiseWithResolvers<AspNetAnswer>[] = [];

  private constructor(socket: net.Socket) {
    this.socket = socket;
    socket.setEncoding("latin1");
    socket.on("data", (text: string) => {
      this.#input += text;
      this.#take();
    });
    socket.on("error", () => undefined);
    socket.on("close", () => {
      this.closed = true;
      for (const { reject } of this.#waiting.splice(0)) reject(new Error("the connection was closed"));
    });
  }

  static connect(port: number): Promise<AspNetWire> {
    return new Promise((resolve, reject) => {
      const socket = net.connect(port, "127.0.0.1", () => {
        resolve(new AspNetWire(socket));
      });
      socket.once("error", reject);
    });
  }

  /** `fields`: lines of the head. */
  ask(method: string, id: string, fields: readonly string[] = [], content = ""): Promise<AspNetAnswer> {
    return this.raw(asked(method, id, fields, content));
  }

  raw(text: string): Promise<AspNetAnswer> {
    const answer = this.next();
    this.socket.write(text, "latin1");
    return answer;
  }

  next(): Promise<AspNetAnswer> {
    const answer = Promise.withResolvers<AspNetAnswer>();
    if (this.closed) answer.reject(new Error("the connection was closed"));
    this.#waiting.push(answer);
    this.#take();
    return answer.promise;
  }

  close(): void {
    this.socket.destroy();
  }

  #take(): void {
    while (this.#waiting.length > 0) {
      const end = this.#input.indexOf("\r\n\r\n");
      if (end === -1) return;
      const [line = "", ...lines] = this.#input.slice(0, end).split("\r\n");
      const fields = Object.fromEntries(lines.map((one) => one.split(": ") as [string, string]));
      const to = end + 4 + Number(fields["Content-Length"]);
      if (this.#input.length < to) return;
      const content = this.#input.slice(end + 4, to);
      this.#input = this.#input.slice(to);
      this.#waiting.shift()?.resolve({ status: Number(line.split(" ")[1]), fields, content });
    }
  }
}

export function asked(method: string, id: string, fields: readonly string[] = [], content = ""): string {
  const length = method === "PUT" ? [`Content-Length: ${content.length}`] : [];
  return [`${method} ${id} HTTP/1.1`, "Host: 127.0.0.1:42424", ...fields, ...length, "", content].join("\r\n");
}
