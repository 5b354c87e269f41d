import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import type { RouteTable } from "../../../src/core/routes.ts";
import { CLAIM_OF_EVERYTHING } from "../../../src/core/routing.ts";
import { ask, connectHttp2 } from "../../support/http2/client.ts";
import { freePort } from "../../support/free-port.ts";
import { ProxyProgram } from "../../support/proxy-program.ts";

const ROUTING = {
  claim: CLAIM_OF_EVERYTHING,
  skew: { headers: ["X-Hitless-Release"], parameter: "dpl", cookie: "hitless_cohort" },
} as const;
const SPEC = { holdMs: 1_000, firstByteTimeoutMs: 10_000, http2Cleartext: true };

type Pool = RouteTable["pools"][number];

/** A release whose every answer is its name: a page at `/`, plain text elsewhere. */
async function poolOf(release: string): Promise<Pool> {
  const server = createServer((request, response) => {
    response.setHeader("content-type", request.url === "/" ? "text/html" : "text/plain");
    response.end(release);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  return { release, weight: 1, targets: [{ instance: `web.${release}.1`, host: "127.0.0.1", port, health: null }] };
}

test(
  "a page keeps its release over both workers, both protocols, a new proxy and the proxy's death, and is told when it is gone",
  { timeout: 60_000 },
  async () => {
    const [r1, r2] = [await poolOf("r1"), await poolOf("r2")];
    const port = await freePort();
    const proxy = await ProxyProgram.started(port);
    const serve = (...pools: Pool[]): Promise<void> => proxy.route([], { pools, routing: ROUTING, proxy: SPEC });
    await serve(r1);
    const page = await fetch(proxy.url, { headers: { accept: "text/html" } });
    const cookie = page.headers.get("set-cookie")?.split(";")[0] ?? "";
    expect(cookie).toMatch(/^hitless_cohort=[\w-]{22}\.r1\.[\w-]{22}$/);

    /** Each on a connection of its own, so that both workers are asked. */
    const calls = (): Promise<string[]> =>
      Promise.all(
        Array.from({ length: 12 }, async () => {
          const answer = await fetch(`${proxy.url}/api`, { headers: { cookie, connection: "close" } });
          return `${await answer.text()} ${answer.headers.get("x-hitless-release") ?? ""} ${answer.headers.get("x-hitless-skew") ?? "-"}`;
        }),
      );
    await serve({ ...r1, weight: 0 }, r2);
    expect(new Set(await calls())).toEqual(new Set(["r1 r1 -"]));
    const session = await connectHttp2(port);
    expect((await ask(session, { ":path": "/api", cookie })).headers["x-hitless-release"]).toBe("r1");
    expect((await ask(session, { ":path": "/app.js?dpl=r1" })).headers["x-hitless-release"]).toBe("r1");
    expect((await ask(session, { ":path": "/api" })).headers["x-hitless-release"]).toBe("r2");

    await proxy.upgrade();
    expect(new Set(await calls())).toEqual(new Set(["r1 r1 -"]));
    for (const pid of proxy.processes()) process.kill(pid, "SIGKILL");
    await proxy.start();
    expect(new Set(await calls())).toEqual(new Set(["r1 r1 -"]));

    await serve(r2);
    expect(new Set(await calls())).toEqual(new Set(["r2 r2 r1"]));
  },
);
