import { describe, expect, test } from "vitest";
import type { LeaseTerm, Store } from "../../src/ports/store.ts";
import { APP, command, deployment, entry, note, stateAt } from "../support/journal.ts";

/** What every Store promises. `open` gives an empty one and sees to it that it goes away. */
export function storeContract(open: () => Store): void {
  const opened = async (): Promise<Store> => {
    const store = open();
    expect(await store.openEpoch(APP, 0)).toBe(1);
    return store;
  };

  describe("epochs", () => {
    test("go up with every writer, and each app has its own", async () => {
      const store = await opened();
      expect(await store.openEpoch(APP, 0)).toBe(2);
      expect(await store.openEpoch(APP, 0)).toBe(3);
      expect(await store.openEpoch("blog", 0)).toBe(1);
      expect(await store.apps()).toEqual(["blog", APP]);
    });

    test("a writer with an older one is refused and leaves nothing behind", async () => {
      const store = await opened();
      await store.append(APP, entry(1, { commands: [command("c1")] }));
      await store.openEpoch(APP, 0);
      const stale = entry(2, {
        epoch: 1,
        commands: [command("c2")],
        notes: [note("stale")],
        event: { kind: "command.done", at: 1, settles: "c1" },
      });
      await expect(store.append(APP, stale)).rejects.toMatchObject({ code: "ERR_STALE_EPOCH" });
      const { entries, unsettled } = await store.load(APP);
      expect(entries).toHaveLength(1);
      expect(unsettled).toEqual([command("c1")]);
      expect(await store.notes(APP, "d1", 0)).toEqual([]);
      await store.append(APP, entry(2, { epoch: 2 }));
    });
  });

  describe("the lease", () => {
    const term = (holder: string, now: number): LeaseTerm => ({ holder, now, ttlMs: 100 });

    test("is nobody's at first; is taken by who knows it as it is, and goes up with every taking", async () => {
      const store = open();
      expect(await store.lease()).toBeNull();
      const first = { holder: "a", epoch: 1, renewedAt: 1_000, expiresAt: 1_100 };
      expect(await store.takeLease(0, term("a", 1_000))).toEqual(first);
      expect(await store.takeLease(0, term("b", 1_000))).toBeNull();
      expect(await store.lease()).toEqual(first);
      expect(await store.takeLease(1, term("b", 2_000))).toEqual({ holder: "b", epoch: 2, renewedAt: 2_000, expiresAt: 2_100 });
      expect((await store.lease())?.epoch).toBe(2);
    });

    test("is renewed by who has it, also after its end, and by nobody else", async () => {
      const store = open();
      await store.takeLease(0, term("a", 1_000));
      expect(await store.renewLease(1, term("a", 5_000))).toEqual({ holder: "a", epoch: 1, renewedAt: 5_000, expiresAt: 5_100 });
      await store.takeLease(1, term("b", 9_000));
      await expect(store.renewLease(1, term("a", 9_001))).rejects.toMatchObject({ code: "ERR_STALE_EPOCH" });
      expect(await store.lease()).toEqual({ holder: "b", epoch: 2, renewedAt: 9_000, expiresAt: 9_100 });
    });

    test("is needed to open an epoch: who has lost it cannot fence the one who has it", async () => {
      const store = open();
      await store.takeLease(0, term("a", 1_000));
      expect(await store.openEpoch(APP, 1)).toBe(1);
      await store.takeLease(1, term("b", 2_000));
      await expect(store.openEpoch(APP, 1)).rejects.toMatchObject({ code: "ERR_STALE_EPOCH" });
      expect(await store.openEpoch(APP, 2)).toBe(2);
    });
  });

  describe("what only the one writer may do", () => {
    test("is done at once, gives its result, and its error leaves the store usable", async () => {
      const store = await opened();
      expect(store.fenced(APP, 1, () => "done")).toBe("done");
      expect(() =>
        store.fenced(APP, 1, () => {
          throw new Error("it went wrong");
        }),
      ).toThrow("it went wrong");
      await store.append(APP, entry(1));
    });

    test("is refused and not done by who is not the writer any more", async () => {
      const store = await opened();
      await store.openEpoch(APP, 0);
      let done = false;
      expect(() => store.fenced(APP, 1, () => (done = true))).toThrow(
        expect.objectContaining({ code: "ERR_STALE_EPOCH" }) as Error,
      );
      expect(done).toBe(false);
    });
  });

  describe("entries", () => {
    test("come back in order as they were written, with their commands, and their notes apart", async () => {
      const store = await opened();
      const first = entry(1, { commands: [command("c1"), command("c2")], deployment: null });
      const second = entry(2, {
        event: { kind: "output.written", lines: ["ünïcode 🚚", 'quote " \\ \u0000 \u001b[31m', ""], at: 1_700_000_000_123 },
      });
      await store.append(APP, first);
      await store.append(APP, { ...second, notes: [note("noted")] });
      expect(await store.load(APP)).toEqual({
        snapshot: null,
        entries: [first, second],
        unsettled: [command("c1"), command("c2")],
      });
    });

    test("are what they were when they were written, whatever the writer does with them afterwards", async () => {
      const store = await opened();
      const lines = ["before"];
      await store.append(APP, entry(1, { event: { kind: "output.written", lines, at: 1 } }));
      lines[0] = "after";
      const { entries } = await store.load(APP);
      expect(entries[0]?.event).toMatchObject({ lines: ["before"] });
    });

    test.each([
      ["a gap", 3],
      ["a repetition", 1],
      ["a number from before the first", 0],
    ])("are numbered without gaps: %s is refused, and nothing of it is kept", async (_title, seq) => {
      const store = await opened();
      await store.append(APP, entry(1));
      await expect(store.append(APP, entry(seq, { commands: [command("c9")], notes: [note("no")] }))).rejects.toMatchObject({
        code: "ERR_INVARIANT",
      });
      const { entries, unsettled } = await store.load(APP);
      expect(entries).toEqual([entry(1)]);
      expect(unsettled).toEqual([]);
      expect(await store.notes(APP, "d1", 0)).toEqual([]);
      await store.append(APP, entry(2));
    });

    test("of one app are not another's", async () => {
      const store = await opened();
      await store.openEpoch("blog", 0);
      await store.append(APP, entry(1, { commands: [command("c1")], notes: [note("of the shop")] }));
      await store.append("blog", entry(1, { commands: [command("c1"), command("c2")] }));
      await store.append("blog", entry(2, { event: { kind: "command.done", at: 1, settles: "c1" } }));
      expect((await store.load(APP)).entries).toHaveLength(1);
      expect((await store.load(APP)).unsettled).toEqual([command("c1")]);
      expect((await store.load("blog")).unsettled).toEqual([command("c2")]);
      expect(await store.notes("blog", "d1", 0)).toEqual([]);
    });
  });

  describe("commands", () => {
    test("stay unsettled until an event carries their id, oldest first", async () => {
      const store = await opened();
      await store.append(APP, entry(1, { commands: [command("c1"), command("c2"), command("c10")] }));
      await store.append(APP, entry(2, { commands: [command("c3")], event: { kind: "command.done", at: 1, settles: "c2" } }));
      expect((await store.load(APP)).unsettled).toEqual([command("c1"), command("c10"), command("c3")]);
      await store.append(APP, entry(3, { event: { kind: "command.done", at: 1, settles: "unknown" } }));
      await store.append(APP, entry(4, { event: { kind: "command.done", at: 1, settles: "c1" } }));
      await store.append(APP, entry(5, { event: { kind: "command.done", at: 1, settles: "c1" } }));
      expect((await store.load(APP)).unsettled).toEqual([command("c10"), command("c3")]);
    });

    test("from before a snapshot are still unsettled after it", async () => {
      const store = await opened();
      await store.append(APP, entry(1, { commands: [command("c1")] }));
      await store.saveSnapshot(APP, 1, stateAt(2));
      expect((await store.load(APP)).unsettled).toEqual([command("c1")]);
    });
  });

  describe("a snapshot", () => {
    test("stands for the entries up to it; the numbering goes on", async () => {
      const store = await opened();
      for (const seq of [1, 2, 3]) await store.append(APP, entry(seq));
      await store.saveSnapshot(APP, 2, stateAt(7));
      expect(await store.load(APP)).toEqual({ snapshot: { seq: 2, state: stateAt(7) }, entries: [entry(3)], unsettled: [] });
      await store.saveSnapshot(APP, 3, stateAt(8));
      expect(await store.load(APP)).toEqual({ snapshot: { seq: 3, state: stateAt(8) }, entries: [], unsettled: [] });
      // A writer that has been overtaken must not put the clock back.
      await store.saveSnapshot(APP, 2, stateAt(7));
      expect((await store.load(APP)).snapshot).toEqual({ seq: 3, state: stateAt(8) });
      await expect(store.append(APP, entry(1))).rejects.toMatchObject({ code: "ERR_INVARIANT" });
      await store.append(APP, entry(4));
      expect((await store.load(APP)).entries).toEqual([entry(4)]);
    });
  });

  describe("deployments", () => {
    test("are given newest first, by number, each with its latest record", async () => {
      const store = await opened();
      for (const name of ["d9", "d11", "d10", "d2"]) await store.saveDeployment(APP, deployment(name));
      await store.saveDeployment(APP, deployment("d9", { outcome: "rolled-back", endedAt: 5 }));
      const all = await store.deployments(APP, 10);
      expect(all.map(({ name }) => name)).toEqual(["d11", "d10", "d9", "d2"]);
      expect(all[2]).toEqual(deployment("d9", { outcome: "rolled-back", endedAt: 5 }));
      expect((await store.deployments(APP, 2)).map(({ name }) => name)).toEqual(["d11", "d10"]);
      expect(await store.deployments("blog", 10)).toEqual([]);
    });
  });

  describe("notes", () => {
    test("are numbered upwards over the deployments of an app and can be read from where one stopped", async () => {
      const store = await opened();
      await store.append(APP, entry(1, { notes: [note("one"), { at: 5, level: "bad", text: "two" }] }));
      await store.append(APP, entry(2, { notes: [note("of another")], deployment: "d2" }));
      await store.append(APP, entry(3, { notes: [note("of nobody")], deployment: null }));
      await store.append(APP, entry(4, { notes: [note("three\u0000 🚚")] }));
      const all = await store.notes(APP, "d1", 0);
      expect(all.map(({ seq: _seq, ...rest }) => rest)).toEqual([
        note("one"),
        { at: 5, level: "bad", text: "two" },
        note("three\u0000 🚚"),
      ]);
      const numbers = all.map(({ seq }) => seq);
      expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b));
      expect(numbers[0]).toBeGreaterThan(0);
      expect(await store.notes(APP, "d1", numbers[1]!)).toEqual([all[2]]);
      expect(await store.notes(APP, "d1", numbers[2]!)).toEqual([]);
      expect((await store.notes(APP, "d2", 0)).map(({ text }) => text)).toEqual(["of another"]);
    });
  });

  test("an app that was never written is empty, and asking for it does not make it known", async () => {
    const store = open();
    expect(await store.load(APP)).toEqual({ snapshot: null, entries: [], unsettled: [] });
    expect(await store.deployments(APP, 5)).toEqual([]);
    expect(await store.notes(APP, "d1", 0)).toEqual([]);
    expect(await store.apps()).toEqual([]);
  });
}
