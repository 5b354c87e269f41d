import { describe, expect, it } from "vitest";
import { AspNetWire, asked } from "../../support/sessions/asp-net-wire.ts";
import { StateServerProgram } from "../../support/sessions/state-server-program.ts";
import { until } from "../../support/temp.ts";

const TIMEOUT = "Timeout: 20";

function started(): Promise<StateServerProgram> {
  return StateServerProgram.started("--aspNet", "127.0.0.1:0");
}

/** Of the generation that wrote last that it is ready. */
function connect(program: StateServerProgram): Promise<AspNetWire> {
  return AspNetWire.connect(Number([...program.log.matchAll(/asp\.net:\/\/127\.0\.0\.1:(\d+)/g)].at(-1)![1]));
}

/** As ASP.NET does: lock, or ask again until it is free; write what was read and one more. */
async function count(wire: AspNetWire): Promise<void> {
  for (;;) {
    const { status, fields, content } = await wire.ask("GET", "/app(h)%2fn", ["Exclusive: acquire"]);
    if (status === 423) continue;
    expect(status).toBe(200);
    const written = await wire.ask(
      "PUT",
      "/app(h)%2fn",
      [TIMEOUT, `LockCookie: ${fields["LockCookie"]}`],
      String(Number(content) + 1),
    );
    expect(written.status).toBe(200);
    return;
  }
}

describe("the ASP.NET State Server Protocol", () => {
  it("over a socket: bytes as they are, in order, beside the Redis protocol on the same data", async () => {
    const program = await started();
    const wire = await connect(program);
    const content = Array.from({ length: 100_000 }, (_, i) => String.fromCharCode(i % 256)).join("");
    expect(await wire.ask("PUT", "/a", [TIMEOUT], content)).toEqual({
      status: 200,
      fields: { "X-AspNet-Version": "4.0.30319", "Content-Length": "0" },
      content: "",
    });
    wire.socket.write(asked("GET", "/a") + asked("HEAD", "/a") + asked("GET", "/none"), "latin1");
    expect([await wire.next(), await wire.next(), await wire.next()].map(({ status }) => status)).toEqual([200, 200, 404]);
    expect((await wire.ask("GET", "/a")).content).toBe(content);
    const redis = await program.connect();
    expect(await redis.call("TTL", "aspnet:/a")).toBeGreaterThan(1_190n);
    await redis.call("SET", "aspnet:/b", "not a session");
    expect((await wire.ask("GET", "/b")).status).toBe(404);
    expect((await wire.ask("PUT", "/b", [TIMEOUT], "now it is")).status).toBe(200);
    expect((await wire.ask("GET", "/b")).content).toBe("now it is");
    redis.close();
  });

  it(
    "locks: eight clients count together, and none of it is lost, through an upgrade and a kill -9",
    { timeout: 60_000 },
    async () => {
      const program = await started();
      const first = await connect(program);
      await first.ask("PUT", "/app(h)%2fn", [TIMEOUT], "0");
      const wires = await Promise.all(Array.from({ length: 8 }, () => connect(program)));
      const half = await connect(program);
      half.socket.write(asked("PUT", "/half", [TIMEOUT], "x".repeat(5_000)).slice(0, 2_000));
      let counted = 0;
      const load = { on: true };
      const working = wires.map(async (wire) => {
        while (load.on || counted < 100) {
          await count(wire);
          counted += 1;
        }
      });
      const old = program.child!.pid!;
      process.kill(old, "SIGUSR2");
      await until(() => program.processes().every(({ pid }) => pid !== old), {
        what: "the old generation has ended",
        within: 30_000,
      });
      const before = counted;
      await until(() => counted > before + 20, { what: "the connections go on in the next generation" });
      load.on = false;
      await Promise.all(working);
      half.socket.write(asked("PUT", "/half", [TIMEOUT], "x".repeat(5_000)).slice(2_000));
      expect((await half.next()).status).toBe(200);
      const lock = await first.ask("GET", "/half", ["Exclusive: acquire"]);
      expect(lock.fields["LockCookie"]).toBe("1");
      for (const { pid } of program.processes()) process.kill(pid, "SIGKILL");
      await until(() => program.processes().length === 0);
      await program.start();
      await until(() => program.log.split("is ready").length > 3, { what: "it says where it listens" });
      const again = await connect(program);
      expect((await again.ask("GET", "/app(h)%2fn")).content).toBe(String(counted));
      // The lock was acknowledged, so it is there.
      expect((await again.ask("GET", "/half")).status).toBe(423);
    },
  );

  it("what was acknowledged is there after kill -9 during writes, five times", { timeout: 60_000 }, async () => {
    const program = await started();
    const acknowledged = [0, 0, 0, 0];
    const sent = [0, 0, 0, 0];
    for (let kill = 1; kill <= 5; kill += 1) {
      const before = acknowledged[0]!;
      const writing = acknowledged.map(async (from, writer) => {
        const wire = await connect(program);
        for (let n = from + 1; !wire.closed; n += 1) {
          sent[writer] = n;
          const answer = await wire.ask("PUT", `/w${writer}`, [TIMEOUT], String(n)).catch(() => null);
          if (answer?.status === 200) acknowledged[writer] = n;
        }
      });
      await until(() => acknowledged[0]! > before + 20);
      await program.kill();
      await Promise.all(writing);
      await program.start();
      await until(() => program.log.split("is ready").length === kill + 2, { what: "it says where it listens" });
      const wire = await connect(program);
      for (let writer = 0; writer < 4; writer += 1) {
        const found = Number((await wire.ask("GET", `/w${writer}`)).content);
        expect([acknowledged[writer], sent[writer]]).toContain(found);
        acknowledged[writer] = found;
      }
      wire.close();
    }
  });

  it("what is malformed is refused and ends the connection, and nobody else's", async () => {
    const program = await started();
    const good = await connect(program);
    for (const bad of [
      "nonsense\r\n\r\n",
      "PUT /x HTTP/1.1\r\nContent-Length: 9999999999\r\n\r\n",
      "GET /x HTTP/1.1\r\n:\r\n\r\n",
    ]) {
      const wire = await connect(program);
      expect((await wire.raw(bad)).status).toBe(400);
      await until(() => wire.closed);
    }
    const slow = await connect(program);
    slow.socket.pause();
    await good.ask("PUT", "/large", [TIMEOUT], "x".repeat(1_000_000));
    slow.socket.write(asked("GET", "/large").repeat(50));
    expect((await good.ask("GET", "/large")).content.length).toBe(1_000_000);
    slow.socket.resume();
    for (let i = 0; i < 50; i += 1) expect((await slow.next()).status).toBe(200);
  });
});
