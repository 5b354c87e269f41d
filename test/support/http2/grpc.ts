import {
  Client,
  credentials,
  Metadata,
  Server,
  ServerCredentials,
  status,
  type CallOptions,
  type ServiceDefinition,
  type ServiceError,
  type UntypedServiceImplementation,
} from "@grpc/grpc-js";
import { onTestFinished } from "vitest";

const asBytes = (text: string): Buffer => Buffer.from(text);
const asText = (bytes: Buffer): string => bytes.toString();

function method(path: string, requestStream: boolean, responseStream: boolean): ServiceDefinition[string] {
  const codec = {
    requestSerialize: asBytes,
    requestDeserialize: asText,
    responseSerialize: asBytes,
    responseDeserialize: asText,
  };
  return { path, requestStream, responseStream, ...codec };
}

/** A service whose messages are plain text, so that no protocol buffers are needed. */
const SHOP: ServiceDefinition = {
  price: method("/shop.Shop/Price", false, false),
  list: method("/shop.Shop/List", false, true),
  sum: method("/shop.Shop/Sum", true, false),
  chat: method("/shop.Shop/Chat", true, true),
};

/** `nothing` is an error, `never` is never answered. */
function shop(name: string, heard: GrpcInstance): UntypedServiceImplementation {
  const price = (
    call: { request: string; on: (event: string, listener: () => void) => void },
    done: (error: unknown, text?: string) => void,
  ): void => {
    if (call.request === "never") {
      heard.waiting += 1;
      call.on("cancelled", () => (heard.cancelled += 1));
    } else if (call.request === "nothing") done({ code: status.NOT_FOUND, details: "there is no such thing: ä" });
    else done(null, `${name}:${call.request}`);
  };
  const list = (call: {
    request: string;
    write: (text: string) => void;
    end: () => void;
    emit: (event: string, error: unknown) => void;
  }): void => {
    for (let item = 0; item < Number(call.request); item += 1) call.write(String(item));
    if (call.request === "3") call.emit("error", { code: status.DATA_LOSS, details: "the rest is gone" });
    else call.end();
  };
  const sum = (call: AsyncIterable<string>, done: (error: unknown, text?: string) => void): void => {
    void (async () => {
      let total = 0;
      for await (const text of call) total += Number(text);
      done(null, String(total));
    })();
  };
  const chat = (call: {
    on: (event: string, listener: (text: string) => void) => void;
    write: (text: string) => void;
    end: () => void;
  }): void => {
    call.on("data", (text) => {
      call.write(`${name}:${text}`);
    });
    call.on("end", () => {
      call.end();
    });
  };
  return { price, list, sum, chat } as unknown as UntypedServiceImplementation;
}

export interface GrpcInstance {
  readonly port: number;
  /** Calls of `never` that have reached it. */
  waiting: number;
  /** Calls of which it has heard that they were cancelled. */
  cancelled: number;
}

/** An instance that serves it over h2c; ends with the test. */
export async function startGrpc(name: string): Promise<GrpcInstance> {
  const server = new Server();
  const instance = { port: 0, waiting: 0, cancelled: 0 };
  server.addService(SHOP, shop(name, instance));
  instance.port = await new Promise<number>((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, port) => {
      if (error === null) resolve(port);
      else reject(error);
    });
  });
  onTestFinished(() => {
    server.forceShutdown();
  });
  return instance;
}

/** What a call ended with. */
export interface Outcome {
  readonly messages: readonly string[];
  readonly code: number;
  readonly details: string;
}

/** A client of the service; `root`: speaks TLS, trusts this certificate, and asks for shop.test. */
export class GrpcClient {
  readonly #client: Client;

  constructor(port: number, root?: string) {
    const secure = root === undefined ? credentials.createInsecure() : credentials.createSsl(Buffer.from(root));
    this.#client = new Client(`127.0.0.1:${port}`, secure, {
      "grpc.enable_http_proxy": 0,
      "grpc.use_local_subchannel_pool": 1,
      ...(root === undefined ? {} : { "grpc.ssl_target_name_override": "shop.test" }),
    });
    onTestFinished(() => {
      this.#client.close();
    });
  }

  price(thing: string, options: CallOptions = {}): Promise<Outcome> {
    return new Promise((resolve) => {
      this.#client.makeUnaryRequest("/shop.Shop/Price", asBytes, asText, thing, new Metadata(), options, (error, text) => {
        resolve(outcomeOf(error, text === undefined ? [] : [text]));
      });
    });
  }

  /** Begins a call and cancels it when `when` resolves. */
  cancelled(thing: string, when: Promise<unknown>): Promise<Outcome> {
    return new Promise((resolve) => {
      const call = this.#client.makeUnaryRequest("/shop.Shop/Price", asBytes, asText, thing, (error, text) => {
        resolve(outcomeOf(error, text === undefined ? [] : [text]));
      });
      void when.then(() => {
        call.cancel();
      });
    });
  }

  list(count: number): Promise<Outcome> {
    return new Promise((resolve) => {
      const call = this.#client.makeServerStreamRequest("/shop.Shop/List", asBytes, asText, String(count));
      const messages: string[] = [];
      call.on("data", (text: string) => messages.push(text));
      call.on("error", () => undefined);
      call.on("status", ({ code, details }: { code: number; details: string }) => {
        resolve({ messages, code, details });
      });
    });
  }

  sum(numbers: readonly number[]): Promise<Outcome> {
    return new Promise((resolve) => {
      const call = this.#client.makeClientStreamRequest("/shop.Shop/Sum", asBytes, asText, (error, text) => {
        resolve(outcomeOf(error, text === undefined ? [] : [text]));
      });
      for (const number of numbers) call.write(String(number));
      call.end();
    });
  }

  /** Says one thing after the other, each when the one before was answered. */
  chat(texts: readonly string[]): Promise<Outcome> {
    return new Promise((resolve) => {
      const call = this.#client.makeBidiStreamRequest("/shop.Shop/Chat", asBytes, asText);
      const messages: string[] = [];
      const next = (): void => {
        const text = texts[messages.length];
        if (text === undefined) call.end();
        else call.write(text);
      };
      call.on("data", (text: string) => {
        messages.push(text);
        next();
      });
      call.on("error", () => undefined);
      call.on("status", ({ code, details }: { code: number; details: string }) => {
        resolve({ messages, code, details });
      });
      next();
    });
  }
}

function outcomeOf(error: ServiceError | null, messages: readonly string[]): Outcome {
  return { messages, code: error?.code ?? status.OK, details: error?.details ?? "" };
}
