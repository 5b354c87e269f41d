import { expect, test } from "vitest";
import { sumRows } from "../../../src/core/ledger.ts";
import { CLAIM_OF_EVERYTHING } from "../../../src/core/routing.ts";
import { startEcho, startProxy, tableFor } from "../../support/tls/proxy.ts";
import { ask, connectHttp2, type Http2Answer } from "../../support/http2/client.ts";
import { connectRaw } from "../../support/wire/raw-client.ts";

test("cohort cookie and preview, over two workers and real sockets: a client stays, a preview is counted apart", async () => {
  const proxy = await startProxy();
  const pools = await Promise.all(
    [["r1", 50] as const, ["r2", 50] as const, ["r3", 0] as const].map(async ([release, weight]) => {
      const port = await startEcho({ "X-Release": release });
      const target = { instance: `web.${release}.1`, host: "127.0.0.1", port, health: null };
      return { release, weight, preview: weight === 0, targets: [target] };
    }),
  );
  const preview = { header: "X-Hitless-Preview", cookie: "hitless_preview", hosts: [], secretSha256: null };
  const routing = { claim: CLAIM_OF_EVERYTHING, cohort: { by: "cookie", name: "c" }, preview } as const;
  const proxySpec = { holdMs: 1_000, firstByteTimeoutMs: 10_000, http2Cleartext: true };
  await proxy.traffic.apply(tableFor(0, null, { pools, routing, proxy: proxySpec }));
  const { plain } = await proxy.ports();
  const asked = async (fields: string): Promise<ReadonlyMap<string, string>> => {
    const client = await connectRaw(plain);
    client.send(`GET / HTTP/1.1\r\nHost: a\r\n${fields}Connection: close\r\n\r\n`);
    return new Map((await client.answer()).fields.map(([name, value]) => [name.toLowerCase(), value]));
  };
  const first = await asked("");
  const cookie = first.get("set-cookie")?.split(";")[0] ?? "";
  expect(cookie).toMatch(/^c=[\w-]{22}$/);
  for (let time = 0; time < 10; time += 1) {
    const again = await asked(`Cookie: ${cookie}\r\n`);
    expect([again.get("x-release"), again.get("set-cookie")]).toEqual([first.get("x-release"), undefined]);
  }
  expect((await asked("X-Hitless-Preview: r3\r\n")).get("x-release")).toBe("r3");
  const served = async (book: string): Promise<number> => {
    const ledger = await proxy.traffic.ledger(encodeURIComponent(book));
    return sumRows(ledger?.rows ?? []).served;
  };
  expect([await served("shop"), await served("shop/previews")]).toEqual([11, 1]);

  const session = await connectHttp2(plain);
  const askedHttp2 = async (fields: Readonly<Record<string, string>>): Promise<Http2Answer["headers"]> =>
    (await ask(session, fields)).headers;
  const stranger = await askedHttp2({});
  const [given = ""] = stranger["set-cookie"] ?? [];
  expect(given).toMatch(/^c=[\w-]{22};/);
  for (let time = 0; time < 10; time += 1) {
    // A browser may send its cookies in several fields (RFC 9113 section 8.2.3).
    const again = await askedHttp2({ cookie: `theme=dark; ${given.split(";")[0] ?? ""}` });
    expect([again["x-release"], again["set-cookie"]]).toEqual([stranger["x-release"], undefined]);
    // Whatever the protocol, it is the same client.
    expect((await asked(`Cookie: ${given.split(";")[0] ?? ""}\r\n`)).get("x-release")).toBe(stranger["x-release"]);
  }
  expect((await askedHttp2({ "x-hitless-preview": "r3" }))["x-release"]).toBe("r3");
  expect((await askedHttp2({ cookie: "hitless_preview=r3" }))["x-release"]).toBe("r3");
  expect((await askedHttp2({ "x-hitless-preview": "r1" }))[":status"]).toBe(404);
  expect(await served("shop")).toBe(11 + 21);
  expect(await served("shop/previews")).toBe(1 + 2);
});
