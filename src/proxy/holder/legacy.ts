import { HitlessError } from "../../base/error.ts";
import type { HeldListener } from "./app-listeners.ts";
import { inherited, type TcpHandle } from "./listening-socket.ts";
import { SUCCESSION_PROTOCOL, type HandedOver, type PredecessorMessage, type SuccessorMessage } from "./succession.ts";

export interface PredecessorChannel {
  readonly pid: number;
  send(message: SuccessorMessage): void;
  close(): void;
}

/** What a new generation was given by the one before. */
export interface Legacy {
  readonly state: HandedOver;
  readonly listeners: readonly HeldListener[];
  readonly channel: PredecessorChannel;
  /**
   * Resolves when this generation may begin to accept: `commit`, or `orphaned` when the one before has died after it had handed over
   * everything, so that there is nobody to wait for.
   */
  readonly go: Promise<"commit" | "orphaned">;
  /** Everything that comes later; `gone` when the channel has ended. */
  readonly listen: (take: (message: PredecessorMessage) => void, gone: () => void) => void;
}

/** Receives from the process that has started this one. @throws ERR_PROXY_REFUSED when that ends before it has handed over everything */
export function receiveLegacy(): Promise<Legacy> {
  const listeners: HeldListener[] = [];
  const go = Promise.withResolvers<"commit" | "orphaned">();
  const state = Promise.withResolvers<HandedOver>();
  const early: PredecessorMessage[] = [];
  let take = (message: PredecessorMessage): void => {
    early.push(message);
  };
  let gone = (): void => undefined;
  let ended = false;
  process.on("message", (message: PredecessorMessage, handle: unknown) => {
    if (message.kind === "socket") listeners.push(received(message, handle, listeners));
    else if (message.kind === "state") state.resolve(message.state);
    else if (message.kind === "commit") go.resolve("commit");
    else take(message);
  });
  process.on("disconnect", () => {
    ended = true;
    state.reject(
      new HitlessError({ code: "ERR_PROXY_REFUSED", what: "The old proxy ended before it had handed over everything." }),
    );
    go.resolve("orphaned");
    gone();
  });
  sendToPredecessor({ kind: "hello", protocol: SUCCESSION_PROTOCOL, pid: process.pid });
  return state.promise.then((handedOver) => ({
    state: handedOver,
    listeners,
    go: go.promise,
    channel: {
      pid: handedOver.pid,
      send: sendToPredecessor,
      close: () => {
        if (process.connected) process.disconnect();
      },
    },
    listen: (whenTold, whenGone) => {
      take = whenTold;
      gone = whenGone;
      for (const message of early.splice(0)) take(message);
      if (ended) gone();
    },
  }));
}

function received(
  { listener, bound }: Extract<PredecessorMessage, { kind: "socket" }>,
  handle: unknown,
  known: readonly HeldListener[],
): HeldListener {
  const shared = known.find(({ key }) => key === listener.key);
  return { ...listener, socket: shared?.socket ?? inherited(bound, handle as TcpHandle) };
}

export function sendToPredecessor(message: SuccessorMessage): void {
  if (process.connected) process.send?.(message, undefined, {}, () => undefined);
}
