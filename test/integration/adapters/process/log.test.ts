import { appendFileSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { InstanceLogs } from "../../../../src/adapters/process/instance-log.ts";
import { testFleet } from "../../../support/fleet.ts";
import { APP, request } from "../../../support/fleet-request.ts";
import { temporaryDirectory, until } from "../../../support/temp.ts";

const MEBIBYTE = 1024 * 1024;

function logs(): { logs: InstanceLogs; path: (name: string) => string } {
  const directory = temporaryDirectory();
  const made = new InstanceLogs(directory);
  return { logs: made, path: (name) => join(made.directory, name) };
}

async function write(to: InstanceLogs, instance: string, text: string): Promise<void> {
  const file = await to.open(instance);
  await file.close();
  appendFileSync(to.path(instance), text);
}

describe("rotation", () => {
  test("moves a log of 10 MiB aside, leaves smaller ones, and keeps three", async () => {
    const { logs: all, path } = logs();
    await write(all, "small", "x".repeat(MEBIBYTE));
    for (const round of ["1", "2", "3", "4", "5"]) {
      await write(all, "large", round.repeat(10 * MEBIBYTE));
      await all.rotate();
    }
    expect(readdirSync(all.directory).sort()).toEqual(["large.log", "large.log.1", "large.log.2", "large.log.3", "small.log"]);
    expect(statSync(path("large.log")).size).toBe(0);
    expect(statSync(path("large.log.1")).size).toBe(10 * MEBIBYTE);
    expect(statSync(path("small.log")).size).toBe(MEBIBYTE);
    expect(await all.tail("large", 1)).toEqual(["5".repeat(64 * 1024)]);
    expect(statSync(path("large.log.1")).mode & 0o077).toBe(0);
  });

  test("under a running process loses nothing that is written afterwards, and leaves no hole in the file", async () => {
    const { fleet, state } = testFleet();
    const kept = new InstanceLogs(join(state, "apps", APP));
    const gate = join(state, "gate");
    await fleet.start(
      request(`head -c ${11 * MEBIBYTE} /dev/zero; echo; while [ ! -e ${gate} ]; do sleep 0.01; done; echo after; sleep 60`),
    );
    const size = (): number => statSync(kept.path("web.r1.1")).size;
    await until(() => size() === 11 * MEBIBYTE + 1);
    await kept.rotate();
    expect(size()).toBe(0);
    writeFileSync(gate, "");
    await until(() => size() > 0);
    expect(size()).toBe("after\n".length);
    expect(await fleet.logTail(APP, "web.r1.1", 1)).toEqual(["after"]);
  });
});

describe("the tail of a log", () => {
  test("is empty for an instance that has written nothing or was never there", async () => {
    const { logs: all } = logs();
    expect(await all.tail("web.r1.1", 5)).toEqual([]);
    await write(all, "web.r1.1", "");
    expect(await all.tail("web.r1.1", 5)).toEqual([]);
  });

  test("gives the last lines oldest first, with a last one that is not finished", async () => {
    const { logs: all } = logs();
    await write(all, "web.r1.1", "one\ntwo\n\nthree");
    expect(await all.tail("web.r1.1", 3)).toEqual(["two", "", "three"]);
    expect(await all.tail("web.r1.1", 99)).toEqual(["one", "two", "", "three"]);
    expect(await all.tail("web.r1.1", 0)).toEqual([]);
  });

  test("gives whole lines only, however long the log is", async () => {
    const { logs: all } = logs();
    const line = (number: number): string => `${String(number).padStart(6, "0")} ${"é".repeat(100)}`;
    await write(all, "web.r1.1", Array.from({ length: 2_000 }, (_, index) => `${line(index)}\n`).join(""));
    const tail = await all.tail("web.r1.1", 10_000);
    expect(tail.length).toBeGreaterThan(200);
    expect(tail).toEqual(Array.from({ length: tail.length }, (_, index) => line(2_000 - tail.length + index)));
  });

  test("reads on in the rotated file where the newest has too few lines", async () => {
    const { logs: all, path } = logs();
    await write(all, "web.r1.1", "three\n");
    writeFileSync(path("web.r1.1.log.1"), "one\ntwo\n");
    expect(await all.tail("web.r1.1", 2)).toEqual(["two", "three"]);
    expect(await all.tail("web.r1.1", 1)).toEqual(["three"]);
  });
});

test("pruning keeps the logs of what runs and the fifty newest others", async () => {
  const { logs: all } = logs();
  for (let number = 1; number <= 60; number += 1) await write(all, `web.r1.${number}`, "x");
  await all.prune(new Set(Array.from({ length: 10 }, (_, index) => `web.r1.${index + 1}`)));
  expect(readdirSync(all.directory)).toHaveLength(60);
  await write(all, "web.r1.61", "x");
  await all.prune(new Set(["web.r1.1"]));
  expect(readdirSync(all.directory)).toHaveLength(51);
  expect(readdirSync(all.directory)).toContain("web.r1.1.log");
});
