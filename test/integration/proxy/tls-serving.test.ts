import { once } from "node:events";
import { connect as connectPlain } from "node:net";
import { fileURLToPath } from "node:url";
import { text } from "node:stream/consumers";
import { connect } from "node:tls";
import { describe, expect, onTestFinished, test } from "vitest";
import type { ProxySpec } from "../../../src/core/app-spec.ts";
import { temporaryDirectory, until } from "../../support/temp.ts";
import { ask, echoOf, get } from "../../support/tls/client.ts";
import { filesFor } from "../../support/tls/files.ts";
import { run } from "../../support/tls/run.ts";
import { startEcho, startProxy, tableFor } from "../../support/tls/proxy.ts";

const READ_TO_END = fileURLToPath(new URL("../../support/tls/read-to-end.py", import.meta.url));

/** A connection that stays; "refused" when it is reset before its handshake is done. */
function handshake(port: number): Promise<"made" | "refused"> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: "127.0.0.1", servername: "shop.test", rejectUnauthorized: false }, () => {
      resolve("made");
    });
    onTestFinished(() => {
      socket.destroy();
    });
    socket.on("error", () => {
      resolve("refused");
    });
  });
}

async function serve(names: readonly (readonly string[])[], tls: object = {}, fields = {}, limits: Partial<ProxySpec> = {}) {
  const directory = temporaryDirectory();
  const certificates = await Promise.all(names.map((some) => filesFor(directory, some)));
  const proxy = await startProxy();
  const table = tableFor(await startEcho(fields), { certificates, ...tls });
  await proxy.traffic.apply({ ...table, proxy: { ...table.proxy, ...limits } });
  return { proxy, certificates, ...(await proxy.ports()) };
}

describe("the PROXY protocol before the handshake", () => {
  test.each(["one piece with it", "a piece of its own"])("says who the client is; %s", async (pieces) => {
    const { secure } = await serve([["shop.test"]], {}, {}, { proxyProtocol: { in: "require" } });
    const socket = connectPlain(secure, "127.0.0.1");
    onTestFinished(() => {
      socket.destroy();
    });
    await once(socket, "connect");
    if (pieces === "one piece with it") socket.cork();
    socket.write("PROXY TCP4 9.8.7.6 127.0.0.1 8080 443\r\n");
    const client = connect({ socket, servername: "shop.test", rejectUnauthorized: false, ALPNProtocols: ["http/1.1"] });
    setImmediate(() => {
      socket.uncork();
    });
    client.write("GET / HTTP/1.1\r\nHost: shop.test\r\nConnection: close\r\n\r\n");
    const answer = await text(client);
    expect(echoOf(answer)).toMatchObject({ headers: { "x-forwarded-for": "9.8.7.6", "x-forwarded-proto": "https" } });
  });

  test("a handshake without one gets no byte", async () => {
    const { secure } = await serve([["shop.test"]], {}, {}, { proxyProtocol: { in: "require" } });
    expect(await handshake(secure)).toBe("refused");
  });
});

