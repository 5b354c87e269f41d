import { mkdirSync, readdirSync, renameSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { connect, type TLSSocket } from "node:tls";
import { describe, expect, test } from "vitest";
import { temporaryDirectory, until } from "../../support/temp.ts";
import { ask, get } from "../../support/tls/client.ts";
import { filesFor, writePair } from "../../support/tls/files.ts";
import { issue } from "../../support/tls/issue.ts";
import { freePort } from "../../support/free-port.ts";
import { ProxyProgram } from "../../support/proxy-program.ts";
import { PLAIN_TLS, startEcho, startProxy, tableFor, type TestProxy } from "../../support/tls/proxy.ts";
import { run } from "../../support/tls/run.ts";

async function serveIn(directory: string, names: readonly string[], tls = {}) {
  const files = await filesFor(directory, names);
  const proxy = await startProxy();
  await proxy.traffic.apply(tableFor(await startEcho(), { certificates: [files], ...tls }));
  return { proxy, files, ...(await proxy.ports()) };
}

/** All workers show it, as far as so many connections can tell. */
async function shownBy(port: number, servername = "shop.test"): Promise<readonly string[]> {
  const answers = await Promise.all(Array.from({ length: 12 }, () => ask(port, { servername })));
  return [...new Set(answers.map(({ certificate }) => certificate))];
}

function untilShown(port: number, certificate: string): Promise<unknown> {
  return until(async () => (await shownBy(port)).join() === certificate, { what: `only ${certificate} is shown` });
}

function connections(log: string, words: string): number {
  return log.split(words).length - 1;
}

async function problem(proxy: TestProxy): Promise<string | null> {
  return (await proxy.status()).tls?.certificates[0]?.problem ?? null;
}

describe("a certificate file that changes", () => {
  test("is served to new connections; open ones go on; none fails under load", async () => {
    const { secure, files } = await serveIn(temporaryDirectory(), ["old.test", "shop.test"]);
    const open = await openConnection(secure);
    const load = loadUntilStopped(secure);
    for (const name of ["second.test", "third.test"]) {
      writePair(files, await issue([name, "shop.test"]));
      await untilShown(secure, name);
    }
    const { handshakes, failures } = await load.stop();
    expect(failures).toEqual([]);
    expect(handshakes).toBeGreaterThan(20);
    expect(await nextAnswer(open, get("/still", "shop.test"))).toContain("200 OK");
  });

  test("is noticed when it is renamed over, and when the link to its directory is swapped", async () => {
    const directory = temporaryDirectory();
    const live = join(directory, "live");
    for (const version of ["1", "2"]) mkdirSync(join(directory, version));
    symlinkSync("1", live);
    await filesFor(join(directory, "1"), ["shop.test"]);
    const files = { cert: join(live, "shop.test.crt"), key: join(live, "shop.test.key") };
    const proxy = await startProxy();
    await proxy.traffic.apply(tableFor(await startEcho(), { certificates: [files] }));
    const { secure } = await proxy.ports();
    expect(await shownBy(secure)).toEqual(["shop.test"]);

    writePair(
      { cert: join(directory, "2", "shop.test.crt"), key: join(directory, "2", "shop.test.key") },
      await issue(["two.test"]),
    );
    symlinkSync("2", join(directory, "next"));
    renameSync(join(directory, "next"), live);
    await untilShown(secure, "two.test");

    const pair = await issue(["three.test"]);
    writePair({ cert: join(directory, "new.crt"), key: join(directory, "new.key") }, pair);
    renameSync(join(directory, "new.key"), files.key);
    renameSync(join(directory, "new.crt"), files.cert);
    await untilShown(secure, "three.test");
  });

  test("and is broken never takes the place of the good one, is said once, and is taken when it is whole", async () => {
    const { secure, proxy, files } = await serveIn(temporaryDirectory(), ["shop.test"]);
    writeFileSync(files.cert, "nonsense");
    await until(async () => (await problem(proxy)) === "the certificate file holds no PEM certificate");
    await until(() => proxy.log.includes("the last good one is served"));
    expect(await shownBy(secure)).toEqual(["shop.test"]);

    rmSync(files.cert);
    await until(async () => (await problem(proxy))?.startsWith("there is no file") === true);
    expect(await shownBy(secure)).toEqual(["shop.test"]);

    const pair = await issue(["new.test"]);
    writeFileSync(files.cert, pair.cert);
    await until(async () => (await problem(proxy)) === "the key does not belong to the certificate");
    expect(await shownBy(secure)).toEqual(["shop.test"]);
    writeFileSync(files.key, pair.key);
    await untilShown(secure, "new.test");
    expect(await problem(proxy)).toBeNull();
    expect(connections(proxy.log, "the certificate file holds no PEM certificate")).toBe(1);
  });

  test("is served by a worker that starts later, too", async () => {
    const { secure, proxy, files } = await serveIn(temporaryDirectory(), ["shop.test"]);
    writePair(files, await issue(["new.test"]));
    await untilShown(secure, "new.test");
    const { workers } = await proxy.traffic.status();
    for (const { pid } of workers) process.kill(pid, "SIGKILL");
    await until(async () => {
      const now = (await proxy.traffic.status()).workers;
      return now.length === 2 && now.every(({ pid }) => !workers.some((old) => old.pid === pid));
    });
    await until(async () => (await ask(secure, { servername: "shop.test" }).catch(() => null))?.certificate === "new.test");
  });
});

test("an upgrade of the proxy fails no handshake under load, and takes sessions along", { timeout: 90_000 }, async () => {
  const proxy = await ProxyProgram.started(await freePort());
  const secure = await freePort();
  const certificates = [await filesFor(temporaryDirectory(), ["shop.test"])];
  const target = { instance: "web.r1.1", host: "127.0.0.1", port: await startEcho(), health: null };
  await proxy.route([target], { tls: { ...PLAIN_TLS, listen: { host: "127.0.0.1", port: secure }, certificates } });
  const { session } = await ask(secure, { servername: "shop.test" });
  if (session === null) throw new Error("there was no ticket");
  const load = loadUntilStopped(secure);
  const { from, to } = await proxy.upgrade({ drainMs: 3_000 });
  expect(to.pid).not.toBe(from.pid);
  await until(async () => (await proxy.traffic.status()).predecessor === null);
  const { failures, handshakes } = await load.stop();
  expect(failures).toEqual([]);
  expect(handshakes).toBeGreaterThan(20);
  expect((await ask(secure, { servername: "shop.test", session })).resumed).toBe(true);
});

describe("a session", () => {
  test.each(["TLSv1.2", "TLSv1.3"] as const)(
    "is taken up again by every worker, and after a restart (%s)",
    async (maxVersion) => {
      const state = temporaryDirectory();
      const files = await filesFor(state, ["other.test"]);
      const named = await filesFor(state, ["shop.test"]);
      const port = await freePort();
      const table = tableFor(await startEcho(), { certificates: [files, named], listen: { host: "127.0.0.1", port } });
      const first = await startProxy(state);
      await first.traffic.apply(table);
      const options = { servername: "shop.test", maxVersion };
      const { session, resumed } = await ask(port, options);
      expect(resumed).toBe(false);
      if (session === null) throw new Error("there was no ticket");
      const again = await Promise.all(Array.from({ length: 16 }, () => ask(port, { ...options, session })));
      expect(again.every((answer) => answer.resumed && answer.text.includes("200 OK"))).toBe(true);
      await first.end();
      const second = await startProxy(state);
      await until(async () => (await second.traffic.status()).workers.length === 2);
      expect((await ask(port, { ...options, session })).resumed).toBe(true);
      await until(async () => (await second.traffic.status()).handshakes.resumed === 1);
    },
  );

  test("is taken up again by openssl, time after time", async () => {
    const { secure } = await serveIn(temporaryDirectory(), ["shop.test"]);
    const { stdout } = await run("openssl", [
      ...["s_client", "-reconnect", "-tls1_2", "-connect", `127.0.0.1:${String(secure)}`, "-servername", "shop.test"],
    ]);
    expect(connections(stdout, "New, TLSv1.2")).toBe(1);
    expect(connections(stdout, "Reused, TLSv1.2")).toBe(5);
  });

  test("has keys that are for the proxy alone", async () => {
    const { proxy } = await serveIn(temporaryDirectory(), ["shop.test"]);
    const directory = join(proxy.state, "proxy");
    expect(statSync(join(directory, "ticket-keys.json")).mode & 0o777).toBe(0o600);
    expect(readdirSync(directory).filter((name) => name.endsWith(".new"))).toEqual([]);
  });
});

async function openConnection(port: number): Promise<TLSSocket> {
  const socket = connect({ port, host: "127.0.0.1", servername: "shop.test", rejectUnauthorized: false });
  socket.setEncoding("latin1");
  expect(await nextAnswer(socket, get("/", "shop.test", false))).toContain("200 OK");
  return socket;
}

function nextAnswer(socket: TLSSocket, request: string): Promise<string> {
  return new Promise((resolve, reject) => {
    socket.once("error", reject);
    socket.once("data", resolve);
    socket.write(request);
  });
}

/** New connections one after the other, on four lanes. */
function loadUntilStopped(port: number): { stop: () => Promise<{ handshakes: number; failures: string[] }> } {
  let stopped = false;
  let handshakes = 0;
  const failures: string[] = [];
  const lanes = Array.from({ length: 4 }, async () => {
    while (!stopped) {
      await ask(port, { servername: "shop.test" }).then(
        ({ text }) => {
          handshakes += 1;
          if (!text.includes("200 OK")) failures.push(text);
        },
        (error: unknown) => failures.push(String(error)),
      );
    }
  });
  return {
    stop: async () => {
      stopped = true;
      await Promise.all(lanes);
      return { handshakes, failures };
    },
  };
}
