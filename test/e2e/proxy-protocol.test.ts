import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { sharedScene } from "../support/scene.ts";

const APP = readFileSync(new URL("../support/apps/proxied.mjs", import.meta.url), "utf8");
const scene = sharedScene(async (made) => made);

test("an app whose instances want the PROXY protocol is checked, deployed and served with it", async () => {
  const app = await scene().app("proxied");
  app.write("proxied.mjs", APP);
  const web = { command: [process.execPath, "proxied.mjs"], instances: 2, startDeadline: "2s" };
  app.configure(web);
  const without = await app.run(["deploy"]);
  expect([without.code, without.err]).toEqual([6, expect.stringContaining("[ERR_INSTANCE_UNREADY]")]);
  app.configure({ ...web, startDeadline: "60s", proxyProtocol: "v1" });
  await app.deploy();
  const answer = await fetch(`${app.url}/`);
  expect(answer.status).toBe(200);
  expect(await answer.text()).toMatch(new RegExp(`^PROXY TCP4 127\\.0\\.0\\.1 127\\.0\\.0\\.1 \\d+ ${String(app.port)}\\n$`));
  app.configure({ ...web, proxyProtocol: "v1", protocol: "h2c" });
  const refused = await app.run(["deploy"]);
  expect([refused.code, refused.err]).toEqual([3, expect.stringContaining("processes.web.proxyProtocol")]);
});
