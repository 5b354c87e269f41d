import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "vitest";
import { expectEqualBooks } from "../support/books.ts";
import { Site } from "../support/site.ts";
import { expectStanding } from "../support/standing.ts";
import { until } from "../support/temp.ts";

/** The fixture, whose health check fails while a file of the instance's name is there; everything else goes on. */
const program = (directory: string): string => `
import { existsSync } from "node:fs";
import http from "node:http";
import { syncBuiltinESMExports } from "node:module";
import { join } from "node:path";
const { createServer } = http;
const flag = join(${JSON.stringify(directory)}, "sick-" + process.env.HITLESS_INSTANCE);
http.createServer = (answer) => createServer((request, response) => {
  if (request.url === "/up" && existsSync(flag)) response.writeHead(500).end("the cache is gone");
  else answer(request, response);
});
syncBuiltinESMExports();
await import("./fixture.mjs");
`;

test(
  "scenario 18: an instance that fails its checks after the promotion is replaced under load, and nothing is lost",
  { timeout: 120_000 },
  async () => {
    const site = await Site.deployed({ instances: 2 });
    const flags = site.app.scene.root;
    site.app.write("program.mjs", program(flags));
    const health = { path: "/up", interval: "100ms", threshold: 1, failures: 2, replaceAfter: "1s" };
    site.write("two", { instances: 2, web: { command: [process.execPath, "program.mjs"], health } });
    await site.succeeds("deploy");
    const users = site.users();
    await until(() => users.requests > 300);
    const [victim] = (await site.app.status()).instances;
    const flag = join(flags, `sick-${victim?.name ?? ""}`);
    writeFileSync(flag, "");
    await until(async () => (await site.app.status()).instances.every(({ name }) => name !== victim?.name), {
      what: "it is replaced",
      within: 30_000,
    });
    await until(async () => (await site.app.status()).instances.filter(({ health }) => health === "up").length === 2);
    rmSync(flag);
    await expectEqualBooks(site, users);
    await expectStanding(site.app, "r2", 2);
  },
);
