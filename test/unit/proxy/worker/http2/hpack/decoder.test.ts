import { once } from "node:events";
import { connect } from "node:http2";
import { createServer, type AddressInfo, type Socket } from "node:net";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { HpackDecoder } from "../../../../../../src/proxy/worker/http2/hpack/decoder.ts";
import { encodeField, encodeStatus, NO_DYNAMIC_TABLE } from "../../../../../../src/proxy/worker/http2/hpack/encoder.ts";
import { FRAME, PREFACE, readFrame } from "../../../../../support/http2/frames.ts";
import { until } from "../../../../../support/temp.ts";

const TABLE_BYTES = 4_096;

function decoder(limits = { listBytesMax: 1_000_000, fieldsMax: 10_000 }): HpackDecoder {
  return new HpackDecoder(TABLE_BYTES, limits);
}

function hex(text: string): Buffer {
  return Buffer.from(text.replaceAll(" ", ""), "hex");
}

const FIRST = [":method", "GET", ":scheme", "http", ":path", "/", ":authority", "www.example.com"];
const SECOND = [...FIRST, "cache-control", "no-cache"];
const THIRD = [":method", "GET", ":scheme", "https", ":path", "/index.html", ":authority", "www.example.com"];
const CUSTOM = ["custom-key", "custom-value"];

describe("reading header blocks", () => {
  it.each([
    [
      "RFC 7541 C.3: without Huffman coding",
      [
        "8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
        "8286 84be 5808 6e6f 2d63 6163 6865",
        "8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65",
      ],
    ],
    [
      "RFC 7541 C.4: with it",
      [
        "8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff",
        "8286 84be 5886 a8eb 1064 9cbf",
        "8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf",
      ],
    ],
  ])("%s: three blocks of one connection", (_, blocks) => {
    const hpack = decoder();
    const lists = blocks.map((block) => hpack.decode(hex(block))?.fields);
    expect(lists).toEqual([FIRST, SECOND, [...THIRD, ...CUSTOM]]);
  });

  it.each([
    ["index 0", "80"],
    ["an index beyond both tables", "be"],
    ["a number without an end", "ff ff ff"],
    ["a number beyond all bounds", "ff ff ff ff ff ff 7f"],
    ["a string that is not all there", "40 05 61"],
    ["a literal without a value", "40 01 61"],
    ["a table larger than was offered", "3f e2 1f"],
    ["a change of the table after a field", "82 20"],
    ["end-of-string in a string", "40 84 ff ff ff ff 00"],
    ["padding of a whole byte", "40 82 1f ff 00"],
    ["padding with a 0", "40 81 18 00"],
  ])("%s breaks the block", (_, block) => {
    expect(decoder().decode(hex(block))).toBe(null);
  });

  it("the table forgets its oldest entries first, and everything when the client makes it smaller", () => {
    const hpack = decoder();
    const add = (name: string, value: string): Buffer =>
      Buffer.concat([Buffer.from([0x40, name.length]), Buffer.from(name), Buffer.from([value.length]), Buffer.from(value)]);
    const long = "v".repeat(100);
    for (let index = 0; index < 60; index += 1) hpack.decode(add(`k${index + 10}`, long));
    // 135 bytes each: 30 of them fit.
    expect(hpack.decode(Buffer.from([0x80 | 62]))?.fields).toEqual(["k69", long]);
    expect(hpack.decode(Buffer.from([0x80 | 91]))?.fields).toEqual(["k40", long]);
    expect(hpack.decode(Buffer.from([0x80 | 92]))).toBe(null);
    expect(hpack.decode(hex("20 82"))?.fields).toEqual([":method", "GET"]);
    expect(hpack.decode(Buffer.from([0x80 | 62]))).toBe(null);
  });

  it("a list that is too long is read to its end, so that the next block is understood", () => {
    const hpack = decoder({ listBytesMax: 200, fieldsMax: 3 });
    const block = hex("8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d");
    expect(hpack.decode(block)).toMatchObject({ tooLong: true });
    expect(hpack.decode(hex("be"))).toEqual({ fields: [":authority", "www.example.com"], tooLong: false });
  });

  it("any bytes at all give fields or null", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 5 }), (blocks) => {
        const hpack = decoder();
        for (const block of blocks) hpack.decode(Buffer.from(block));
      }),
      { numRuns: 2_000 },
    );
  });

  it("what the encoder writes is what is read", () => {
    const text = fc.string({ unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)), maxLength: 300 });
    fc.assert(
      fc.property(fc.array(fc.tuple(text, text)), fc.integer({ min: 100, max: 999 }), (fields, status) => {
        const block = NO_DYNAMIC_TABLE + encodeStatus(status) + fields.map(([name, value]) => encodeField(name, value)).join("");
        const read = decoder().decode(Buffer.from(block, "latin1"));
        expect(read?.fields).toEqual([":status", String(status), ...fields.flat()]);
      }),
    );
  });
});

describe("beside nghttp2", () => {
  it("what Node's client writes, table, Huffman coding and all, is read as it was meant", async () => {
    const blocks: Buffer[] = [];
    const server = createServer((socket) => {
      collectBlocks(socket, blocks);
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const session = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, {
      settings: { enablePush: false },
    });
    session.on("error", () => undefined);
    const name = fc.stringMatching(/^x-[a-z0-9]{1,8}$/);
    const value = fc.string({
      unit: fc
        .oneof(fc.integer({ min: 0x21, max: 0x7e }), fc.integer({ min: 0x80, max: 0xff }))
        .map((c) => String.fromCharCode(c)),
      maxLength: 60,
    });
    const requests = fc.sample(fc.array(fc.tuple(name, value), { maxLength: 12 }), { numRuns: 90, seed: 7 });
    const every = Array.from({ length: 256 }, (_, code) => String.fromCharCode(code)).filter((c) =>
      /[\x21-\x7e\x80-\xff]/.test(c),
    );
    requests.unshift(every.map((c) => ["x-every", c.repeat(3)] as [string, string]));
    for (const fields of requests)
      session.request([":method", "GET", ":path", "/p", ...fields.flat()]).on("error", () => undefined);
    await until(() => blocks.length === requests.length, { what: "every request has come" });
    session.destroy();
    server.close();
    const hpack = decoder();
    for (const [at, block] of blocks.entries()) {
      const fields = hpack.decode(block)?.fields ?? [];
      const start = fields.findIndex((text, index) => index % 2 === 0 && text.startsWith("x-"));
      expect(start < 0 ? [] : fields.slice(start)).toEqual(requests[at]?.flat());
    }
  });
});

function collectBlocks(socket: Socket, blocks: Buffer[]): void {
  let input = Buffer.alloc(0);
  let preface = true;
  socket.on("error", () => undefined);
  socket.on("data", (data: Buffer) => {
    input = Buffer.concat([input, data]);
    if (preface && input.length >= PREFACE.length) {
      preface = false;
      input = input.subarray(PREFACE.length);
      socket.write(Buffer.from([0, 0, 0, FRAME.settings, 0, 0, 0, 0, 0]));
    }
    for (let next = preface ? null : readFrame(input); next !== null; next = readFrame(input)) {
      input = Buffer.from(next.rest);
      if (next.frame.type === FRAME.headers) blocks.push(Buffer.from(next.frame.payload));
    }
  });
}
