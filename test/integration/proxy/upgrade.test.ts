import { existsSync } from "node:fs";
import { once } from "node:events";
import { connect } from "node:net";
import { describe, expect, onTestFinished, test } from "vitest";
import { HitlessError } from "../../../src/base/error.ts";
import { sumRows } from "../../../src/core/ledger.ts";
import { freePort } from "../../support/free-port.ts";
import { runLoad } from "../../support/load/run.ts";
import { ProxyProgram } from "../../support/proxy-program.ts";
import { shopUpstream, type ShopUpstream } from "../../support/shop-upstream.ts";
import { until } from "../../support/temp.ts";

async function shop(): Promise<{ proxy: ProxyProgram; upstream: ShopUpstream }> {
  const [proxy, upstream] = [await ProxyProgram.started(await freePort()), await shopUpstream()];
  await proxy.route([upstream.target]);
  return { proxy, upstream };
}

const LIMIT_MS = 180_000;

describe("an upgrade of the proxy", { timeout: LIMIT_MS }, () => {
  test("waits in a drain for what the old generation still has in flight", async () => {
    const { proxy, upstream } = await shop();
    const slow = fetch(`${proxy.url}/slow`);
    await until(() => upstream.slow.length === 1);
    await proxy.upgrade();
    await proxy.route([]);
    let drained = false;
    const drain = proxy.traffic
      .drain(ProxyProgram.app, [upstream.target.instance], { requestsMs: 60_000, tunnelsMs: 60_000 })
      .then((outcome) => {
        drained = true;
        return outcome;
      });
    // The new generation alone would acknowledge at once; every call after this one finds that it has not.
    for (let looks = 0; looks < 20; looks += 1) await proxy.traffic.status();
    expect(drained).toBe(false);
    upstream.slow[0]?.end("done");
    expect((await drain).cut).toBe(0);
    expect(await (await slow).text()).toBe("done");
  });

  test("cuts at the drain limit also what the old generation has", async () => {
    const { proxy, upstream } = await shop();
    const slow = fetch(`${proxy.url}/slow`);
    await until(() => upstream.slow.length === 1);
    await proxy.upgrade();
    await proxy.route([]);
    expect((await proxy.traffic.drain(ProxyProgram.app, [upstream.target.instance], { requestsMs: 50, tunnelsMs: 50 })).cut).toBe(
      1,
    );
    expect((await slow).status).toBe(503);
    const ledger = await proxy.traffic.ledger(ProxyProgram.app);
    expect(sumRows(ledger?.rows ?? []).cut).toBe(1);
  });

  test("answers a drain that was begun before it", async () => {
    const { proxy, upstream } = await shop();
    const slow = fetch(`${proxy.url}/slow`);
    await until(() => upstream.slow.length === 1);
    await proxy.route([]);
    const drain = proxy.traffic.drain(ProxyProgram.app, [upstream.target.instance], { requestsMs: 60_000, tunnelsMs: 60_000 });
    await proxy.upgrade();
    upstream.slow[0]?.end("done");
    expect((await drain).cut).toBe(0);
    expect((await slow).status).toBe(200);
  });

  test("lets requests wait on that wait for a target", async () => {
    const { proxy, upstream } = await shop();
    await proxy.route([]);
    const held = fetch(proxy.url);
    await until(async () => (await proxy.traffic.present(ProxyProgram.app))?.held === 1);
    await proxy.upgrade();
    await proxy.route([upstream.target]);
    expect((await held).status).toBe(200);
  });

  test("lets a tunnel linger, up to its limit", async () => {
    const { proxy } = await shop();
    const socket = connect(Number(new URL(proxy.url).port), "127.0.0.1");
    onTestFinished(() => {
      socket.destroy();
    });
    let seen = "";
    socket.on("data", (data) => (seen += data.toString("latin1")));
    socket.write("GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n");
    await until(() => seen.includes("\r\n\r\n"));
    const closed = once(socket, "close");
    const { from } = await proxy.upgrade({ drainMs: 3_000 });
    socket.write("still here");
    await until(() => seen.endsWith("still here"));
    expect((await proxy.traffic.status()).predecessor).toMatchObject({ pid: from.pid });
    await closed;
    await until(async () => (await proxy.traffic.status()).predecessor === null, { within: 30_000 });
  });

  test("hands over an address that two apps share, also to workers that are started later", async () => {
    const { proxy, upstream } = await shop();
    const other = await shopUpstream("web.r1.9");
    const routing = { claim: { hosts: [], paths: ["/admin"], headers: [], cookies: [] } };
    await proxy.route([other.target], { app: "admin", routing });
    await proxy.upgrade();
    const headers = { connection: "close" };
    const post = (path: string) => fetch(proxy.url + path, { method: "POST", body: path, headers });
    expect([(await post("/admin")).status, (await post("/")).status]).toEqual([201, 201]);
    const { workers } = await proxy.traffic.status();
    for (const { pid } of workers) process.kill(pid, "SIGKILL");
    await until(() => workers.every(({ pid }) => !existsSync(`/proc/${String(pid)}`)));
    // They wait in the kernel for the first worker that accepts, which must know both apps by then.
    const answers = await Promise.all(Array.from({ length: 20 }, (_, index) => post(index % 2 === 0 ? "/admin" : "/")));
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 201));
    expect(new Set(other.posts)).toEqual(new Set(["/admin"]));
    expect(new Set(upstream.posts)).toEqual(new Set(["/"]));
  });

  test("passes over what the old generation knew to be down", async () => {
    const { proxy, upstream } = await shop();
    const health = { path: "/", host: null, intervalMs: 20, timeoutMs: 1_000, passes: 1, failures: 1 };
    const dead = { instance: "web.r1.2", host: "127.0.0.1", port: await freePort(), health };
    await proxy.route([upstream.target, dead]);
    const stateOf = async () =>
      (await proxy.traffic.present(ProxyProgram.app))?.targets.find(({ instance }) => instance === dead.instance);
    await until(async () => (await stateOf())?.state === "down");
    await proxy.upgrade();
    expect(await stateOf()).toMatchObject({ state: "down", lastFailure: expect.stringContaining("refused") as string });
  });
});

