import { expect, test } from "vitest";
import type { AppStatus } from "../../src/api/daemon.ts";
import { Scene } from "../support/scene.ts";
import { until } from "../support/temp.ts";

test("scenario 77: a second deployment is refused, or waits as it was typed, outlives the daemon, and begins when the first has ended", async () => {
  const scene = new Scene();
  try {
    const app = await scene.app("shop", { env: { MESSAGE: "one" } });
    const more = { rollout: { strategy: "blue-green", promote: "manual", standby: 0 } } as const;
    await app.deploy();
    const holds = async (what: string, condition: (status: AppStatus) => boolean): Promise<void> => {
      await until(async () => condition(await app.status()), { what });
    };
    app.configure({ env: { MESSAGE: "two" } }, more);
    const second = app.begin(["deploy"]);
    await holds("d2 waits", ({ deployment }) => deployment?.name === "d2" && deployment.awaits !== null);
    const refused = await app.run(["deploy"]);
    expect(refused.code).toBe(5);
    expect(refused.err).toContain("d2 of shop is running");

    app.configure({ env: { MESSAGE: "three" } });
    app.write("typed.txt", "as it was");
    const third = app.begin(["deploy", "--queue", "--json"]);
    await holds("r3 is queued", ({ queued }) => queued?.release === "r3" && queued.behind === "d2");
    app.write("typed.txt", "changed later");
    process.kill((await scene.client.info()).pid, "SIGKILL");
    await scene.up();
    expect((await app.status()).queued).toMatchObject({ release: "r3", behind: "d2" });

    expect((await app.run(["promote"])).code).toBe(0);
    expect((await second.ended()).code).toBe(0);
    const { code, out } = await third.ended();
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ deployment: { name: "d3", from: "r2", to: "r3", outcome: "done" } });
    expect((await app.ask()).message).toBe("three");
    expect(app.released("r3", "typed.txt")).toBe("as it was");
  } finally {
    await scene.close();
  }
});
