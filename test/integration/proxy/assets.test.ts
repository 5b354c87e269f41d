import { mkdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { freePort } from "../../support/free-port.ts";
import { ask, connectHttp2 } from "../../support/http2/client.ts";
import { ProxyProgram } from "../../support/proxy-program.ts";
import { temporaryDirectory } from "../../support/temp.ts";

const LARGE = Buffer.alloc(3 * 1024 * 1024, "old release ");
const MISSING = "the application's own page for what is missing ".repeat(2_000);

/** An application that has nothing but its own 404: small, large and in pieces, or broken off. */
async function application(): Promise<number> {
  const server = createServer(({ url = "" }, response) => {
    if (url.endsWith("?broken")) {
      response.writeHead(404, { "content-length": 1_000 });
      response.write("half of it", () => response.destroy());
    } else if (url.includes("large") || url.endsWith("?pieces")) {
      response.writeHead(404, { "content-type": "text/html" });
      response.write(MISSING);
      setImmediate(() => response.end(MISSING));
    } else response.writeHead(404, { "x-own": "yes", "content-length": 4 }).end("none");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  return (server.address() as AddressInfo).port;
}

test(
  "an asset of an older release is answered over both protocols, and the application's 404 where there is none",
  { timeout: 60_000 },
  async () => {
    const tree = temporaryDirectory();
    mkdirSync(join(tree, "public"));
    writeFileSync(join(tree, "public", "app-1.js"), "export {};");
    writeFileSync(join(tree, "public", "large.bin"), LARGE);
    writeFileSync(join(tree, "secret"), "SECRET");
    const port = await freePort();
    const proxy = await ProxyProgram.started(port);
    const targets = [{ instance: "web.r2.1", host: "127.0.0.1", port: await application(), health: null }];
    const places = [{ path: "/assets", directory: "public" }];
    const route = (until: number | null): Promise<void> =>
      proxy.route([], {
        proxy: { holdMs: 1_000, firstByteTimeoutMs: 10_000, http2Cleartext: true },
        pools: [{ release: "r2", weight: 1, targets }],
        assets: [{ release: "r1", places, until, tree }],
      });
    await route(null);
    const get = (path: string, options: RequestInit = {}): Promise<Response> => fetch(`${proxy.url}${path}`, options);

    const found = await get("/assets/app-1.js");
    expect([found.status, await found.text()]).toEqual([200, "export {};"]);
    expect(Object.fromEntries(found.headers)).toMatchObject({
      "content-type": "text/javascript; charset=utf-8",
      "content-length": "10",
      "cache-control": "public, max-age=31536000, immutable",
      "x-hitless-asset": "r1",
    });
    const etag = found.headers.get("etag") ?? "";
    expect((await get("/assets/app-1.js", { headers: { "if-none-match": etag } })).status).toBe(304);
    const part = await get("/assets/large.bin", { headers: { range: "bytes=12-23" } });
    expect([part.status, await part.text()]).toEqual([206, "old release "]);
    const head = await get("/assets/app-1.js", { method: "HEAD" });
    expect([head.status, head.headers.get("content-length")]).toEqual([200, "10"]);
    for (const query of ["", "?pieces", "?broken"]) {
      const whole = Buffer.from(await (await get(`/assets/large.bin${query}`)).arrayBuffer());
      expect(whole.equals(LARGE), `large.bin${query}`).toBe(true);
    }

    const own = await get("/assets/none.js");
    expect([own.status, own.headers.get("x-own"), await own.text()]).toEqual([404, "yes", "none"]);
    const pieces = await get("/assets/none.js?pieces");
    expect([pieces.status, await pieces.text()]).toEqual([404, MISSING + MISSING]);
    await expect(get("/assets/none.js?broken").then((answer) => answer.text())).rejects.toThrow();
    expect((await get("/assets/app-1.js", { method: "POST", body: "x" })).status).toBe(404);
    expect((await get("/assets/%2e%2e%2fsecret")).status).toBe(404);
    expect((await get("/other/app-1.js")).status).toBe(404);

    const session = await connectHttp2(port);
    expect(await ask(session, { ":path": "/assets/app-1.js" })).toMatchObject({ status: 200, body: "export {};", code: 0 });
    expect(await ask(session, { ":path": "/assets/large.bin" })).toMatchObject({ status: 200, body: LARGE.toString(), code: 0 });
    expect(await ask(session, { ":path": "/assets/app-1.js", ":method": "HEAD" })).toMatchObject({ status: 200, body: "" });
    expect(await ask(session, { ":path": "/assets/none.js?pieces" })).toMatchObject({ status: 404, body: MISSING + MISSING });

    const { rows } = (await proxy.traffic.ledger(ProxyProgram.app)) ?? { rows: [] };
    expect(rows.map(({ release, counts }) => [release, counts.served, counts.failed])).toEqual([["r2", 16, 1]]);

    await route(Date.now() - 1);
    expect((await get("/assets/app-1.js")).status, "its time is over").toBe(404);
  },
);
