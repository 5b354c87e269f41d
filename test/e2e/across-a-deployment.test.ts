import { createHash } from "node:crypto";
import { once } from "node:events";
import { Agent, request, type ClientRequest, type IncomingMessage } from "node:http";
import { connect, type ClientHttp2Session, type ClientHttp2Stream } from "node:http2";
import { text } from "node:stream/consumers";
import { expect, onTestFinished, test } from "vitest";
import { expectEqualBooks } from "../support/books.ts";
import { Site, type SiteOptions } from "../support/site.ts";
import { until } from "../support/temp.ts";

const MIB = 1024 * 1024;
/** More than all buffers on the way hold, so that it is still being sent while nobody reads. */
const DOWNLOAD_MIB = 64;
const STREAMS = 100;

/** The fixture stops accepting at SIGTERM, as Next.js and SvelteKit do. Its health check has a port of its own. */
const OPTIONS: SiteOptions = {
  batch: "100%",
  proxy: { http2Cleartext: true },
  web: { health: { path: "/up", port: "HEALTH_PORT", interval: "50ms" }, drainTimeout: "60s" },
};

test(
  "scenarios 20, 27, 28, 29, 31 and 37 under load: a download, an upload, an idle connection and 100 streams of HTTP/2 outlast the release that they began with",
  { timeout: 120_000 },
  async () => {
    const site = await Site.deployed(OPTIONS);
    expect((await fetch(`${site.url}/up`)).status, "where it serves there is no health check").toBe(404);
    const users = site.users({ rate: 200 });
    await until(() => users.requests > 100);

    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    onTestFinished(() => {
      agent.destroy();
    });
    const idle = await ask(site, agent);
    const download = await answerOf(request(`${site.url}/bytes?mib=${String(DOWNLOAD_MIB)}`).end());
    const upload = beginOrder(site);
    const session = openSession(site);
    const streams = await Promise.all(Array.from({ length: STREAMS }, () => begun(session, "/bytes?mib=1")));

    site.write("two", OPTIONS);
    const name = await site.begin();
    await until(async () => (await site.client.app(Site.app)).deployment?.phase === "draining", { within: 60_000 });

    expect(await digest(download)).toBe(digestOf(DOWNLOAD_MIB));
    expect(await Promise.all(streams.map(digest))).toEqual(Array.from({ length: STREAMS }, () => digestOf(1)));
    upload.end(' is slow"}');
    expect(await text(await answerOf(upload))).toBe(ORDER.body);
    expect(await site.ended(name)).toMatchObject({ outcome: "done" });

    expect(idle.words).toMatch(/^r1 .* one$/);
    const again = await ask(site, agent);
    expect(again.words, "the idle connection meets the new release").toMatch(/^r2 .* two$/);
    expect(again.localPort).toBe(idle.localPort);
    expect(await text(await begun(session, "/release"))).toMatch(/^r2 /);
    expect(await site.client.report(Site.app, name)).toMatchObject({ lost: 0 });
    await expectEqualBooks(site, users, { others: 6 + STREAMS, posted: [ORDER.id] });
  },
);

const ORDER = { id: "slow", body: '{"id":"slow","note":"it is slow"}' };

/** Its body comes in two parts, the second one whenever the test ends it. */
function beginOrder(site: Site): ClientRequest {
  const headers = { "content-type": "application/json", "content-length": ORDER.body.length };
  const upload = request(`${site.url}/api/orders`, { method: "POST", headers });
  upload.write('{"id":"slow","note":"it');
  return upload;
}

async function ask(site: Site, agent: Agent): Promise<{ words: string; localPort: number | undefined }> {
  const asked = request(`${site.url}/release`, { agent }).end();
  const answer = await answerOf(asked);
  const { localPort } = answer.socket;
  return { words: (await text(answer)).trim(), localPort };
}

async function answerOf(asked: ClientRequest): Promise<IncomingMessage> {
  const [answer] = (await once(asked, "response")) as [IncomingMessage];
  return answer;
}

function openSession(site: Site): ClientHttp2Session {
  const session = connect(site.url);
  onTestFinished(() => {
    session.destroy();
  });
  return session;
}

/** A request that an instance has begun to answer. */
async function begun(session: ClientHttp2Session, path: string): Promise<ClientHttp2Stream> {
  const stream = session.request({ ":path": path });
  const [fields] = (await once(stream, "response")) as [Record<string, unknown>];
  expect(fields[":status"]).toBe(200);
  return stream;
}

async function digest(body: AsyncIterable<Buffer>): Promise<string> {
  const hash = createHash("sha256");
  for await (const piece of body) hash.update(piece);
  return hash.digest("hex");
}

/** Of what `/bytes` sends. */
function digestOf(mib: number): string {
  return createHash("sha256")
    .update(Buffer.alloc(mib * MIB, "hitless "))
    .digest("hex");
}
