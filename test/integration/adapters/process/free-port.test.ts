import { createServer } from "node:net";
import { expect, test } from "vitest";
import { freePort } from "../../../../src/adapters/process/free-port.ts";

const HOST = "127.0.0.1";

test("a port is given out once among the latest thousand, although the kernel gives some again", async () => {
  const ports: number[] = [];
  while (ports.length < 1_000) ports.push(await freePort(HOST));
  expect(new Set(ports).size).toBe(1_000);
});

test("a port that is given out can be listened on", async () => {
  const port = await freePort(HOST);
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host: HOST, port }, resolve);
  });
  await new Promise((resolve) => server.close(resolve));
});