describe("an upgrade that fails", { timeout: LIMIT_MS }, () => {
  test.each([
    ["ends at once", "console.log('no such luck'); process.exit(3)", "exited with code 3", 60_000],
    // So much time it has to say what it says.
    ["never gets ready", "console.log('no such luck'); setInterval(() => {}, 1000)", "not ready within", 5_000],
    ["is killed", "console.log('no such luck'); process.kill(process.pid, 'SIGKILL')", "ended by SIGKILL", 60_000],
  ])("because the new one %s leaves the old one as it is", async (_how, code, why, readyMs) => {
    const { proxy, upstream } = await shop();
    const pid = await proxy.pid();
    const program = { command: process.execPath, args: ["-e", code, "--"], version: "2" };
    const failed = await proxy.upgrade({ program, readyMs }).catch((error: unknown) => error);
    expect(failed).toBeInstanceOf(HitlessError);
    const { failure } = failed as HitlessError;
    expect(failure).toMatchObject({ code: "ERR_PROXY_UPGRADE", details: ["no such luck"] });
    expect(failure.why).toContain(why);
    expect(await proxy.pid()).toBe(pid);
    await proxy.route([upstream.target]);
    expect((await fetch(proxy.url)).status).toBe(200);
    expect((await proxy.upgrade()).from.pid).toBe(pid);
  });

  test("because the old one is killed meanwhile is brought to its end by the new one", async () => {
    const { proxy, upstream } = await shop();
    const old = await proxy.pid();
    const stop = new AbortController();
    const load = runLoad({ url: proxy.url, rate: 100, keepAlive: 0, fresh: 4, post: 0, signal: stop.signal });
    const outcome = proxy.upgrade().catch((error: unknown) => error);
    // Three processes are the old generation; the new holder starts workers when it has been given everything.
    await until(() => proxy.processes().length >= 5);
    process.kill(old ?? 0, "SIGKILL");
    await outcome;
    const now = await until(async () => {
      const pid = await proxy.pid();
      return pid !== old && pid;
    });
    expect((await fetch(proxy.url)).status).toBe(200);
    await proxy.route([upstream.target]);
    stop.abort();
    const { byKind, httpErrors } = await load;
    expect({ byKind, httpErrors }).toEqual({ byKind: {}, httpErrors: 0 });
    expect((await proxy.upgrade()).from.pid).toBe(now);
  });
});
