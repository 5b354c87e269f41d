import type { Socket } from "node:net";
import { createSecureContext, createServer, type SecureContext, type Server, type TLSSocket } from "node:tls";
import type { TlsSpec } from "../../core/tls.ts";
import type { Certificate } from "./certificate.ts";
import { SecureNames } from "./secure-names.ts";

export type SecureSettings = Pick<TlsSpec, "minVersion" | "unknownName">;

export interface SecureEvents {
  /** The handshake is done; the socket may have `alpnProtocol` "h2", "http/1.1" or false. */
  onSecure(socket: TLSSocket): void;
  /** The handshake failed or took too long; the connection is closed already. */
  onFailure(error: Error): void;
}

/** What we speak, best first; a client that offers only others gets a fatal no_application_protocol (RFC 7301 section 3.2). */
const PROTOCOLS = ["h2", "http/1.1"];
/** Of every worker and every generation: a session is only taken up again where this is the same. */
const SESSION_CONTEXT = "hitless";
/** Has no certificate: the handshake ends with a fatal alert. */
const NO_CERTIFICATE = createSecureContext({});

/** Makes TLS connections of the TCP connections of one listener. Connections that are open keep what they began with. */
export class SecureAcceptor {
  /** Handshakes under way. */
  handshaking = 0;
  readonly #server: Server;
  readonly #names = new SecureNames();
  #settings: SecureSettings;
  #ticketKeys: Buffer | null = null;

  constructor(settings: SecureSettings, handshakeTimeoutMs: number, events: SecureEvents) {
    this.#settings = settings;
    this.#server = createServer({
      allowHalfOpen: true,
      handshakeTimeout: handshakeTimeoutMs,
      sessionIdContext: SESSION_CONTEXT,
      SNICallback: (servername, callback) => {
        callback(null, this.#contextFor(servername));
      },
      ALPNProtocols: PROTOCOLS,
    });
    this.#server.on("secureConnection", (socket) => {
      this.handshaking -= 1;
      events.onSecure(socket);
    });
    this.#server.on("tlsClientError", (error, socket) => {
      this.handshaking -= 1;
      socket.on("error", () => undefined);
      socket.destroy();
      events.onFailure(error);
    });
    this.#install();
  }

  accept(socket: Socket): void {
    this.handshaking += 1;
    socket.on("error", () => undefined);
    this.#server.emit("connection", socket);
  }

  apply(settings: SecureSettings): void {
    this.#settings = settings;
    this.#install();
  }

  setCertificates(certificates: readonly Certificate[]): void {
    this.#names.set(certificates, Date.now());
    this.#install();
  }

  /** 48 bytes; for the connections to come. */
  setTicketKeys(keys: Uint8Array): void {
    this.#ticketKeys = Buffer.from(keys);
    this.#install();
  }

  /** What holds before a name is known, and for a client that asks for none. */
  #install(): void {
    const { minVersion, unknownName } = this.#settings;
    const first = unknownName === "default" ? this.#names.first() : null;
    const pair = first === null ? {} : { cert: first.cert, key: first.key };
    this.#server.setSecureContext({ ...pair, minVersion, sessionIdContext: SESSION_CONTEXT });
    if (this.#ticketKeys !== null) this.#server.setTicketKeys(this.#ticketKeys);
  }

  #contextFor(servername: string): SecureContext {
    const found = this.#names.find(servername);
    if (found !== null || this.#settings.unknownName === "refuse") return found ?? NO_CERTIFICATE;
    return this.#names.firstContext() ?? NO_CERTIFICATE;
  }
}
