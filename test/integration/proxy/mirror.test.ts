import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import type { MirrorFigures } from "../../../src/core/judging/mirror.ts";
import { totalOf } from "../../../src/core/ledger.ts";
import { startProxy, tableFor, type TestProxy } from "../../support/tls/proxy.ts";
import { until } from "../../support/temp.ts";

const REQUESTS = 100;
const EVERYTHING = { release: "r2", percent: 100, compareBody: true, forMs: 60_000 };

type App = (request: IncomingMessage, response: ServerResponse) => void;

async function listening(app: App): Promise<number> {
  const server = createServer(app);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

const old: App = (request, response) => {
  if (request.url === "/broken") response.statusCode = 500;
  request.resume().on("end", () => response.end(`body of ${request.url ?? ""}`));
};

interface Scene {
  readonly proxy: TestProxy;
  readonly url: string;
  /** What the new release was asked. */
  readonly copies: readonly IncomingMessage[];
}

async function scene(app: App): Promise<Scene> {
  const proxy = await startProxy();
  const copies: IncomingMessage[] = [];
  const ports = {
    r1: await listening(old),
    r2: await listening((request, response) => {
      copies.push(request);
      app(request, response);
    }),
  };
  const pools = Object.entries(ports).map(([release, port]) => ({
    release,
    weight: release === "r1" ? 100 : 0,
    ...(release === "r1" ? {} : { preview: true }),
    targets: [{ instance: `${release}.1`, host: "127.0.0.1", port, health: null }],
  }));
  await proxy.traffic.apply(tableFor(0, null, { pools }));
  return { proxy, url: `http://127.0.0.1:${String((await proxy.ports()).plain)}`, copies };
}

/** Mirrors for as long as that takes. */
async function mirrored(
  { proxy }: Scene,
  during: () => Promise<unknown>,
  options: Partial<typeof EVERYTHING> = {},
): Promise<MirrorFigures> {
  const mirroring = proxy.traffic.mirror("shop", { ...EVERYTHING, ...options }, new AbortController().signal);
  await during();
  return mirroring;
}

/** Requests until one of them is mirrored, so that from then on all are. */
async function whenMirrored({ url, copies }: Scene): Promise<void> {
  await until(async () => {
    await (await fetch(`${url}/warm`)).text();
    return copies.length > 0;
  });
}

async function asked({ url }: Scene, path: string, init: RequestInit = {}): Promise<string> {
  const answer = await fetch(`${url}${path}`, init);
  return `${String(answer.status)} ${await answer.text()}`;
}

test(
  "scenario 68: mirrored requests are compared, and what differs is told with status, body and path",
  { timeout: 60_000 },
  async () => {
    const it = await scene((request, response) => {
      if (request.url === "/away?secret=1") response.statusCode = 404;
      response.end(request.url === "/other" ? "another body" : `body of ${request.url ?? ""}`);
    });
    const figures = await mirrored(
      it,
      async () => {
        await whenMirrored(it);
        for (let index = 0; index < REQUESTS; index += 1) await asked(it, "/same");
        expect(await asked(it, "/away?secret=1")).toBe("200 body of /away?secret=1");
        expect(await asked(it, "/other")).toBe("200 body of /other");
        expect(await asked(it, "/broken")).toContain("500");
      },
      { forMs: 6_000 },
    );
    expect(figures).toMatchObject({ statusDiffers: 1, bodyDiffers: 1, unanswered: 0, dropped: 0 });
    expect(figures.pairs).toBeGreaterThanOrEqual(REQUESTS + 2);
    expect([...figures.examples].sort()).toEqual(["GET /away: 200, from r2 404", "GET /other: the body from r2 is another one"]);
    expect(it.copies.map(({ url }) => url)).not.toContain("/broken");
    expect(it.copies.every(({ headers }) => headers["x-hitless-mirror"] === "1")).toBe(true);
    // No copy is in the books: they are what clients asked for.
    const rows = (await it.proxy.traffic.ledger("shop"))?.rows ?? [];
    expect(rows.map(({ release }) => release)).toEqual(["r1"]);
  },
);

test("only GET and HEAD without a body are ever mirrored", { timeout: 60_000 }, async () => {
  const it = await scene(old);
  await mirrored(
    it,
    async () => {
      await whenMirrored(it);
      for (const method of ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"]) await asked(it, "/order", { method });
      await asked(it, "/order", { method: "POST", body: "x" });
      await asked(it, "/head", { method: "HEAD" });
      await until(() => it.copies.some(({ url }) => url === "/head"));
    },
    { forMs: 5_000 },
  );
  expect(new Set(it.copies.map(({ method }) => method))).toEqual(new Set(["GET", "HEAD"]));
  expect(it.copies.map(({ url }) => url)).not.toContain("/order");
});

test(
  "a new release that hangs, breaks off or floods costs clients nothing and the proxy a bounded number of copies",
  { timeout: 60_000 },
  async () => {
    let open = 0;
    let most = 0;
    const it = await scene((request, response) => {
      open += 1;
      most = Math.max(most, open);
      request.socket.on("close", () => (open -= 1));
      if (request.url === "/broken-off") response.destroy();
      if (request.url === "/flood") {
        const more = (): void => {
          while (!response.destroyed && response.write(Buffer.alloc(65_536)));
        };
        response.on("drain", more);
        more();
      }
    });
    const figures = await mirrored(
      it,
      async () => {
        await whenMirrored(it);
        expect(await asked(it, "/broken-off")).toBe("200 body of /broken-off");
        expect(await asked(it, "/flood")).toBe("200 body of /flood");
        for (let index = 0; index < REQUESTS; index += 1) expect(await asked(it, "/hang")).toBe("200 body of /hang");
      },
      { forMs: 6_000 },
    );
    expect(figures.unanswered).toBe(1);
    expect(figures.bodyDiffers).toBe(1);
    expect(figures.dropped).toBeGreaterThan(REQUESTS - 2 * 32 - 1);
    // Each of the two workers has so many.
    expect(most).toBeLessThanOrEqual(2 * 32);
    const rows = (await it.proxy.traffic.ledger("shop"))?.rows ?? [];
    for (const { counts } of rows) expect(counts.served).toBe(totalOf(counts));
  },
);

test("a share of them is mirrored, and nothing once who asked for it is gone", { timeout: 60_000 }, async () => {
  const it = await scene(old);
  const gone = new AbortController();
  const mirroring = it.proxy.traffic.mirror("shop", { ...EVERYTHING, percent: 25 }, gone.signal).catch(() => null);
  await whenMirrored(it);
  const before = it.copies.length;
  for (let index = 0; index < 400; index += 1) await asked(it, "/same");
  await until(() => it.copies.length - before >= 98);
  expect(it.copies.length - before).toBeLessThanOrEqual(102);
  gone.abort();
  expect(await mirroring).toBeNull();
  await until(async () => {
    const then = it.copies.length;
    for (let index = 0; index < 20; index += 1) await asked(it, "/same");
    return it.copies.length === then;
  });
});
