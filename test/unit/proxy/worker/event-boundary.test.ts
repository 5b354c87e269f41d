import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { EventBoundary } from "../../../../src/proxy/worker/event-boundary.ts";

const bytes = (text: string) => Buffer.from(text, "latin1");
/** Streams of what matters: all kinds of line ends, and what stands between them. */
const stream = fc.string({ unit: fc.constantFrom("\n", "\r", "\r\n", "x", ":") });

describe("EventBoundary", () => {
  it.each([
    ["", true],
    ["data: x", false],
    ["data: x\n", false],
    ["data: x\n\n", true],
    ["data: x\r\n\r\n", true],
    ["data: x\r\r", true],
    ["data: x\r\n\r", true],
    ["data: x\n\r\n", true],
    ["data: x\n\ndata: y\n", false],
    ["data: x\r\n", false],
    [": comment\n\n", true],
    ["\n", true],
  ])("%j ends an event: %s", (text, reached) => {
    const boundary = new EventBoundary();
    boundary.take(bytes(text));
    expect(boundary.reached).toBe(reached);
  });

  it("is where an empty line ended, wherever the stream is cut into pieces", () => {
    fc.assert(
      fc.property(fc.array(stream), (pieces) => {
        const boundary = new EventBoundary();
        for (const piece of pieces) boundary.take(bytes(piece));
        expect(boundary.reached).toBe(endsEvent(pieces.join("")));
      }),
      { numRuns: 2_000 },
    );
  });

  it("the first one is found, and nothing before it is one", () => {
    fc.assert(
      fc.property(stream, stream, (before, data) => {
        const boundary = new EventBoundary();
        boundary.take(bytes(before));
        const used = boundary.takeToFirst(bytes(data));
        const shorter = Array.from({ length: data.length }, (_, at) => data.slice(0, at + 1));
        const first = shorter.find((text) => endsEvent(before + text));
        expect(boundary.reached).toBe(data === "" ? endsEvent(before) : first !== undefined);
        // A line feed after a carriage return belongs to it.
        const whole = first?.endsWith("\r") === true && data[first.length] === "\n" ? first.length + 1 : first?.length;
        expect(used).toBe(whole ?? data.length);
      }),
      { numRuns: 2_000 },
    );
  });
});

/** The definition, line by line: the lines of the stream are ended, and the last one is empty. */
function endsEvent(text: string): boolean {
  const lines = text.split(/\r\n|\r|\n/);
  return lines.at(-1) === "" && (lines.length === 1 || lines.at(-2) === "");
}
