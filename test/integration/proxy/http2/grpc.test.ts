import { status } from "@grpc/grpc-js";
import { describe, expect, it } from "vitest";
import { parseCertificate } from "../../../../src/proxy/tls/certificate.ts";
import { GrpcClient, startGrpc, type GrpcInstance, type Outcome } from "../../../support/http2/grpc.ts";
import { until } from "../../../support/temp.ts";
import { issue } from "../../../support/tls/issue.ts";
import { WireProxy } from "../../../support/wire/wire-proxy.ts";

interface Stand {
  readonly proxy: WireProxy;
  readonly instance: GrpcInstance;
  readonly client: GrpcClient;
}

async function stand(front: string): Promise<Stand> {
  const instance = await startGrpc("one");
  if (front === "h2c") {
    const proxy = await WireProxy.start([instance.port], { protocol: "h2c", proxy: { http2Cleartext: true } });
    return { proxy, instance, client: new GrpcClient(proxy.port) };
  }
  const { cert, key } = await issue(["shop.test"]);
  const { certificate } = parseCertificate(cert, key);
  const proxy = await WireProxy.start([instance.port], { protocol: "h2c", secure: { certificate: certificate!, hsts: null } });
  return { proxy, instance, client: new GrpcClient(proxy.port, cert) };
}

const OK: number = status.OK;
const HUNDRED = Array.from({ length: 100 }, (_, index) => index);

describe.each(["h2c", "TLS"])("L23: gRPC, by @grpc/grpc-js, the front over %s", (front) => {
  it("unary, server, client and two-way streaming", async () => {
    const { proxy, client } = await stand(front);
    expect(await client.price("tea")).toEqual({ messages: ["one:tea"], code: status.OK, details: "" });
    expect(await client.list(100)).toMatchObject({ messages: HUNDRED.map(String), code: status.OK });
    expect(await client.sum(HUNDRED)).toMatchObject({ messages: ["4950"], code: status.OK });
    expect(await client.chat(["a", "b", "c"])).toMatchObject({ messages: ["one:a", "one:b", "one:c"], code: status.OK });
    expect(await proxy.ledger()).toEqual({ served: 4 });
  });

  it("a message of 2 MiB both ways", async () => {
    const { proxy, client } = await stand(front);
    const large = "x".repeat(2 * 1024 * 1024);
    expect((await client.price(large)).messages[0]!.length).toBe(large.length + "one:".length);
    expect(await proxy.ledger()).toEqual({ served: 1 });
  });

  it("an error's status in trailers alone, and after messages", async () => {
    const { proxy, client } = await stand(front);
    expect(await client.price("nothing")).toEqual({ messages: [], code: status.NOT_FOUND, details: "there is no such thing: ä" });
    expect(await client.list(3)).toEqual({ messages: ["0", "1", "2"], code: status.DATA_LOSS, details: "the rest is gone" });
    expect(await proxy.ledger()).toEqual({ served: 2 });
  });

  it("a deadline and a cancellation reach the instance", async () => {
    const { proxy, instance, client } = await stand(front);
    expect(await client.price("never", { deadline: Date.now() + 1_000 })).toMatchObject({ code: status.DEADLINE_EXCEEDED });
    await until(() => instance.cancelled === 1, { what: "the instance hears of the deadline" });
    // Not before: of a call that has not reached it there is nothing to hear.
    const call = client.cancelled(
      "never",
      until(() => instance.waiting === 2),
    );
    expect(await call).toMatchObject({ code: status.CANCELLED });
    await until(() => instance.cancelled === 2, { what: "the instance hears of the cancellation" });
    expect(await client.price("tea")).toMatchObject({ code: status.OK });
    // The instance knows the deadline too: it may have answered before the client gave up.
    expect([
      { served: 1, clientGone: 2 },
      { served: 2, clientGone: 1 },
    ]).toContainEqual(await proxy.ledger());
  });

  it("ten switches of the table with a drain under load: no call fails, streams are finished where they began", async () => {
    const { proxy, instance, client } = await stand(front);
    let going = true;
    const failed: Outcome[] = [];
    let calls = 0;
    const load = async (call: () => Promise<Outcome>): Promise<void> => {
      while (going) {
        const outcome = await call();
        calls += 1;
        const owners = new Set(outcome.messages.map((text) => text.split(":")[0]));
        if (outcome.code !== OK || owners.size !== 1) failed.push(outcome);
      }
    };
    const kinds = [() => client.price("tea"), () => client.chat(["a", "b", "c", "d"]), () => client.price("milk")];
    const loads = Array.from({ length: 12 }, (_, index) => load(kinds[index % kinds.length]!));
    let old = instance;
    for (let round = 2; round <= 11; round += 1) {
      const next = await startGrpc(`i${round}`);
      const before = calls;
      proxy.route([next.port]);
      await proxy.drain([old.port]);
      await until(() => calls > before + 20, { what: "calls after the switch" });
      old = next;
    }
    going = false;
    await Promise.all(loads);
    expect(failed).toEqual([]);
    const { served = 0, servedAfterRetry = 0, ...others } = await proxy.ledger();
    expect([served + servedAfterRetry, others]).toEqual([calls, {}]);
  });
});
