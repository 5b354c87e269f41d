import { describe, expect, test } from "vitest";
import { systemClock } from "../../../src/adapters/clock/system.ts";
import { nodeHttp } from "../../../src/adapters/http/node-http.ts";
import type { StatelessnessOutcome } from "../../../src/core/statelessness/outcome.ts";
import type { JourneyRequest } from "../../../src/core/task.ts";
import type { Node } from "../../../src/engine/statelessness/node-walk.ts";
import { verifyStateless } from "../../../src/engine/statelessness/verify.ts";
import { shopDatabase, shopDirectory, startShop } from "../../support/apps/shop.ts";
import { sharedPostgres } from "../../support/postgres/shared.ts";
import { temporaryDirectory } from "../../support/temp.ts";

/** How often the stateless shop is verified: nothing may ever be found in it. */
const RUNS = Number(process.env["HITLESS_STATELESS_RUNS"] ?? "3");

const postgres = sharedPostgres();

function request(method: string, path: string, body: string | null = null): JourneyRequest {
  return { method, path, headers: {}, body, expect: {}, capture: {} };
}

const JOURNEY = [
  request("GET", "/"),
  request("POST", "/api/login", '{"name":"anna"}'),
  request("GET", "/api/me"),
  request("PUT", "/api/photos/${run}", "a cat"),
  request("GET", "/api/photos/${run}"),
  request("PUT", "/api/baskets/${run}", '{"products":["tea"]}'),
  request("PUT", "/api/baskets/${run}", '{"products":["tea","honey"]}'),
  request("GET", "/api/baskets/${run}"),
  request("POST", "/api/orders", '{"id":"${run}","product":"tea","quantity":2}'),
  request("GET", "/api/orders/${run}"),
  request("GET", "/api/orders/count"),
];

/** Instances of the shop, the next of which have names of their own. */
class Shop {
  readonly #directory = shopDirectory(1);
  readonly #database: string;
  readonly #env: Record<string, string>;
  #started = 0;

  constructor(database: string, env: Record<string, string>) {
    this.#database = database;
    this.#env = { ...env, TMPDIR: temporaryDirectory() };
  }

  start(instances: number): Promise<Node[]> {
    return Promise.all(Array.from({ length: instances }, () => this.#one()));
  }

  async #one(): Promise<Node> {
    this.#started += 1;
    const instance = `web.${String(this.#started)}`;
    const app = await startShop(this.#directory, this.#database, { ...this.#env, HITLESS_INSTANCE: instance });
    await app.ready();
    return { instance, host: "127.0.0.1", port: Number(new URL(app.url).port) };
  }
}

async function verified(shop: Shop, instances: number): Promise<StatelessnessOutcome> {
  const manner = { authority: "shop.example.com", secure: false, cookies: {} };
  const ports = { http: nodeHttp, clock: systemClock, signal: new AbortController().signal };
  const nodes = await shop.start(instances);
  const replace = (): Promise<readonly Node[]> => shop.start(instances);
  return verifyStateless(ports, { requests: JOURNEY, manner, nodes, replace, timeoutMs: 60_000 });
}

describe("the statelessness test", () => {
  test("finds nothing in the shop", { timeout: 30_000 + RUNS * 15_000 }, async () => {
    const shop = new Shop(await shopDatabase(postgres(), "stateless"), {});
    for (let run = 0; run < RUNS; run += 1)
      expect(await verified(shop, 3)).toMatchObject({ verdict: "pass", findings: [], unclear: [] });
  });

  test.each([
    ["a session in memory", "SHOP_SESSIONS", "memory", { method: "GET", path: "/api/me", cookies: ["shop_session"] }],
    ["a local directory of uploads", "SHOP_PHOTOS", "directory", { method: "GET", path: "/api/photos/${run}", cookies: [] }],
    ["a cache of what was written", "SHOP_BASKETS", "cached", { method: "GET", path: "/api/baskets/${run}", cookies: [] }],
  ])("finds %s", { timeout: 40_000 }, async (_what, variable, value, expected) => {
    const shop = new Shop(await shopDatabase(postgres(), variable.toLowerCase()), { [variable]: value });
    const { verdict, findings } = await verified(shop, 3);
    const found = findings.map(({ method, path, cookies }) => ({ method, path, cookies: cookies.map(({ name }) => name) }));
    expect([verdict, found]).toEqual(["fail", [expect.objectContaining(expected)]]);
  });

  test("finds a session in the memory of the one node there is, when that is replaced", { timeout: 40_000 }, async () => {
    const shop = new Shop(await shopDatabase(postgres(), "alone"), { SHOP_SESSIONS: "memory" });
    const { findings, walks } = await verified(shop, 1);
    expect(findings).toMatchObject([{ kind: "replaced", path: "/api/me", cookies: [{ name: "shop_session", from: "web.1" }] }]);
    expect(walks).toMatchObject({ spread: 0, replaced: 10 });
  });
});
