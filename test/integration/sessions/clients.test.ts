import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import fastifyCookie from "@fastify/cookie";
import fastifySession from "@fastify/session";
import { RedisStore } from "connect-redis";
import express from "express";
import session from "express-session";
import fastify from "fastify";
import { Redis } from "ioredis";
import { createClient } from "redis";
import { describe, expect, it, onTestFinished } from "vitest";
import { isInstalled } from "../../support/found.ts";
import { StateServerProgram } from "../../support/sessions/state-server-program.ts";

declare module "express-session" {
  interface SessionData {
    visits: number;
  }
}
declare module "fastify" {
  interface Session {
    visits?: number;
  }
}

const SECRET = "a secret of at least thirty-two characters";
/** Debian's packages are the system Python's. */
const PYTHON = "/usr/bin/python3";

/** Visits with one cookie jar: gives how often it has been there, as the application says. */
async function visit(origin: string, jar: { cookie: string }): Promise<number> {
  const response = await fetch(origin, { headers: { cookie: jar.cookie } });
  const set = response.headers.get("set-cookie");
  if (set !== null) jar.cookie = set.split(";")[0]!;
  return Number(await response.text());
}

async function expressApp(url: string): Promise<string> {
  const client = await createClient({ url }).connect();
  const app = express();
  app.use(session({ store: new RedisStore({ client, ttl: 600 }), secret: SECRET, resave: false, saveUninitialized: false }));
  app.get("/", (request, response) => {
    request.session.visits = (request.session.visits ?? 0) + 1;
    response.send(String(request.session.visits));
  });
  app.get("/out", (request, response) => {
    request.session.destroy(() => response.send("0"));
  });
  const server = app.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.close();
    client.destroy();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

const python = (code: string, ...args: readonly string[]): Promise<string> => script(PYTHON, "-c", code, ...args);

/** What a program has written when it has ended well. */
async function script(command: string, ...args: readonly string[]): Promise<string> {
  const child = spawn(command, args);
  let [out, problems] = ["", ""];
  child.stdout.on("data", (data: Buffer) => (out += String(data)));
  child.stderr.on("data", (data: Buffer) => (problems += String(data)));
  const [status] = (await once(child, "close")) as [number];
  if (status !== 0) throw new Error(problems);
  return out.trim();
}

const hasGem = (name: string): boolean => spawnSync("ruby", ["-e", `require "${name}"`]).status === 0;
const hasModule = (name: string): boolean => spawnSync(PYTHON, ["-c", `import ${name}`]).status === 0;

describe("clients and session stores that people use", () => {
  it("express-session with connect-redis, over two servers and an upgrade", async () => {
    const program = await StateServerProgram.started();
    const url = `redis://127.0.0.1:${program.port}/2`;
    const [one, two] = [await expressApp(url), await expressApp(url)];
    const jar = { cookie: "" };
    for (let i = 1; i <= 6; i += 1) expect(await visit(i % 2 === 0 ? one : two, jar)).toBe(i);
    process.kill(program.child!.pid!, "SIGUSR2");
    for (let i = 7; i <= 40; i += 1) expect(await visit(i % 2 === 0 ? one : two, jar)).toBe(i);
    const store = new RedisStore({ client: await createClient({ url }).connect() });
    expect(
      await new Promise(
        (resolve) =>
          void store.length((_: unknown, count?: number) => {
            resolve(count);
          }),
      ),
    ).toBe(1);
    await visit(`${one}out`, jar);
    expect(await visit(two, jar)).toBe(1);
    (store.client as { destroy?: () => void }).destroy?.();
  });

  it("@fastify/session", async () => {
    const program = await StateServerProgram.started();
    const client = await createClient({ socket: { path: program.socket, tls: false } }).connect();
    const app = fastify();
    await app.register(fastifyCookie);
    await app.register(fastifySession, { secret: SECRET, cookie: { secure: false }, store: new RedisStore({ client }) as never });
    app.get("/", (request) => {
      const current = request.session as { visits?: number };
      current.visits = (current.visits ?? 0) + 1;
      return String(current.visits);
    });
    const origin = await app.listen({ port: 0, host: "127.0.0.1" });
    const jar = { cookie: "" };
    for (let i = 1; i <= 5; i += 1) expect(await visit(origin, jar)).toBe(i);
    await app.close();
    client.destroy();
  });

  it("node-redis: RESP3, pipelines, transactions with watch, scans", async () => {
    const program = await StateServerProgram.started();
    const client = await createClient({ socket: { path: program.socket, tls: false }, RESP: 3 }).connect();
    await Promise.all(Array.from({ length: 1_000 }, (_, i) => client.setEx(`k${i}`, 100, `ü${i}`)));
    expect(await client.mGet(["k1", "none", "k999"])).toEqual(["ü1", null, "ü999"]);
    await client.hSet("h", { a: "1", b: "2" });
    expect({ ...(await client.hGetAll("h")) }).toEqual({ a: "1", b: "2" });
    expect(await client.multi().set("t", "1").incrBy("t", 41).get("t").exec()).toEqual(["OK", 42, "42"]);
    let found = 0;
    for await (const keys of client.scanIterator({ MATCH: "k*", COUNT: 50 })) found += keys.length;
    expect(found).toBe(1_000);
    await client.watch("t");
    await client.set("t", "changed");
    await expect(client.multi().get("t").exec()).rejects.toThrow(/watched keys has been changed/i);
    client.destroy();
  });

  it("ioredis: pipelines, binary values, keyPrefix, scan streams", async () => {
    const program = await StateServerProgram.started();
    const client = new Redis({ path: program.socket, keyPrefix: "app:" });
    onTestFinished(() => {
      client.disconnect();
    });
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
    expect(await client.set("bin", bytes, "EX", 10, "NX")).toBe("OK");
    expect(await client.getBuffer("bin")).toEqual(bytes);
    const results = await client.pipeline().incr("n").expire("n", 5).ttl("n").getdel("n").exec();
    expect(results?.map(([, value]) => value)).toEqual([1, 1, 5, "1"]);
    await expect(client.call("LPUSH", "l", "x")).rejects.toThrow(
      "ERR unknown command 'LPUSH', with args beginning with: 'app:l' 'x' ",
    );
  });

  it.skipIf(!isInstalled("redis-cli"))("redis-cli", async () => {
    const program = await StateServerProgram.started();
    const child = spawn("redis-cli", ["-s", program.socket, "-3", "--no-raw"]);
    let text = "";
    child.stdout.on("data", (data: Buffer) => (text += String(data)));
    child.stdin.end("set a 1 ex 100\nttl a\nhset h x 1 y 2\nhgetall h\ninfo keyspace\nscan 0\nobject encoding a\nnope\n");
    await once(child, "close");
    for (const expected of ["OK", "(integer) 100", '1# "x" => "1"', "db0:keys=2,expires=1", '"int"', "ERR unknown command"])
      expect(text).toContain(expected);
  });

  it.skipIf(!hasModule("redis"))("redis-py", async () => {
    const program = await StateServerProgram.started();
    const code = `
import redis, sys
r = redis.Redis(unix_socket_path=sys.argv[1], decode_responses=True, client_name="py")
r.setex("s", 100, "v"); r.hset("h", mapping={"a": 1, "b": 2})
p = r.pipeline(transaction=True); p.incr("n"); p.expire("n", 50); p.get("n")
assert p.execute() == [1, True, "1"]
assert r.hgetall("h") == {"a": "1", "b": "2"} and r.ttl("s") == 100 and r.getex("s", ex=5) == "v"
assert sorted(r.scan_iter("*")) == ["h", "n", "s"]
assert r.info("server")["redis_version"].startswith("7."), r.info()
assert [c["name"] for c in r.client_list()] == ["py"]
with r.lock("job", timeout=1, blocking_timeout=0.1) if False else r.pipeline() as q:
    q.watch("n"); n = int(q.get("n")); q.multi(); q.set("n", n + 1); q.execute()
print(r.get("n"))`;
    expect(await python(code, program.socket)).toBe("2");
  });

  it.skipIf(!hasModule("django_redis"))("Django's sessions over django-redis", async () => {
    const program = await StateServerProgram.started();
    const code = `
import sys
from django.conf import settings
settings.configure(SECRET_KEY="x", SESSION_ENGINE="django.contrib.sessions.backends.cache", USE_TZ=True,
  CACHES={"default": {"BACKEND": "django_redis.cache.RedisCache", "LOCATION": "unix://" + sys.argv[1] + "?db=3"}})
import django; django.setup()
from django.contrib.sessions.backends.cache import SessionStore
s = SessionStore(); s["user"] = {"id": 7}; s.set_expiry(600); s.create()
again = SessionStore(session_key=s.session_key)
assert again["user"] == {"id": 7}
again["n"] = 1; again.save()
assert SessionStore(session_key=s.session_key)["n"] == 1
again.cycle_key(); assert not s.exists(s.session_key) or s.session_key == again.session_key
again.flush(); assert not s.exists(again.session_key or "none")
print("ok")`;
    expect(await python(code, program.socket)).toBe("ok");
  });

  it.skipIf(!hasModule("flask_session"))("Flask's sessions, over two applications", async () => {
    const program = await StateServerProgram.started();
    const code = `
import sys, redis
from flask import Flask, session
from flask_session import Session
def client():
    app = Flask("app"); app.config.update(SESSION_TYPE="redis", SESSION_REDIS=redis.from_url(sys.argv[1]), SECRET_KEY="x"); Session(app)
    @app.get("/")
    def count():
        session["n"] = session.get("n", 0) + 1
        return str(session["n"])
    @app.get("/out")
    def out():
        session.clear()
        return "out"
    return app.test_client()
one, two = client(), client()
for i in range(1, 7):
    answer = (one if i % 2 else two).get("/")
    assert answer.text == str(i), (i, answer.text)
    name, value = answer.headers["Set-Cookie"].split(";")[0].split("=", 1)
    for each in (one, two): each.set_cookie("localhost", name, value)
one.get("/out")
assert two.get("/").text == "1"
print("ok")`;
    expect(await python(code, `redis://127.0.0.1:${program.port}/1`)).toBe("ok");
  });

  it.skipIf(!hasGem("rack/session/redis"))(
    "Rack's sessions (redis-rack, under Rails' redis store), over two applications",
    async () => {
      const program = await StateServerProgram.started();
      const code = `
require "rack/session/redis"
require "rack/mock"
counting = ->(env) {
  session = env["rack.session"]
  env["PATH_INFO"] == "/out" ? session.destroy : session["n"] = session["n"].to_i + 1
  [200, {}, [session["n"].to_s]]
}
server = -> { Rack::MockRequest.new(Rack::Session::Redis.new(counting, redis_server: ARGV[0], expire_after: 600)) }
one, two = server.call, server.call
cookie = ""
(1..6).each do |i|
  answer = (i.odd? ? one : two).get("/", "HTTP_COOKIE" => cookie)
  raise "#{i}: #{answer.body}" unless answer.body == i.to_s
  cookie = answer["Set-Cookie"].split(";")[0]
end
one.get("/out", "HTTP_COOKIE" => cookie)
raise "still there" unless two.get("/", "HTTP_COOKIE" => cookie).body == "1"
puts "ok"`;
      expect(await script("ruby", "-e", code, `redis://127.0.0.1:${program.port}/0/rack`)).toBe("ok");
    },
  );
});
