import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { all, bookOf, EMPTY_BOOK, find, withInstance, withoutInstance } from "../../../src/core/instance-book.ts";
import { startInstance } from "../../../src/core/instances.ts";
import { openDraft } from "../../../src/core/draft.ts";
import { newApp } from "../../../src/core/new-app.ts";
import type { Instance } from "../../../src/core/state.ts";

function instance(number: number): Instance {
  const draft = openDraft(
    { ...newApp("shop"), next: { release: 1, deployment: 1, instance: number, command: 1 } },
    { kind: "command.done", at: 1 },
  );
  const name = startInstance(draft, { type: "web", release: "r1", generation: 1 });
  const started = find(draft.state, name);
  if (started === undefined) throw new Error("it was not started");
  return started;
}

/** Numbers only go up: so instances are started. */
const numbers = fc.uniqueArray(fc.integer({ min: 1, max: 500 }), { maxLength: 40 }).map((list) => list.toSorted((a, b) => a - b));

describe("the book of instances", () => {
  test("holds what was put in and not taken out, in the order of their numbers, and finds each", () => {
    fc.assert(
      fc.property(numbers, numbers, (put, taken) => {
        const full = put.map(instance).reduce(withInstance, EMPTY_BOOK);
        const instances = taken.reduce((book, number) => withoutInstance(book, `web.r1.${String(number)}`), full);
        const left = put.filter((number) => !taken.includes(number)).toSorted((a, b) => a - b);
        expect(all({ instances })).toEqual(left.map(instance));
        for (const number of [...put, ...taken])
          expect(find({ instances }, `web.r1.${String(number)}`) !== undefined).toBe(left.includes(number));
        if (left.length === 0) expect(instances).toEqual({});
      }),
    );
  });

  test("is read from what an older version stored, all in one record by name, and from its own form", () => {
    const put = [1, 63, 64, 300].map(instance);
    const book = put.reduce(withInstance, EMPTY_BOOK);
    expect(bookOf(Object.fromEntries(put.map((one) => [one.name, one])))).toEqual(book);
    expect(bookOf(JSON.parse(JSON.stringify(book)) as typeof book)).toEqual(book);
    expect(bookOf({})).toEqual({});
  });
});