describe("certificates from files", () => {
  test("are chosen by name: the exact one, the wildcard, else the first", async () => {
    const { secure } = await serve([["shop.test", "www.shop.test"], ["*.shop.test"], ["api.shop.test"]]);
    const shown = async (servername?: string) => (await ask(secure, servername === undefined ? {} : { servername })).certificate;
    expect(await shown("shop.test")).toBe("shop.test");
    expect(await shown("WWW.shop.test")).toBe("shop.test");
    expect(await shown("api.shop.test")).toBe("api.shop.test");
    expect(await shown("img.shop.test")).toBe("*.shop.test");
    expect(await shown("a.b.shop.test")).toBe("shop.test");
    expect(await shown("elsewhere.test")).toBe("shop.test");
    expect(await shown()).toBe("shop.test");
  });

  test("say what the application is told: https, the name, the client's address", async () => {
    const { secure, plain } = await serve([["shop.test"]]);
    const { text } = await ask(secure, { servername: "shop.test" }, get("/cart?x=1"));
    expect(echoOf(text)).toMatchObject({
      url: "/cart?x=1",
      headers: { host: "shop.test", "x-forwarded-proto": "https", "x-forwarded-for": "127.0.0.1" },
    });
    const viaPlain = await run("curl", ["-s", "-H", "X-Forwarded-Proto: https", `http://127.0.0.1:${String(plain)}/`]);
    expect(echoOf(viaPlain.stdout).headers["x-forwarded-proto"]).toBe("http");
  });

  test.each(["TLSv1.2", "TLSv1.3"] as const)(
    "serve %s, with curl, and keep the connection for the next request",
    async (version) => {
      const { secure, certificates } = await serve([["shop.test"]]);
      const url = `https://shop.test:${String(secure)}/`;
      const flag = version === "TLSv1.2" ? "--tls-max" : "--tls13-ciphers";
      const value = version === "TLSv1.2" ? "1.2" : "TLS_AES_128_GCM_SHA256";
      const ran = await run("curl", [
        ...["-sS", "--http1.1", "--cacert", certificates[0]?.cert ?? "", flag, value],
        ...["--resolve", `shop.test:${String(secure)}:127.0.0.1`, "-w", "%{http_code} %{num_connects}\n"],
        ...["-o", "/dev/null", "-o", "/dev/null", url, url],
      ]);
      expect(ran.stderr).toBe("");
      expect(ran.stdout).toBe("200 1\n200 0\n");
    },
  );

  test("are not asked for by a connection that is one too many for its client: it is reset, and counted", async () => {
    const { secure, proxy } = await serve([["shop.test"]], {}, {}, { connectionsPerClient: 2 });
    const outcomes = await Promise.all([1, 2, 3].map(() => handshake(secure)));
    expect(outcomes).toContain("refused");
    const refused = outcomes.filter((outcome) => outcome === "refused").length;
    await until(async () => {
      const metrics = await proxy.traffic.metrics();
      return metrics.includes(`hitless_client_connections_refused_total ${String(refused)}\n`);
    });
  });

  test("refuse what is older than the least version", async () => {
    const { secure, proxy } = await serve([["shop.test"]], { minVersion: "TLSv1.3" });
    await expect(ask(secure, { servername: "shop.test", maxVersion: "TLSv1.2" })).rejects.toThrow(/protocol version/i);
    expect((await ask(secure, { servername: "shop.test" })).protocol).toBe("TLSv1.3");
    await until(async () => {
      const { handshakes } = await proxy.traffic.status();
      return handshakes.failed === 1 && handshakes.completed === 1;
    });
  });

  test("an unknown name, or none, gets a fatal alert where that is wanted", async () => {
    const { secure } = await serve([["shop.test"]], { unknownName: "refuse" });
    for (const maxVersion of ["TLSv1.2", "TLSv1.3"] as const) {
      await expect(ask(secure, { servername: "elsewhere.test", maxVersion })).rejects.toThrow(/alert/);
      await expect(ask(secure, { maxVersion })).rejects.toThrow(/alert/);
    }
    expect((await ask(secure, { servername: "shop.test" })).certificate).toBe("shop.test");
  });

  test("a client that speaks only other protocols is told so", async () => {
    const { secure } = await serve([["shop.test"]]);
    await expect(ask(secure, { servername: "shop.test", ALPNProtocols: ["imap"] })).rejects.toThrow(/no application protocol/i);
  });

  test("what is no TLS is closed, what is no HTTP is refused, and the worker goes on", async () => {
    const { secure, plain, proxy } = await serve([["shop.test"]]);
    expect(await rawAnswer(secure, get())).not.toContain("200");
    expect(await rawAnswer(plain, Buffer.from("16030100a5010000a10303", "hex"))).toContain("400 Bad Request");
    expect((await ask(secure, { servername: "shop.test" })).text).toContain("200 OK");
    expect((await proxy.traffic.status()).workers).toHaveLength(2);
    expect(proxy.log).not.toContain("a worker has ended");
  });
});

describe("closing over TLS", () => {
  test.each(["TLSv1.2", "TLSv1.3"] as const)(
    "a client that has closed its side still gets its answer (%s)",
    async (maxVersion) => {
      const { secure } = await serve([["shop.test"]]);
      const text = await new Promise<string>((resolve, reject) => {
        let all = "";
        const plain = connectPlain({ port: secure, host: "127.0.0.1", allowHalfOpen: true });
        const socket = connect({ socket: plain, servername: "shop.test", rejectUnauthorized: false, maxVersion }, () => {
          socket.end(get("/", "shop.test", false));
        });
        socket.setEncoding("latin1").on("data", (data: string) => {
          all += data;
        });
        socket.on("error", reject);
        socket.on("end", () => {
          resolve(all);
        });
      });
      expect(text).toContain("200 OK");
    },
  );

  test("the end is said with close_notify; that an answer was cut off is said by its absence", async () => {
    const { secure } = await serve([["shop.test"]]);
    const whole = await run("python3", [READ_TO_END, String(secure), "/"]);
    expect(whole.stdout).toMatch(/200 OK[^]*close_notify/);
    const cut = await run("python3", [READ_TO_END, String(secure), "/cut"]);
    expect(cut.stdout).toMatch(/the beginning[^]*cut off/);
  });

  test("an early refusal reaches a client that is still sending", async () => {
    const { secure } = await serve([["shop.test"]]);
    const text = await new Promise<string>((resolve, reject) => {
      let all = "";
      const socket = connect({ port: secure, host: "127.0.0.1", servername: "shop.test", rejectUnauthorized: false }, () => {
        socket.write("POST / HTTP/1.1\r\nHost: shop.test\r\nTransfer-Encoding: chunked\r\n\r\nno chunk\r\n");
        socket.write(Buffer.alloc(300_000));
      });
      socket.setEncoding("latin1").on("data", (data: string) => {
        all += data;
      });
      socket.on("error", reject);
      socket.on("end", () => {
        socket.end();
        resolve(all);
      });
    });
    expect(text).toContain("400 Bad Request");
  });
});

/** Sends bytes as they are and gives what comes until the end. */
function rawAnswer(port: number, bytes: string | Buffer): Promise<string> {
  return new Promise((resolve) => {
    let text = "";
    const socket = connectPlain(port, "127.0.0.1", () => socket.write(bytes));
    socket.setEncoding("latin1").on("data", (data: string) => {
      text += data;
    });
    socket.on("error", () => undefined);
    socket.on("close", () => {
      resolve(text);
    });
    socket.setTimeout(10_000, () => socket.destroy());
  });
}
