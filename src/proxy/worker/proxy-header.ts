import { isIPv4, isIPv6, SocketAddress } from "node:net";
import type { ConnectionEnds } from "../connection-ends.ts";

const V1_START = "PROXY ";
/** The line with its CRLF. */
const V1_BYTES_MAX = 107;
const V1 = /^PROXY (?:(TCP4|TCP6) ([0-9A-Fa-f:.]+) ([0-9A-Fa-f:.]+) (\d{1,5}) (\d{1,5})|UNKNOWN[\x20-\x7e]*)\r\n$/;
const V2_SIGNATURE = Buffer.from("\r\n\r\n\0\r\nQUIT\n", "latin1");
const V2_HEAD_BYTES = 16;
/** Addresses and TLVs; nobody sends more than a certificate's worth. */
const V2_LENGTH_MAX = 4_096;
const LOCAL = 0x20;
const PROXY = 0x21;
const PORTS_BYTES = 4;

/** A whole header of the PROXY protocol, which stands before everything else on a connection. */
export interface ProxyHeader {
  /** How long it is. */
  readonly bytes: number;
  /** Null where the header is about the connection itself (LOCAL, UNKNOWN). */
  readonly ends: ConnectionEnds | null;
}

/**
 * Reads the header at the beginning of the data (HAProxy's proxy-protocol.txt, version 1 or 2). "invalid" is said as soon as it can be seen.
 */
export function readProxyHeader(data: Buffer): ProxyHeader | "more" | "invalid" {
  const signed = Math.min(data.length, V2_SIGNATURE.length);
  if (V2_SIGNATURE.subarray(0, signed).equals(data.subarray(0, signed))) return readV2(data);
  const start = data.toString("latin1", 0, V1_START.length);
  return V1_START.startsWith(start) ? readV1(data) : "invalid";
}

function readV1(data: Buffer): ProxyHeader | "more" | "invalid" {
  const text = data.toString("latin1", 0, V1_BYTES_MAX);
  const end = text.indexOf("\n");
  if (end < 0) return data.length < V1_BYTES_MAX ? "more" : "invalid";
  const match = V1.exec(text.slice(0, end + 1));
  if (match === null) return "invalid";
  const [, family, source = "", destination = "", ...ports] = match;
  const bytes = end + 1;
  if (family === undefined) return { bytes, ends: null };
  const isAddress = family === "TCP4" ? isIPv4 : isIPv6;
  const valid = isAddress(source) && isAddress(destination) && ports.every(isPort);
  if (!valid) return "invalid";
  const [from, to] = ports.map(Number);
  return {
    bytes,
    ends: { source: { address: source, port: from ?? 0 }, destination: { address: destination, port: to ?? 0 } },
  };
}

function isPort(text: string | undefined): boolean {
  return text !== undefined && (text === "0" || !text.startsWith("0")) && Number(text) <= 65_535;
}

function readV2(data: Buffer): ProxyHeader | "more" | "invalid" {
  const command = data[12];
  if (command !== undefined && command !== LOCAL && command !== PROXY) return "invalid";
  if (data.length < V2_HEAD_BYTES) return "more";
  const length = data.readUInt16BE(14);
  if (length > V2_LENGTH_MAX) return "invalid";
  const bytes = V2_HEAD_BYTES + length;
  const size = command === LOCAL ? null : addressBytes(data[13] ?? 0, length, data);
  if (size === "invalid") return "invalid";
  if (data.length < bytes) return "more";
  return { bytes, ends: size === null ? null : endsOf(data.subarray(V2_HEAD_BYTES, bytes), size) };
}

/** Both addresses, then both ports. */
function endsOf(data: Buffer, size: number): ConnectionEnds {
  return {
    source: { address: addressOf(data.subarray(0, size)), port: data.readUInt16BE(2 * size) },
    destination: { address: addressOf(data.subarray(size, 2 * size)), port: data.readUInt16BE(2 * size + 2) },
  };
}

/** How many bytes an address has; null: none that is of use to us (unspecified, a unix socket). */
function addressBytes(family: number, length: number, { length: known }: Buffer): number | null | "invalid" {
  const size = family === 0x11 ? 4 : family === 0x21 ? 16 : null;
  if (size === null) return family === 0 || family === 0x31 ? null : "invalid";
  return known >= V2_HEAD_BYTES && length < 2 * size + PORTS_BYTES ? "invalid" : size;
}

function addressOf(bytes: Buffer): string {
  if (bytes.length === 4) return bytes.join(".");
  const groups = Array.from({ length: 8 }, (_, index) => bytes.readUInt16BE(2 * index).toString(16));
  return new SocketAddress({ address: groups.join(":"), family: "ipv6" }).address;
}
