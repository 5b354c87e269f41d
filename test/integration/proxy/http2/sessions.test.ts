import { describe, expect, it } from "vitest";
import { ask, connectHttp2 } from "../../../support/http2/client.ts";
import { ScriptedUpstream } from "../../../support/wire/scripted-upstream.ts";
import { WireProxy } from "../../../support/wire/wire-proxy.ts";

const HELLO = "HTTP/1.1 200 OK\r\nSet-Cookie: sid=one; Path=/; HttpOnly\r\nContent-Length: 2\r\n\r\nok";
const WELCOME = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const STRANGER = "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n";

/** A node that knows the session that it has set itself, or none. */
async function node(knowsIt: boolean): Promise<ScriptedUpstream> {
  return ScriptedUpstream.start(async (peer) => {
    for (;;) {
      const { raw } = await peer.request();
      if (raw.startsWith("GET /login ")) peer.send(HELLO);
      else peer.send(knowsIt && /sid=one/.test(raw) ? WELCOME : STRANGER);
    }
  });
}

describe("sessions of clients that speak HTTP/2", () => {
  it("are seen to be kept on their node and lost on another one, also where the cookies come in several fields", async () => {
    const [own, other] = [await node(true), await node(false)];
    const proxy = await WireProxy.start([own.port], { proxy: { http2Cleartext: true } });
    const client = await connectHttp2(proxy.port);
    const me = { ":path": "/me", cookie: ["theme=dark", "sid=one"] };
    expect((await ask(client, { ":path": "/login" })).headers["set-cookie"]).toEqual(["sid=one; Path=/; HttpOnly"]);
    expect((await ask(client, me)).status).toBe(200);
    expect((await ask(client, { ":path": "/me", cookie: "sid=one" })).status).toBe(200);
    proxy.route([other.port]);
    expect((await ask(client, me)).status).toBe(401);
    expect(proxy.sessions).toEqual([
      { release: "r1", route: "GET /me", cookie: "sid", own: 2, ownLost: 0, other: 1, otherLost: 1 },
    ]);
    expect(JSON.stringify(proxy.sessions)).not.toContain("one");
  });
});
