import { expect, test } from "vitest";
import { LentCopy, ReadBuffer } from "../../../../src/proxy/worker/read-buffer.ts";

const IDLE = { streaming: false, pending: false, paused: false };
const FLOWING = { streaming: true, pending: false, paused: false };

/** One that reads a body, with the buffer it has for it. */
function flowing(): { input: ReadBuffer; own: Buffer } {
  const input = new ReadBuffer();
  input.next(IDLE);
  return { input, own: input.next(FLOWING)! };
}

/** The buffers that bodies get from now on. */
function nextOwn(count: number): Buffer[] {
  return Array.from({ length: count }, () => flowing().own);
}

test("between bodies every socket reads into the same buffer, which is only lent", () => {
  const [one, two] = [new ReadBuffer(), new ReadBuffer()];
  expect(one.next(IDLE)).toBe(two.next(IDLE));
  expect(one.isLent).toBe(true);
});

test("a body has a buffer of its own, and keeps it while what was read is written at once", () => {
  const { input, own } = flowing();
  expect(input.isLent).toBe(false);
  expect(input.next(FLOWING)).toBeNull();
  expect(nextOwn(3)).not.toContain(own);
});

test("what waits to be written is not overwritten: the next read goes elsewhere, and that buffer is given to nobody", () => {
  const { input, own } = flowing();
  const other = input.next({ streaming: true, pending: true, paused: false });
  expect(other).toBeInstanceOf(Buffer);
  expect(other).not.toBe(own);
  expect(nextOwn(300)).not.toContain(own);
});

test("a paused socket keeps its buffer: it reads again when all was written", () => {
  const { input } = flowing();
  expect(input.next({ streaming: true, pending: true, paused: true })).toBeNull();
});

test("a buffer is used again after its body, unless the end of that body still waits", () => {
  const free = flowing();
  free.input.next(IDLE);
  const kept = flowing();
  expect(kept.own).toBe(free.own);
  kept.input.next({ streaming: false, pending: true, paused: true });
  expect(nextOwn(300)).not.toContain(kept.own);
});

test("a copy of what was lent has a buffer of the pool until it is given back, and for good if it is forgotten", () => {
  const lent = Buffer.alloc(10_000, "x");
  const copy = new LentCopy();
  const memory = copy.of(lent).buffer;
  lent.fill("y");
  expect(copy.of(lent).toString()).toBe("y".repeat(10_000));
  copy.giveBack();
  expect(nextOwn(300).map((own) => own.buffer)).not.toContain(memory);
});
