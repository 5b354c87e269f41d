import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { closeFrame, maskedCloseFrame, WebSocketFrames } from "../../../../src/proxy/worker/websocket-frames.ts";

interface Frame {
  readonly opcode: number;
  readonly final: boolean;
  readonly masked: boolean;
  readonly payload: number;
}

/** Payloads of zero bytes look like the first byte of nothing in particular; 0x88 is where a careless reader would see a close frame. */
function bytesOf({ opcode, final, masked, payload }: Frame): Buffer {
  const extended = payload < 126 ? Buffer.alloc(0) : payload < 65_536 ? Buffer.alloc(2) : Buffer.alloc(8);
  if (extended.length === 2) extended.writeUInt16BE(payload);
  if (extended.length === 8) extended.writeBigUInt64BE(BigInt(payload));
  const short = extended.length === 0 ? payload : extended.length === 2 ? 126 : 127;
  const head = Buffer.from([(final ? 0x80 : 0) | opcode, (masked ? 0x80 : 0) | short]);
  return Buffer.concat([head, extended, Buffer.alloc(masked ? 4 : 0, 0x88), Buffer.alloc(payload, 0x88)]);
}

const frame = fc.record({
  opcode: fc.constantFrom(0, 1, 2, 9, 10),
  final: fc.boolean(),
  masked: fc.boolean(),
  payload: fc.oneof(fc.integer({ min: 0, max: 130 }), fc.constantFrom(65_535, 65_536, 70_000)),
});

/** Cuts the bytes into pieces at the given places. */
function pieces(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const places = [...new Set(cuts.map((cut) => cut % (bytes.length + 1)))].sort((a, b) => a - b);
  return [0, ...places].map((from, index) => bytes.subarray(from, places[index] ?? bytes.length));
}

describe("WebSocketFrames", () => {
  it.each([true, false])(
    "puts a close frame at the first boundary, and passes nothing after it; cuts messages: %s",
    (cutsMessages) => {
      const cuts = fc.array(fc.nat(), { maxLength: 20 });
      fc.assert(
        fc.property(fc.array(frame, { minLength: 1, maxLength: 6 }), cuts, fc.nat(), (frames, places, when) => {
          const whole = frames.map(bytesOf);
          const parts = pieces(Buffer.concat(whole), places);
          const told = when % parts.length;
          const out: Buffer[] = [];
          const gate = new WebSocketFrames();
          let before = 0;
          for (const [index, part] of parts.entries()) {
            if (index === told) out.push(gate.close(closeFrame(1012), { cutsMessages }));
            else if (index < told) before += part.length;
            out.push(gate.take(part));
          }
          const boundary = boundariesOf(frames, cutsMessages).find((place) => place >= before);
          const expected = boundary === undefined ? whole : [Buffer.concat(whole).subarray(0, boundary), closeFrame(1012)];
          expect(Buffer.concat(out).equals(Buffer.concat(expected))).toBe(true);
          expect(gate.closed).toBe(boundary !== undefined);
        }),
      );
    },
  );

  it("passes everything as it is, while nobody closes", () => {
    const bytes = Buffer.concat([frameOf(1, 5), frameOf(9, 0), frameOf(2, 70_000)]);
    const gate = new WebSocketFrames();
    const out = pieces(bytes, [1, 2, 3, 7, 8, 9, 12, 40_000]).map((part) => gate.take(part));
    expect(Buffer.concat(out).equals(bytes)).toBe(true);
    expect(gate.closed).toBe(false);
  });

  it("lets the peer's own close frame through, and then has nothing to add", () => {
    const gate = new WebSocketFrames();
    const close = maskedCloseFrame(1000);
    for (const byte of Buffer.concat([frameOf(1, 3), close])) expect([...gate.take(Buffer.from([byte]))]).toEqual([byte]);
    expect(gate.closed).toBe(true);
    expect(gate.close(closeFrame(1012))).toHaveLength(0);
  });

  it("replaces the peer's own close frame when it is told to, however it comes in pieces", () => {
    for (const size of [1, 2, 100]) {
      const gate = new WebSocketFrames();
      const ours = maskedCloseFrame(1001);
      gate.closeInstead(ours);
      const bytes = Buffer.concat([frameOf(1, 3), maskedCloseFrame(1012)]);
      const out: Buffer[] = [];
      for (let at = 0; at < bytes.length; at += size) out.push(gate.take(bytes.subarray(at, at + size)));
      expect(Buffer.concat(out)).toEqual(Buffer.concat([frameOf(1, 3), ours]));
    }
  });
});

/** Every place where a close frame may stand. */
function boundariesOf(frames: readonly Frame[], cutsMessages: boolean): number[] {
  const places = [0];
  let at = 0;
  let inMessage = false;
  for (const frame of frames) {
    at += bytesOf(frame).length;
    if (frame.opcode < 8) inMessage = !frame.final;
    if (cutsMessages || !inMessage) places.push(at);
  }
  return places;
}

function frameOf(opcode: number, payload: number): Buffer {
  return bytesOf({ opcode, final: true, masked: false, payload });
}
