import { expect, test } from "vitest";
import { HitlessError } from "../../../src/base/error.ts";
import { sumRows, totalOf } from "../../../src/core/ledger.ts";
import { CLAIM_OF_EVERYTHING, DEFAULT_ROUTING, type Claim } from "../../../src/core/routing.ts";
import { freePort } from "../../support/free-port.ts";
import { temporaryDirectory, until } from "../../support/temp.ts";
import { filesFor } from "../../support/tls/files.ts";
import { ask, get } from "../../support/tls/client.ts";
import { PLAIN_TLS, startEcho, startProxy, tableFor, type TestProxy } from "../../support/tls/proxy.ts";
import { connectRaw } from "../../support/wire/raw-client.ts";

interface Part {
  readonly app: string;
  readonly claim?: Partial<Claim>;
  readonly port: number;
}

function tableOf(target: number, { app, claim, port }: Part) {
  const routing = { ...DEFAULT_ROUTING, claim: { ...CLAIM_OF_EVERYTHING, ...claim } };
  return tableFor(target, null, { app, routing, listen: { host: "127.0.0.1", port } });
}

async function totals(proxy: TestProxy, book: string): Promise<number> {
  const ledger = await proxy.traffic.ledger(encodeURIComponent(book));
  return ledger === null ? 0 : totalOf(sumRows(ledger.rows));
}

test("requests of one connection go each to the app that claims its host and path; what nobody claims is counted apart", async () => {
  const proxy = await startProxy();
  const port = await freePort();
  await proxy.traffic.apply(
    tableOf(await startEcho({ "X-App": "shop" }), { app: "shop", claim: { hosts: ["shop.test"] }, port }),
  );
  await proxy.traffic.apply(
    tableOf(await startEcho({ "X-App": "api" }), { app: "api", claim: { hosts: ["shop.test"], paths: ["/api"] }, port }),
  );
  const client = await connectRaw(port);
  const asked = async (host: string, target: string): Promise<string> => {
    client.send(`GET ${target} HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
    const { startLine, fields } = await client.answer();
    return fields.find(([name]) => name.toLowerCase() === "x-app")?.[1] ?? startLine;
  };
  expect(await asked("shop.test", "/")).toBe("shop");
  expect(await asked("shop.test", "/api/x")).toBe("api");
  expect(await asked("SHOP.test:80", "/apis")).toBe("shop");
  expect(await asked("other.test", "/api")).toBe("HTTP/1.1 404 Not Found");
  expect(await asked("shop.test", "/api")).toBe("api");
  expect([await totals(proxy, "shop"), await totals(proxy, "api"), await totals(proxy, `@127.0.0.1:${port}`)]).toEqual([2, 2, 1]);
});

test("an app that claims what another has is refused, with both named, and nothing changes", async () => {
  const proxy = await startProxy();
  const port = await freePort();
  const shop = tableOf(await startEcho({ "X-App": "shop" }), { app: "shop", claim: { hosts: ["shop.test"] }, port });
  await proxy.traffic.apply(shop);
  const error = await proxy.traffic
    .apply(tableOf(1, { app: "blog", claim: { hosts: ["blog.test", "shop.test"] }, port }))
    .catch((caught: unknown) => caught);
  expect(error).toBeInstanceOf(HitlessError);
  expect((error as HitlessError).failure).toMatchObject({
    code: "ERR_ROUTE_CONFLICT",
    what: `blog and shop both claim shop.test on 127.0.0.1:${port}.`,
  });
  expect((await proxy.traffic.status()).apps.map(({ app }) => app)).toEqual(["shop"]);
});

test("the listener goes with its last app, and a worker that comes later serves all of them", async () => {
  const proxy = await startProxy();
  const port = await freePort();
  for (const app of ["one", "two"]) {
    await proxy.traffic.apply(tableOf(await startEcho({ "X-App": app }), { app, claim: { hosts: [`${app}.test`] }, port }));
  }
  const answers = async (host: string): Promise<string> => {
    const client = await connectRaw(port);
    client.send(`GET / HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
    return (await client.answer()).startLine;
  };
  const { workers } = await proxy.traffic.status();
  for (const { pid } of workers) process.kill(pid, "SIGKILL");
  await until(async () => {
    const now = (await proxy.traffic.status()).workers;
    return now.length === workers.length && now.every(({ pid }) => workers.every((before) => before.pid !== pid));
  });
  for (let time = 0; time < 10; time += 1) {
    expect(await answers("one.test")).toBe("HTTP/1.1 200 OK");
    expect(await answers("two.test")).toBe("HTTP/1.1 200 OK");
  }
  await proxy.traffic.remove("one", 1);
  expect(await answers("one.test")).toBe("HTTP/1.1 404 Not Found");
  expect(await answers("two.test")).toBe("HTTP/1.1 200 OK");
  await proxy.traffic.remove("two", 1);
  await expect(connectRaw(port)).rejects.toThrow(/ECONNREFUSED/);
});

test("apps share HTTPS too, each with its own certificate, and a connection made for one does not reach the other", async () => {
  const proxy = await startProxy();
  const [plain, secure] = [await freePort(), await freePort()];
  const directory = temporaryDirectory();
  for (const app of ["one", "two"]) {
    const tls = {
      ...PLAIN_TLS,
      certificates: [await filesFor(directory, [`${app}.test`])],
      listen: { host: "127.0.0.1", port: secure },
    };
    const table = tableOf(await startEcho(), { app, claim: { hosts: [`${app}.test`] }, port: plain });
    await proxy.traffic.apply({ ...table, tls });
  }
  const status = async (servername: string, host: string): Promise<readonly [string | undefined, string | undefined]> => {
    const { certificate, text } = await ask(secure, { servername }, get("/", host));
    return [certificate, text.split(" ")[1]];
  };
  expect(await status("one.test", "one.test")).toEqual(["one.test", "200"]);
  expect(await status("two.test", "two.test")).toEqual(["two.test", "200"]);
  expect(await status("one.test", "two.test")).toEqual(["one.test", "421"]);
  await proxy.traffic.remove("one", 1);
  expect(await status("two.test", "two.test")).toEqual(["two.test", "200"]);
});
