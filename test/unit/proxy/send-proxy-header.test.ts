import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { PROXY_PROTOCOL_VERSIONS } from "../../../src/core/forwarding.ts";
import { proxyHeader } from "../../../src/proxy/send-proxy-header.ts";
import { readProxyHeader } from "../../../src/proxy/worker/proxy-header.ts";

const end = (address: string, port = 1) => ({ address, port });
const CLIENT = { source: end("9.8.7.6", 8080), destination: end("127.0.0.1", 80) };

/** As our own reader of such headers sees it, which knows nothing of the writer. */
const read = (header: string) => readProxyHeader(Buffer.from(header, "latin1"));

describe("proxyHeader", () => {
  it("is that of the specification, to the byte", () => {
    expect(proxyHeader("v1", CLIENT)).toBe("PROXY TCP4 9.8.7.6 127.0.0.1 8080 80\r\n");
    expect(proxyHeader("v2", CLIENT)).toBe(
      "\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0c\x09\x08\x07\x06\x7f\x00\x00\x01\x1f\x90\x00\x50",
    );
    expect(proxyHeader("v1", null)).toBe("PROXY UNKNOWN\r\n");
    expect(proxyHeader("v2", null)).toBe("\r\n\r\n\0\r\nQUIT\n\x20\x00\x00\x00");
  });

  it("says nothing of a client where it does not know it", () => {
    for (const version of PROXY_PROTOCOL_VERSIONS) {
      expect(proxyHeader(version, { ...CLIENT, source: end("unknown") })).toBe(proxyHeader(version, null));
    }
  });

  it("two ends of two families are one of IPv6", () => {
    const mixed = { source: end("2001:db8::1"), destination: end("10.0.0.1") };
    expect(proxyHeader("v1", mixed)).toBe("PROXY TCP6 2001:db8::1 ::ffff:10.0.0.1 1 1\r\n");
    expect(read(proxyHeader("v2", mixed))).toMatchObject({ ends: { destination: end("::ffff:10.0.0.1") } });
  });

  it("is understood, whatever the addresses", () => {
    const port = fc.nat({ max: 65_535 });
    const ends = fc.oneof(fc.ipV4(), fc.ipV6()).chain((source) => {
      const address = source.includes(":") ? fc.ipV6() : fc.ipV4();
      return fc.record({ source: fc.record({ address: fc.constant(source), port }), destination: fc.record({ address, port }) });
    });
    fc.assert(
      fc.property(ends, fc.constantFrom(...PROXY_PROTOCOL_VERSIONS), (given, version) => {
        const header = proxyHeader(version, given);
        const found = read(header);
        if (typeof found !== "object" || found.ends === null) throw new Error(`not understood: ${JSON.stringify(header)}`);
        expect(found.bytes).toBe(header.length);
        for (const side of ["source", "destination"] as const) {
          expect(found.ends[side].port).toBe(given[side].port);
          expect(canonical(found.ends[side].address)).toBe(canonical(given[side].address));
        }
      }),
    );
  });
});

function canonical(address: string): string {
  return address.includes(":") ? new URL(`http://[${address}]/`).hostname : address;
}
