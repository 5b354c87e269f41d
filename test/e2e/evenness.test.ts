import { expect, test } from "vitest";
import { runLoad } from "../support/load/run.ts";
import { Site } from "../support/site.ts";

const REQUESTS = 20_000;

test("20,000 requests are shared out evenly: the most loaded target has at most 1.02 times the least loaded one's", async () => {
  const site = await Site.deployed({ instances: 4 });
  const enough = new AbortController();
  const report = await runLoad({
    url: site.url,
    rate: 0,
    keepAlive: 16,
    fresh: 2,
    post: 0,
    signal: enough.signal,
    progress: ({ requests }) => {
      if (requests >= REQUESTS) enough.abort();
    },
  });
  expect(report).toMatchObject({ ok: report.requests, httpErrors: 0, connectionErrors: 0, timeouts: 0 });
  await site.client.ledger(Site.app);
  const { instances } = await site.client.app(Site.app);
  const shares = instances.map(({ requests }) => requests ?? 0);
  expect(shares).toHaveLength(4);
  expect(shares.reduce((sum, share) => sum + share, 0)).toBe(report.requests);
  expect(Math.max(...shares) / Math.min(...shares)).toBeLessThanOrEqual(1.02);
});
