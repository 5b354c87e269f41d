import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import type { Action } from "../../../src/database/plan/action.ts";
import type { DatabaseLease, StepRequest } from "../../../src/ports/database.ts";
import { query } from "./server.ts";

/** Where the connection goes: in the transaction of a step, by the server; or when its answer is on the way, on the wire. */
export const CUTS = ["server", "wire"] as const;
export type Cut = (typeof CUTS)[number];

const CUT_SELF = "SELECT pg_terminate_backend(pg_backend_pid())";
const CUT_ALL =
  "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'hitless' AND datname = current_database()";

/** A way to the database that can be cut: all connections on it break with the next byte that the server sends. */
export class Wire {
  readonly url: string;
  readonly #sockets = new Set<Socket>();
  readonly #close: () => Promise<void>;
  #armed = false;

  private constructor(url: string, close: () => Promise<void>) {
    this.url = url;
    this.#close = close;
  }

  static async to(url: string): Promise<Wire> {
    const target = new URL(url);
    const server = createServer((client) => {
      wire.#join(client, connect(Number(target.port), target.hostname));
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const near = new URL(url);
    near.port = String((server.address() as AddressInfo).port);
    const wire = new Wire(near.href, async () => {
      server.close();
      wire.#break();
      await once(server, "close");
    });
    return wire;
  }

  cutNext(): void {
    this.#armed = true;
  }

  /** As when the client is gone. */
  cut(): void {
    this.#break();
  }

  close(): Promise<void> {
    return this.#close();
  }

  #join(client: Socket, server: Socket): void {
    for (const socket of [client, server]) {
      this.#sockets.add(socket);
      socket.on("error", () => undefined);
      socket.on("close", () => {
        this.#sockets.delete(socket);
        client.destroy();
        server.destroy();
      });
    }
    client.pipe(server);
    server.on("data", (chunk) => {
      if (this.#armed) this.#break();
      else client.write(chunk);
    });
  }

  #break(): void {
    this.#armed = false;
    for (const socket of this.#sockets) socket.destroy();
  }
}

/** A lease whose connection is cut in each action once in each way; what was cut is in `done`, as `done e1 server`. */
export function cuttable(lease: DatabaseLease, wire: Wire, done: Set<string>): DatabaseLease {
  const first = ({ action, mark }: { action: string; mark: string }, cut: Cut): boolean => {
    const name = `${mark} ${action} ${cut}`;
    if (done.has(name)) return false;
    done.add(name);
    return true;
  };
  const cutting =
    (run: DatabaseLease["step"]): DatabaseLease["step"] =>
    (request: StepRequest) => {
      if (first(request, "server")) return run({ ...request, sql: [...request.sql, CUT_SELF] });
      if (first(request, "wire")) wire.cutNext();
      return run(request);
    };
  const batch: DatabaseLease["batch"] = async (request) => {
    if (first({ ...request, mark: "filled" }, "server")) await query(wire.url, CUT_ALL);
    else if (first({ ...request, mark: "filled" }, "wire")) wire.cutNext();
    return lease.batch(request);
  };
  const own = { step: cutting((request) => lease.step(request)), alone: cutting((request) => lease.alone(request)), batch };
  return new Proxy(lease, {
    get: (target, key) => {
      const value: unknown = Reflect.get(own, key) ?? Reflect.get(target, key);
      return typeof value === "function" ? (value.bind(target) as unknown) : value;
    },
  });
}

/** What `done` holds once each of the actions was cut in each way. */
export function allCuts(actions: readonly Action[]): readonly string[] {
  return actions.flatMap(({ id, run }) => {
    const marks = run.kind === "backfill" ? [`filled ${id}`, `done ${id}`] : [`done ${id}`];
    return marks.flatMap((mark) => CUTS.map((cut) => `${mark} ${cut}`));
  });
}
