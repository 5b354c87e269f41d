import { once } from "node:events";
import type { AddressInfo } from "node:net";
import fastifyCookie from "@fastify/cookie";
import fastifySession from "@fastify/session";
import express from "express";
import session from "express-session";
import fastify from "fastify";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { defineSessionFormat, sessionStore, type SessionStore, type SessionStoreOptions } from "../../../src/session.ts";
import { backendFor } from "../../../src/sessions/store/backends.ts";
import { overview } from "../../../src/sessions/store/overview.ts";
import { freePort } from "../../support/free-port.ts";
import { expectMoved } from "../../support/sessions/moving.ts";
import { isInstalled } from "../../support/found.ts";
import { startServer, type TestServer } from "../../support/postgres/server.ts";
import { startRedis } from "../../support/sessions/redis-server.ts";
import { StateServerProgram } from "../../support/sessions/state-server-program.ts";
import { TdsServer } from "../../support/sessions/tds/server.ts";
import { until } from "../../support/temp.ts";

const SECRET = "a secret of at least thirty-two characters";

let postgres: TestServer;
beforeAll(async () => {
  postgres = await startServer(18);
}, 60_000);
afterAll(() => postgres.stop());

interface Place {
  readonly name: string;
  readonly url: () => Promise<string>;
  readonly installed?: boolean;
}

const PLACES: readonly Place[] = [
  { name: "hitless://", url: async () => `hitless://127.0.0.1:${(await StateServerProgram.started()).port}/1` },
  { name: "redis://", url: async () => redisUrl(), installed: isInstalled("redis-server") },
  { name: "postgres://", url: () => postgres.database() },
  { name: "mssql:// (a scripted peer)", url: async () => (await TdsServer.started()).url() },
];

/** The client takes a URL with a port only. */
async function redisUrl(): Promise<string> {
  const port = await freePort();
  await startRedis("--port", String(port), "--bind", "127.0.0.1");
  return `redis://127.0.0.1:${port}`;
}

function opened(url: string, options?: SessionStoreOptions): SessionStore {
  const store = sessionStore(url, options);
  onTestFinished(() => store.close());
  return store;
}

async function visit(url: string, jar: { cookie: string }): Promise<string> {
  const response = await fetch(url, { headers: { cookie: jar.cookie } });
  const set = response.headers.get("set-cookie");
  if (set !== null) jar.cookie = set.split(";")[0]!;
  return response.text();
}

