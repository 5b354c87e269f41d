import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import type { Notification } from "../../src/core/notification.ts";
import { Site } from "../support/site.ts";
import { until } from "../support/temp.ts";

/** A receiver that is down (it hangs up on everybody) until it is told otherwise. */
class Receiver {
  readonly told: Notification[] = [];
  refused = 0;
  isUp = false;
  readonly #server: Server;

  constructor() {
    this.#server = createServer((request, response) => {
      if (!this.isUp) {
        this.refused += 1;
        request.socket.destroy();
        return;
      }
      let body = "";
      request.on("data", (piece: Buffer) => (body += piece.toString()));
      request.on("end", () => {
        this.told.push(JSON.parse(body) as Notification);
        response.end();
      });
    });
    onTestFinished(() => {
      this.#server.close();
      this.#server.closeAllConnections();
    });
  }

  async listening(): Promise<string> {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    return `http://127.0.0.1:${String((this.#server.address() as AddressInfo).port)}/hook`;
  }
}

test(
  "scenario 107: a receiver that is down delays nothing, and is told by the next daemon when it is up again, in order, of failures too",
  { timeout: 120_000 },
  async () => {
    const receiver = new Receiver();
    const notifications = [{ webhook: await receiver.listening() }];
    const site = await Site.deployed({ notifications });
    await until(() => receiver.refused >= 2, { what: "it was tried" });
    expect((await site.client.app(Site.app)).deployment).toMatchObject({ name: "d1", outcome: "done" });
    process.kill((await site.client.info()).pid, "SIGKILL");
    await site.succeeds("up");
    receiver.isUp = true;
    site.write("two", { notifications, web: { env: { HEALTH: "500", API_TOKEN: "told-as-told" }, startDeadline: "1s" } });
    expect((await site.app.run(["deploy"])).code).toBe(6);
    await until(() => receiver.told.some(({ event }) => event === "rolled-back"), { what: "it is told of the failure" });
    const ids = receiver.told.map(({ id }) => id);
    expect([...new Set(ids)]).toEqual(["site/d1/started", "site/d1/promoted", "site/d2/started", "site/d2/rolled-back"]);
    expect(receiver.told.at(-1)).toMatchObject({ from: "r1", to: "r2", reason: { code: "ERR_INSTANCE_UNREADY" } });
    expect(JSON.stringify(receiver.told)).not.toContain("told-as-told");
  },
);
