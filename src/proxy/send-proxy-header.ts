import { isIPv4, isIPv6 } from "node:net";
import type { ProxyProtocolVersion } from "../core/forwarding.ts";
import type { ConnectionEnds, End } from "./connection-ends.ts";

const V2_SIGNATURE = "\r\n\r\n\0\r\nQUIT\n";
const LOCAL = "\x20\0\0\0";
const PROXY = "\x21";
const TCP_OVER_IPV4 = "\x11";
const TCP_OVER_IPV6 = "\x21";
/** Two IPv6 groups. */
const MAPPED = "0000:0000:0000:0000:0000:ffff";

/**
 * The header by which an instance learns whose connection it is (HAProxy's proxy-protocol.txt), as latin1 text. Null: the connection is the
 * proxy's own, or nothing is known of the client.
 */
export function proxyHeader(version: ProxyProtocolVersion, ends: ConnectionEnds | null): string {
  const known = ends !== null && isAddress(ends.source.address) && isAddress(ends.destination.address) ? ends : null;
  return version === "v1" ? headerV1(known) : V2_SIGNATURE + (known === null ? LOCAL : addressesV2(known));
}

function isAddress(text: string): boolean {
  return isIPv4(text) || isIPv6(text);
}

/** Both ends are of one family: IPv4 where both are. */
function isOverIpv4({ source, destination }: ConnectionEnds): boolean {
  return isIPv4(source.address) && isIPv4(destination.address);
}

function headerV1(ends: ConnectionEnds | null): string {
  if (ends === null) return "PROXY UNKNOWN\r\n";
  const { source, destination } = ends;
  const ipv4 = isOverIpv4(ends);
  const text = ({ address }: End): string => (ipv4 || isIPv6(address) ? address : `::ffff:${address}`);
  return `PROXY ${ipv4 ? "TCP4" : "TCP6"} ${text(source)} ${text(destination)} ${String(source.port)} ${String(destination.port)}\r\n`;
}

function addressesV2(ends: ConnectionEnds): string {
  const { source, destination } = ends;
  const ipv4 = isOverIpv4(ends);
  const bytes = ({ address }: End): string => (ipv4 ? ipv4Bytes(address) : ipv6Bytes(address));
  const addresses = `${bytes(source)}${bytes(destination)}${uint16(source.port)}${uint16(destination.port)}`;
  return `${PROXY}${ipv4 ? TCP_OVER_IPV4 : TCP_OVER_IPV6}${uint16(addresses.length)}${addresses}`;
}

function ipv4Bytes(address: string): string {
  return String.fromCharCode(...address.split(".").map(Number));
}

/** As RFC 4291 section 2.2 writes them: with `::`, and perhaps with an IPv4 address at the end; without a zone. */
function ipv6Bytes(address: string): string {
  const plain = isIPv4(address) ? `${MAPPED}:${groupsOf(address)}` : address.replace(/%.*$/, "").replace(/[\d.]+$/, groupsOf);
  const [before = "", after] = plain.split("::");
  const head = before === "" ? [] : before.split(":");
  const tail = after === undefined || after === "" ? [] : after.split(":");
  const zeros = Array.from({ length: 8 - head.length - tail.length }, () => "0");
  return [...head, ...zeros, ...tail].map((group) => uint16(parseInt(group, 16))).join("");
}

/** An IPv4 address as two groups; anything else as it is. */
function groupsOf(text: string): string {
  if (!isIPv4(text)) return text;
  const [a = 0, b = 0, c = 0, d = 0] = text.split(".").map(Number);
  return `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
}

function uint16(number: number): string {
  return String.fromCharCode(number >> 8, number & 0xff);
}
