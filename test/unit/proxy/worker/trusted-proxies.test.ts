import { describe, expect, it } from "vitest";
import { TrustedProxies } from "../../../../src/proxy/worker/trusted-proxies.ts";

describe("TrustedProxies", () => {
  const trusted = new TrustedProxies(["10.0.0.0/8", "127.0.0.1", "fd00::/8"]);

  it.each([
    ["10.1.2.3", true],
    ["::ffff:10.1.2.3", true],
    ["127.0.0.1", true],
    ["fd12::1", true],
    ["127.0.0.2", false],
    ["11.0.0.1", false],
    ["fe80::1", false],
    ["unknown", false],
    ["", false],
  ])("%s: %s", (address, expected) => {
    expect(trusted.has(address)).toBe(expected);
    expect(trusted.has(address)).toBe(expected);
  });

  it.each([
    ["who is not trusted is the client itself", "8.8.8.8", "9.9.9.9", "8.8.8.8"],
    ["the nearest one that is not trusted", "10.0.0.1", "1.1.1.1, 9.9.9.9, 10.0.0.2", "9.9.9.9"],
    ["all of them trusted: the first", "10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3"],
    ["no chain", "10.0.0.1", "", "10.0.0.1"],
    ["what is no address ends the chain", "10.0.0.1", "9.9.9.9, unknown, 10.0.0.2", "10.0.0.2"],
    ["ports and brackets", "10.0.0.1", "[2001:db8::1]:80, 10.0.0.2:1234", "2001:db8::1"],
  ])("%s", (...[, peer, chain, client]) => {
    expect(trusted.clientOf(peer, chain)).toBe(client);
  });
});