async function expressApp(store: SessionStore): Promise<string> {
  const app = express();
  app.use(
    session({
      store: store as unknown as session.Store,
      secret: SECRET,
      resave: false,
      rolling: true,
      saveUninitialized: false,
      cookie: { maxAge: 60_000 },
    }),
  );
  app.get("/", (request, response) => {
    const own = request.session as unknown as { n?: number };
    own.n = (own.n ?? 0) + 1;
    response.send(String(own.n));
  });
  app.get("/new", (request, response) => {
    request.session.regenerate(() => response.send("new"));
  });
  app.get("/out", (request, response) => {
    request.session.destroy(() => response.send("out"));
  });
  const server = app.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function fastifyApp(store: SessionStore): Promise<string> {
  const app = fastify();
  await app.register(fastifyCookie);
  await app.register(fastifySession, { secret: SECRET, cookie: { secure: false, maxAge: 60_000 }, store: store as never });
  app.get("/", (request) => {
    const own = request.session as unknown as { n?: number };
    own.n = (own.n ?? 0) + 1;
    return String(own.n);
  });
  app.get("/out", async (request) => {
    await request.session.destroy();
    return "out";
  });
  onTestFinished(() => app.close());
  return app.listen({ port: 0, host: "127.0.0.1" });
}

describe.each(PLACES.filter(({ installed = true }) => installed))("sessions in $name", ({ url }) => {
  it("of express-session, over two instances: used, made anew, ended", async () => {
    const at = await url();
    const [one, two] = [await expressApp(opened(at)), await expressApp(opened(at))];
    const jar = { cookie: "" };
    for (let i = 1; i <= 6; i += 1) expect(await visit(`${i % 2 === 0 ? one : two}/`, jar)).toBe(String(i));
    const before = jar.cookie;
    await visit(`${one}/new`, jar);
    expect(jar.cookie).not.toBe(before);
    expect(await visit(`${two}/`, jar)).toBe("1");
    await visit(`${two}/out`, jar);
    expect(await visit(`${one}/`, jar)).toBe("1");
  });

  it("of @fastify/session, over two instances", async () => {
    const at = await url();
    const [one, two] = [await fastifyApp(opened(at)), await fastifyApp(opened(at))];
    const jar = { cookie: "" };
    for (let i = 1; i <= 6; i += 1) expect(await visit(`${i % 2 === 0 ? one : two}/`, jar)).toBe(String(i));
    await visit(`${two}/out`, jar);
    expect(await visit(`${one}/`, jar)).toBe("1");
  });

  it("end with their cookie, live on when used, and are counted and cleared by prefix", async () => {
    const at = await url();
    const [store, other] = [opened(at, { prefix: "a*:" }), opened(at, { prefix: "ab:" })];
    const until1 = (ms: number): object => ({ cookie: { expires: new Date(Date.now() + ms).toISOString() }, n: 1 });
    await store.set("short", until1(2_500));
    await store.set("used", until1(2_500));
    await store.touch("used", until1(60_000));
    await store.touch("none", until1(60_000));
    await other.set("x", { cookie: {}, n: 2 });
    expect(await store.length()).toBe(2);
    await until(async () => (await store.get("short")) === null);
    expect(await store.get("used")).toMatchObject({ n: 1 });
    await store.set("used", until1(-1));
    expect(await store.get("used")).toBeNull();
    await store.set("again", { n: "ü😀\0".replace("\0", "") });
    expect(await store.get("again")).toEqual({ n: "ü😀" });
    await store.clear();
    expect(await store.length()).toBe(0);
    expect(await other.get("x")).toMatchObject({ n: 2 });
  });

  it("are only added where there are none", async () => {
    const backend = await backendFor(await url())("", () => undefined);
    onTestFinished(() => backend.close());
    await backend.set("known", "first", 60_000);
    await backend.set("short", "first", 50);
    await until(async () => (await backend.get("short")) === null);
    for (const id of ["known", "short", "new"]) await backend.add(id, "second", 30_000.4);
    await backend.add("forever", "second", null);
    expect(await Promise.all(["known", "short", "new", "forever"].map((id) => backend.get(id)))).toEqual([
      "first",
      ...["second", "second", "second"],
    ]);
    const left = new Map((await backend.read(["known", "new", "forever"])).map(({ id, ttlMs }) => [id, ttlMs ?? Infinity]));
    expect(left.get("known")).toBeGreaterThan(30_500);
    expect(left.get("new")).toBeLessThanOrEqual(30_001);
    expect(left.get("forever")).toBeGreaterThan(10 * 365 * 86_400_000);
  });

  it.each(["to", "from"])("move %s a state server while they are used, and none is lost or comes back", async (way) => {
    const [here, there] = [await url(), `hitless://127.0.0.1:${(await StateServerProgram.started()).port}/2`];
    const [from, to] = way === "to" ? [here, there] : [there, here];
    await expectMoved(from, to);
  });

  it("are shown: how many, by which release, how old, how large", async () => {
    const at = await url();
    const cookie = { originalMaxAge: 3_600_000, expires: new Date(Date.now() + 600_000).toISOString() };
    await opened(at, { release: "r41", prefix: "p:" }).set("old", { cookie, n: 1 });
    const store = opened(at, { release: "r42", prefix: "p:" });
    for (let i = 0; i < 3; i += 1) await store.set(`s${i}`, { cookie: { ...cookie, expires: null }, n: i });
    await opened(at, { release: "r42", prefix: "other:" }).set("x", { n: 1 });
    const backend = await backendFor(at)("p:", () => undefined);
    onTestFinished(() => backend.close());
    const { count, byRelease, oldestMs, aged, memoryBytes, looked } = await overview(backend);
    expect({ count, looked, aged, byRelease }).toEqual({
      count: 4,
      looked: 4,
      aged: 1,
      byRelease: [
        { release: "r42", count: 3 },
        { release: "r41", count: 1 },
      ],
    });
    expect(Math.abs((oldestMs ?? 0) - 3_000_000)).toBeLessThan(60_000);
    expect(memoryBytes).toBeGreaterThan(0);
  });

  it("are read by the release before the one that wrote them, and after a rollback", async () => {
    const at = await url();
    const old = opened(at, { release: "r41" });
    const format = defineSessionFormat({
      version: 2,
      oldest: 1,
      upgrade: ({ user, ...rest }) => ({ ...rest, account: { user } }),
      downgrade: ({ account, ...rest }) => ({ ...rest, ...(account as object) }),
    });
    const fresh = opened(at, { release: "r42", format });
    await old.set("s", { user: 7, cart: [1] });
    expect(await fresh.get("s")).toEqual({ account: { user: 7 }, cart: [1] });
    await fresh.set("s", { account: { user: 7 }, cart: [1, 2] });
    expect(await old.get("s")).toEqual({ user: 7, cart: [1, 2] });
    await old.set("s", { user: 7, cart: [] });
    expect(await fresh.get("s")).toEqual({ account: { user: 7 }, cart: [] });
  });
});

describe("a session store", () => {
  it("refuses what it does not know, and says what there is", () => {
    expect(() => sessionStore("mysql://x")).toThrow("There is no session store for mysql://.");
    expect(() => sessionStore("nonsense")).toThrow("is not a URL");
    expect(() => sessionStore("hitless://")).toThrow("HITLESS_SESSION_URL is not set");
  });

  it("whose database cannot be reached tells the application so, and is tried again", async () => {
    const store = sessionStore(`postgres://postgres@127.0.0.1:${await freePort()}/none`);
    const told: unknown[] = [];
    store.on("problem", (error) => told.push(error));
    await expect(store.get("x")).rejects.toThrow(/ECONNREFUSED/);
    await expect(store.get("x")).rejects.toThrow(/ECONNREFUSED/);
    expect(await new Promise((resolve) => void store.get("x", resolve))).toBeInstanceOf(Error);
    expect(told.length).toBeGreaterThan(0);
  });
});
