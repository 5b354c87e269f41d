import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { describe, expect, onTestFinished, test } from "vitest";
import { silentLogger, type Logger } from "../../../src/base/log.ts";
import { RouteFile } from "../../../src/proxy/holder/route-file.ts";
import { freePort } from "../../support/free-port.ts";
import { ProxyProgram } from "../../support/proxy-program.ts";
import { tableOf } from "../../support/route-table.ts";
import { shopUpstream } from "../../support/shop-upstream.ts";
import { NO_SMALL_DISK, smallDisk } from "../../support/small-disk.ts";
import { temporaryDirectory } from "../../support/temp.ts";

const WRITER = fileURLToPath(new URL("./route-file-writer.ts", import.meta.url));

function opened(directory: string): { file: RouteFile; said: string[] } {
  const said: string[] = [];
  const log: Logger = { ...silentLogger, error: (message) => said.push(message) };
  return { file: new RouteFile(directory, log), said };
}

async function savedTwice(): Promise<{ directory: string; current: string; previous: string }> {
  const directory = temporaryDirectory();
  const { file } = opened(directory);
  await file.save([tableOf(1)]);
  await file.save([tableOf(2)]);
  return { directory, current: join(directory, "routes.json"), previous: join(directory, "routes.previous.json") };
}

async function revisionIn(directory: string): Promise<number | undefined> {
  return (await opened(directory).file.load())[0]?.revision;
}

describe("the route tables on disk", () => {
  test("are the last ones that were saved; none, and not a word, where there never were any", async () => {
    expect(await revisionIn((await savedTwice()).directory)).toBe(2);
    const { file, said } = opened(temporaryDirectory());
    expect(await file.load()).toEqual([]);
    expect([said, file.warnings]).toEqual([[], []]);
  });

  test("are those before the last change where the file is cut off or altered anywhere, and that is said", async () => {
    const { directory, current } = await savedTwice();
    const whole = readFileSync(current);
    await fc.assert(
      fc.asyncProperty(fc.nat(whole.length - 1), fc.boolean(), async (at, cut) => {
        const flipped = Buffer.from(whole);
        flipped.writeUInt8((flipped.readUInt8(at) ^ 1) & 0xff, at);
        writeFileSync(current, cut ? whole.subarray(0, at) : flipped);
        const { file, said } = opened(directory);
        expect((await file.load())[0]?.revision).toBe(1);
        expect(said).toHaveLength(1);
        expect(file.warnings).toEqual([expect.stringContaining("routes.json is damaged")]);
      }),
      { numRuns: 200 },
    );
  });

  test("are those before the last change where the file is missing", async () => {
    const { directory, current } = await savedTwice();
    rmSync(current);
    expect(await revisionIn(directory)).toBe(1);
  });

  test("do not lose the good copy to a damaged file when they are saved again", async () => {
    const { directory, current } = await savedTwice();
    writeFileSync(current, "{");
    const { file } = opened(directory);
    await file.load();
    await file.save([tableOf(3)]);
    expect(file.warnings).toEqual([]);
    writeFileSync(current, "");
    expect(await revisionIn(directory)).toBe(1);
  });

  test("are none where both copies are damaged, and that is said", async () => {
    const { directory, current, previous } = await savedTwice();
    writeFileSync(current, "");
    writeFileSync(previous, "[]");
    const { file, said } = opened(directory);
    expect(await file.load()).toEqual([]);
    expect(said).toHaveLength(1);
    expect(file.warnings).toEqual([expect.stringContaining("no app is served before the daemon")]);
  });

  test("survive the writer's end at any moment", async () => {
    const directory = temporaryDirectory();
    let reached = 0;
    for (let kills = 1; kills <= 5; kills += 1) {
      const writer = spawn(process.execPath, [WRITER, directory], { stdio: ["ignore", "pipe", "inherit"] });
      onTestFinished(() => {
        writer.kill("SIGKILL");
      });
      let said = "";
      writer.stdout.setEncoding("utf8").on("data", (text: string) => {
        said += text;
        // In the middle of some later write, each time another one.
        if (said.split("\n").length > 20 + 7 * kills) writer.kill("SIGKILL");
      });
      await once(writer, "close");
      const last = Number(said.split("\n").at(-2));
      const { file, said: warned } = opened(directory);
      const revision = (await file.load())[0]?.revision ?? 0;
      expect(revision === last || revision === last + 1, `${String(revision)} after ${String(last)}`).toBe(true);
      expect(warned).toEqual([]);
      reached += revision;
    }
    expect(reached).toBeGreaterThan(100);
  });

  test.skipIf(NO_SMALL_DISK !== null)("stay as they are on a full disk, and that is said until they can be saved", async () => {
    const directory = smallDisk(64 * 1024);
    const { file } = opened(directory);
    await file.save([tableOf(1)]);
    const ballast = join(directory, "ballast");
    writeFileSync(ballast, Buffer.alloc(40 * 1024));
    const big = tableOf(2, { pools: [{ release: "r".repeat(60_000), weight: 1, targets: [] }] });
    await expect(file.save([big])).rejects.toThrow("ENOSPC");
    expect(file.warnings).toEqual([expect.stringContaining("cannot be saved")]);
    expect(existsSync(join(directory, "routes.json.new"))).toBe(false);
    expect(await revisionIn(directory)).toBe(1);
    rmSync(ballast);
    await file.save([tableOf(3)]);
    expect(file.warnings).toEqual([]);
  });
});

describe("a proxy whose route file is damaged", { timeout: 60_000 }, () => {
  test("serves the tables before, and its status says so until there are newer ones", async () => {
    const upstream = await shopUpstream();
    const proxy = await ProxyProgram.started(await freePort());
    await proxy.route([upstream.target]);
    await proxy.route([upstream.target]);
    process.kill((await proxy.pid()) ?? 0, "SIGKILL");
    writeFileSync(join(proxy.state, "proxy", "routes.json"), "{");
    await proxy.start();
    expect((await fetch(proxy.url)).status).toBe(200);
    expect((await proxy.traffic.present(ProxyProgram.app))?.warnings).toHaveLength(1);
    expect(proxy.log).toContain("the route tables on disk are not what was written last");
    await proxy.route([upstream.target]);
    expect((await proxy.traffic.present(ProxyProgram.app))?.warnings).toEqual([]);
  });

  test("is given the tables again by the daemon's side when both copies are", async () => {
    const upstream = await shopUpstream();
    const proxy = await ProxyProgram.started(await freePort());
    await proxy.route([upstream.target]);
    process.kill((await proxy.pid()) ?? 0, "SIGKILL");
    for (const name of ["routes.json", "routes.previous.json"]) writeFileSync(join(proxy.state, "proxy", name), "");
    await proxy.start();
    expect(await proxy.traffic.present(ProxyProgram.app)).toBeNull();
    await proxy.traffic.restore();
    expect((await fetch(proxy.url)).status).toBe(200);
  });
});
