import type { Socket } from "node:net";
import { Duplex } from "node:stream";
import { TLSSocket } from "node:tls";
import type { IssuedPair } from "../../tls/issue.ts";
import { MESSAGE, MessageReader, packets } from "./messages.ts";

/** The kind of a TLS record (RFC 8446 section 5.1) that carries what is said over it, after the handshake. */
const APPLICATION_DATA = 23;

/** TLS as MS-TDS 2.2.6.5 has it: both sides put the records of the handshake into PRELOGIN messages, and send all others as they are. */
export function secured(socket: Socket, pair: IssuedPair): TLSSocket {
  const reader = new MessageReader();
  /** Their handshake is here, and ours is out: the last words of it are ours. */
  let [isShaken, isOut] = [false, false];
  const records = new Duplex({
    read: () => undefined,
    write: (chunk: Buffer, _encoding, done) => {
      // A chunk may begin in the midst of a record, but not before the first one is out.
      isOut ||= chunk[0] === APPLICATION_DATA;
      socket.write(isOut ? chunk : packets(chunk, MESSAGE.prelogin), done);
    },
  });
  socket.on("data", (chunk) => {
    if (isShaken) records.push(chunk);
    else for (const { body } of reader.take(chunk)) records.push(body);
  });
  socket.on("close", () => records.destroy());
  const secure = new TLSSocket(records, { isServer: true, ...pair, maxVersion: "TLSv1.2" });
  secure.once("secure", () => {
    isShaken = true;
  });
  secure.on("error", () => socket.destroy());
  return secure;
}
