import { expect, test } from "vitest";
import { temporaryDirectory } from "../../support/temp.ts";
import { ask, echoOf, get } from "../../support/tls/client.ts";
import { filesFor } from "../../support/tls/files.ts";
import { freePort } from "../../support/free-port.ts";
import { startEcho, startProxy, tableFor } from "../../support/tls/proxy.ts";
import { run } from "../../support/tls/run.ts";

/** Two apps on one address, each with its certificate. */
async function twoApps() {
  const directory = temporaryDirectory();
  const proxy = await startProxy();
  const port = await freePort();
  for (const app of ["shop", "blog"]) {
    const certificates = [await filesFor(directory, [`${app}.test`, `www.${app}.test`])];
    const claim = { hosts: [`${app}.test`, `www.${app}.test`], paths: [], headers: [], cookies: [] };
    const tls = { listen: { host: "127.0.0.1", port }, certificates };
    await proxy.traffic.apply(tableFor(await startEcho({ "x-app": app }), tls, { app, routing: { claim } }));
  }
  return { port, proxy };
}

test("apps that share an address for HTTPS have their own certificates and requests", async () => {
  const { port } = await twoApps();
  for (const app of ["shop", "blog"]) {
    const { certificate, text } = await ask(port, { servername: `${app}.test` }, get("/", `${app}.test`));
    expect(certificate).toBe(`${app}.test`);
    expect(text).toContain(`x-app: ${app}`);
  }
});

test("C6: a request for another app than the connection was made for is misdirected; for the same app it is not", async () => {
  const { port } = await twoApps();
  const answer = async (host: string, servername?: string) =>
    (await ask(port, servername === undefined ? {} : { servername }, get("/", host))).text;
  expect(await answer("blog.test", "shop.test")).toContain("421 Misdirected Request");
  expect(await answer("blog.test", "elsewhere.test")).toContain("421 Misdirected Request");
  const same = await answer("www.shop.test", "SHOP.test");
  expect(same).toContain("200 OK");
  expect(echoOf(same).headers.host).toBe("www.shop.test");
  expect(await answer("blog.test")).toContain("200 OK");
  expect(await answer("nobody.test", "shop.test")).toContain("404 Not Found");
});

test("C6: over HTTP/2 as well", async () => {
  const { port } = await twoApps();
  const to = ["--connect-to", `shop.test:443:127.0.0.1:${String(port)}`];
  const args = ["-sk", "--http2", ...to, "-o", "/dev/null", "-w", "%{http_version} %{http_code}"];
  expect((await run("curl", [...args, "https://shop.test/"])).stdout).toBe("2 200");
  expect((await run("curl", [...args, "-H", "Host: blog.test", "https://shop.test/"])).stdout).toBe("2 421");
});
