import { createHash, randomBytes } from "node:crypto";
import { createServer, request } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { expect, it, onTestFinished } from "vitest";
import { WireProxy } from "../../../support/wire/wire-proxy.ts";

const MiB = 1_048_576;
/** More than the kernel holds for a connection. */
const LARGE = 8 * MiB;
const CLIENTS = 6;
const ROUNDS = 2;

const digest = (data: Buffer): string => createHash("sha256").update(data).digest("hex");

/** Answers with what it is sent, and reads with pauses: what is passed on has to wait in the proxy. */
async function startSlowEcho(): Promise<number> {
  const server = createServer((incoming, response) => {
    void (async () => {
      for await (const piece of incoming as AsyncIterable<Buffer>) {
        if (!response.write(piece)) await new Promise((resolve) => response.once("drain", resolve));
        if (piece[0]! < 16) await pause(5);
      }
      response.end();
    })();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

/** Sends the body and gives the digest of what came back, read with pauses. */
async function echo(port: number, body: Buffer, agent: undefined | false): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const outgoing = request({ port, host: "127.0.0.1", method: "POST", path: "/echo", agent }, (response) => {
    void (async () => {
      const hash = createHash("sha256");
      for await (const piece of response as AsyncIterable<Buffer>) {
        hash.update(piece);
        if (piece[0]! < 32) await pause(5);
      }
      resolve(hash.digest("hex"));
    })().catch(reject);
  });
  outgoing.on("error", reject);
  outgoing.end(body);
  return promise;
}

it("bodies of many clients at once, up and down, slow and fast, are never mixed up", async () => {
  const proxy = await WireProxy.start([await startSlowEcho()], { proxy: { holdMs: 1_000 } });
  const client = async (number: number): Promise<void> => {
    for (let round = 0; round < ROUNDS; round += 1) {
      const body = randomBytes(number % 3 === 0 ? 3_000 + number : LARGE + number);
      expect(await echo(proxy.port, body, number % 2 === 0 ? undefined : false)).toBe(digest(body));
    }
  };
  await Promise.all(Array.from({ length: CLIENTS }, (_, number) => client(number)));
  expect(await proxy.ledger()).toEqual({ served: CLIENTS * ROUNDS });
});
