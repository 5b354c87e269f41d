import { once } from "node:events";
import { createServer, type Server } from "node:net";
import { describe, expect, onTestFinished, test } from "vitest";
import { freePort } from "../support/free-port.ts";
import { sharedScene } from "../support/scene.ts";
import { expectStanding } from "../support/standing.ts";

describe("a listen address", () => {
  const scene = sharedScene(async (made) => made);

  test("that another program uses: nothing is started, and it works once it is free", async () => {
    const app = await scene().app("late", { instances: 1 });
    const other = await occupy(app.port);
    const { code, out, err } = await app.run(["deploy"]);
    expect(code, out + err).toBe(5);
    for (const word of ["[ERR_LISTEN_ADDRESS_TAKEN]", `127.0.0.1:${app.port}`]) expect(err).toContain(word);
    expect(await app.status()).toMatchObject({ active: null, instances: [] });
    expect(app.instanceProcesses()).toEqual([]);
    other.close();
    await once(other, "close");
    await app.deploy();
    await expectStanding(app, (await app.status()).active ?? "", 1);
  });

  test("that another app uses: it is named, and both stay as they were", async () => {
    const first = await scene().app("first", { instances: 1 });
    const second = await scene().app("second", { instances: 1 });
    await first.deploy();
    second.configure({ instances: 1 }, { listen: `127.0.0.1:${first.port}` });
    const { code, out, err } = await second.run(["deploy"]);
    expect(code, out + err).toBe(5);
    for (const word of ["[ERR_ROUTE_CONFLICT]", `127.0.0.1:${first.port}`, "second and first", "another `listen` address"])
      expect(err).toContain(word);
    await expectStanding(first, "r1", 1);
    expect(second.instanceProcesses()).toEqual([]);
  });

  test("that changes: the new one serves, the old one is given back; a taken one goes back", async () => {
    const app = await scene().app("moving", { instances: 1 });
    await app.deploy();
    const next = await freePort();
    app.configure({ instances: 1 }, { listen: next });
    await app.deploy();
    expect((await fetch(`http://127.0.0.1:${next}/release`)).status).toBe(200);
    await expect(fetch(app.url)).rejects.toThrow("fetch failed");
    expect((await app.status()).url).toBe(`http://127.0.0.1:${next}`);

    await occupy(app.port);
    app.configure({ instances: 1 });
    const { code, out, err } = await app.run(["deploy"]);
    expect(code, out + err).toBe(5);
    expect(err).toContain("[ERR_LISTEN_ADDRESS_TAKEN]");
    expect((await fetch(`http://127.0.0.1:${next}/release`)).status).toBe(200);
    expect(await app.status()).toMatchObject({ active: "r2", url: `http://127.0.0.1:${next}` });
    expect(app.instanceProcesses()).toHaveLength(1);
  });
});

async function occupy(port: number): Promise<Server> {
  const server = createServer().listen(port, "127.0.0.1");
  onTestFinished(() => {
    server.close();
  });
  await once(server, "listening");
  return server;
}
