import { expect, test } from "vitest";
import { DEFAULT_BALANCE, DEFAULT_ROUTING } from "../../../../src/core/routing.ts";
import { ask, connectHttp2 } from "../../../support/http2/client.ts";
import { until } from "../../../support/temp.ts";
import { connectRaw, type RawClient } from "../../../support/wire/raw-client.ts";
import { ScriptedUpstream, type Peer } from "../../../support/wire/scripted-upstream.ts";
import { WireProxy } from "../../../support/wire/wire-proxy.ts";

const MAX = 2;
const CLIENTS = 10;
const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/** An application that keeps every request until it is told to answer, and knows how many it had at once. */
class Slow {
  inFlight = 0;
  highest = 0;
  readonly waiting: Peer[] = [];
  upstream!: ScriptedUpstream;

  static async start(): Promise<Slow> {
    const slow = new Slow();
    slow.upstream = await ScriptedUpstream.start(async (peer) => {
      for (;;) {
        await peer.request();
        slow.inFlight += 1;
        slow.highest = Math.max(slow.highest, slow.inFlight);
        slow.waiting.push(peer);
      }
    });
    return slow;
  }

  answerOne(): void {
    const peer = this.waiting.shift();
    if (peer === undefined) return;
    this.inFlight -= 1;
    peer.send(OK);
  }
}

async function stand(holdMs = 20_000) {
  const instances = [await Slow.start(), await Slow.start()] as const;
  const routing = { ...DEFAULT_ROUTING, balance: { ...DEFAULT_BALANCE, maxPerInstance: MAX } };
  const ports = instances.map(({ upstream }) => upstream.port);
  const proxy = await WireProxy.start(ports, {
    proxy: { holdMs, http2Cleartext: true },
    table: { routing },
  });
  const inFlight = (): number => instances.reduce((sum, slow) => sum + slow.inFlight, 0);
  return { instances, proxy, inFlight };
}

async function askAll(proxy: WireProxy): Promise<readonly RawClient[]> {
  const clients = await Promise.all(Array.from({ length: CLIENTS }, () => connectRaw(proxy.port)));
  for (const client of clients) client.send("POST /orders HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi");
  return clients;
}

test("no instance ever has more requests than the limit; the others wait, and every answer lets the next one go", async () => {
  const { instances, proxy, inFlight } = await stand();
  const clients = await askAll(proxy);
  for (let left = CLIENTS; left > 0; left -= 1) {
    const expected = Math.min(left, MAX * instances.length);
    // The last ones may still be on their way to the proxy.
    await until(() => inFlight() === expected && proxy.held === left - expected, { what: `${String(expected)} in flight` });
    expect(proxy.held).toBe(left - expected);
    instances.find(({ waiting }) => waiting.length > 0)?.answerOne();
  }
  expect(await Promise.all(clients.map((client) => client.status()))).toEqual(clients.map(() => 200));
  expect(instances.map(({ highest }) => highest)).toEqual([MAX, MAX]);
  const first = MAX * instances.length;
  expect(await proxy.ledger()).toEqual({ served: first, servedAfterHold: CLIENTS - first });
});

test("streams of one HTTP/2 connection are held to it, too", async () => {
  const { instances, proxy, inFlight } = await stand();
  const session = await connectHttp2(proxy.port);
  const answers = Array.from({ length: CLIENTS }, () => ask(session));
  let answered = 0;
  await until(() => inFlight() === MAX * instances.length && proxy.held === CLIENTS - MAX * instances.length);
  await until(() => {
    for (const slow of instances) {
      answered += slow.waiting.length;
      while (slow.waiting.length > 0) slow.answerOne();
    }
    return answered === CLIENTS;
  });
  expect((await Promise.all(answers)).map(({ status }) => status)).toEqual(answers.map(() => 200));
  expect(instances.map(({ highest }) => highest)).toEqual([MAX, MAX]);
});

test("who waits longer than a request may gets 503, and reached no instance", async () => {
  const { instances, proxy, inFlight } = await stand(100);
  const clients = await askAll(proxy);
  await until(() => inFlight() === MAX * instances.length);
  await until(() => clients.filter(({ received }) => received.startsWith("HTTP/1.1 503")).length === CLIENTS - inFlight());
  while (inFlight() > 0) for (const slow of instances) slow.answerOne();
  expect(await proxy.ledger()).toEqual({ served: MAX * 2, failed: CLIENTS - MAX * 2 });
  expect(instances.map(({ upstream }) => upstream.received.match(/POST/g)?.length)).toEqual([MAX, MAX]);
});
