import { once } from "node:events";
import { createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { onTestFinished } from "vitest";
import type { IssuedPair } from "../../tls/issue.ts";
import { MESSAGE, MessageReader, packets, type Message } from "./messages.ts";
import { readStatement, type Statement } from "./rpc.ts";
import { secured } from "./secured.ts";
import { SessionTable, SqlError } from "./session-table.ts";
import { answered, batchDone, loginAccepted, refused } from "./tokens.ts";

const PASSWORD = "p@ss";
/** ENCRYPT_ON and ENCRYPT_NOT_SUP of MS-TDS 2.2.6.5. */
const [ENCRYPTED, PLAIN] = [1, 2];

/** Encryption is the only option of PRELOGIN that matters here. The version comes before it, as it must. */
const prelogin = (encryption: number): Buffer =>
  packets(Buffer.from([0, 0, 11, 0, 6, 1, 0, 17, 0, 1, 0xff, 13, 0, 0, 0, 0, 0, encryption]));

/** What is to happen to the statement that comes next, instead of an answer. */
type Fault = (socket: Socket, statement: Statement) => void;

/** Speaks TDS 7.4 as SQL Server 2016 does, with encryption where it has a certificate, and keeps sessions in memory. It is a script, not SQL Server: see `SessionTable`. */
export class TdsServer {
  readonly #table = new SessionTable();
  readonly #sockets = new Set<Socket>();
  readonly #faults: Fault[] = [];
  readonly #pair: IssuedPair | null;
  #server: Server | null = null;
  #port = 0;
  logins = 0;
  /** Also with a wrong password. */
  loginsTried = 0;

  private constructor(pair: IssuedPair | null) {
    this.#pair = pair;
  }

  static async started(pair: IssuedPair | null = null): Promise<TdsServer> {
    const server = new TdsServer(pair);
    await server.start();
    onTestFinished(() => server.stop());
    return server;
  }

  get port(): number {
    return this.#port;
  }

  url(password = PASSWORD, query = "?encrypt=false"): string {
    return `mssql://shop:${encodeURIComponent(password)}@127.0.0.1:${this.#port}/shop${query}`;
  }

  /** On the port it had before, if any. */
  async start(): Promise<void> {
    const server = createServer((socket) => {
      this.#serve(socket);
    });
    this.#server = server;
    server.listen(this.#port, "127.0.0.1");
    await once(server, "listening");
    this.#port = (server.address() as AddressInfo).port;
  }

  /** As if the machine went away; the table stays. */
  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = null;
    this.dropConnections();
    if (server !== null) await new Promise((resolve) => server.close(resolve));
  }

  dropConnections(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  once(fault: Fault): void {
    this.#faults.push(fault);
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on("close", () => this.#sockets.delete(socket));
    socket.on("error", () => undefined);
    this.#listen(socket);
  }

  #listen(socket: Socket): void {
    const reader = new MessageReader();
    socket.on("data", (chunk) => {
      for (const message of reader.take(chunk)) this.#answer(socket, message);
    });
  }

  #begin(socket: Socket): void {
    socket.write(prelogin(this.#pair === null ? PLAIN : ENCRYPTED));
    if (this.#pair === null) return;
    socket.removeAllListeners("data");
    this.#listen(secured(socket, this.#pair));
  }

  #answer(socket: Socket, { type, body }: Message): void {
    if (type === MESSAGE.prelogin) this.#begin(socket);
    else if (type === MESSAGE.login) this.#login(socket, body);
    else if (type === MESSAGE.batch) socket.write(packets(batchDone()));
    else if (type === MESSAGE.rpc) this.#run(socket, readStatement(body));
    else socket.destroy();
  }

  #login(socket: Socket, body: Buffer): void {
    const right = field(body, 40) === "shop" && deciphered(body, 44) === PASSWORD;
    this.loginsTried += 1;
    if (right) this.logins += 1;
    const answer = right ? loginAccepted() : refused(18_456, "Login failed for user 'shop'.");
    socket.write(packets(answer));
  }

  #run(socket: Socket, statement: Statement): void {
    const fault = this.#faults.shift();
    if (fault !== undefined) {
      fault(socket, statement);
      return;
    }
    try {
      socket.write(packets(answered(this.#table.run(statement))));
    } catch (error) {
      if (!(error instanceof SqlError)) throw error;
      socket.write(packets(refused(error.number, error.message, 16)));
    }
  }
}

/** A text of LOGIN7 (MS-TDS 2.2.6.4) by the place of its offset and length. */
function field(body: Buffer, at: number): string {
  return bytesOf(body, at).toString("utf16le");
}

/** Passwords have their half bytes swapped, and then 0xA5 laid over. */
function deciphered(body: Buffer, at: number): string {
  return Buffer.from(bytesOf(body, at).map((byte) => swapped(byte ^ 0xa5))).toString("utf16le");
}

function swapped(byte: number): number {
  return ((byte << 4) & 0xf0) | (byte >> 4);
}

function bytesOf(body: Buffer, at: number): Buffer {
  const offset = body.readUInt16LE(at);
  return body.subarray(offset, offset + 2 * body.readUInt16LE(at + 2));
}
