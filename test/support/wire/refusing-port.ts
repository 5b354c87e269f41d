import { onTestFinished } from "vitest";
import { bind } from "../../../src/proxy/holder/listening-socket.ts";

/** A port that refuses connections until the test is over: bound, so that nobody else gets it, but not listened on. */
export async function refusingPort(): Promise<number> {
  const socket = await bind({ host: "127.0.0.1", port: 0 });
  onTestFinished(() => {
    socket.close();
  });
  return socket.address.port;
}
