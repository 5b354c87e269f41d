import type { Socket } from "node:net";
import { createSecureContext, createServer, type SecureContext, type Server, type TlsOptions, type TLSSocket } from "node:tls";
import type { TlsSpec } from "../../core/tls.ts";
import type { Certificate } from "./certificate.ts";
import type { AlpnCertificate } from "./challenges.ts";
import { SecureNames } from "./secure-names.ts";

export type SecureSettings = Pick<TlsSpec, "minVersion" | "unknownName">;

export interface SecureEvents {
  /** The handshake is done; the socket may have `alpnProtocol` "h2", "http/1.1" or false. */
  onSecure(socket: TLSSocket): void;
  /** What answers a tls-alpn-01 challenge for that name. */
  challengeFor(servername: string): AlpnCertificate | null;
  /** The handshake failed or took too long; the connection is closed already. */
  onFailure(error: Error): void;
}

/** What we speak, best first; a client that offers only others gets a fatal no_application_protocol (RFC 7301 section 3.2). */
const PROTOCOLS = ["h2", "http/1.1"];
/** A certificate authority that checks us (RFC 8737 section 4); the connection ends with the handshake. */
const ACME_PROTOCOL = "acme-tls/1";
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
  readonly #challenged = new WeakMap<object, SecureContext>();
  #settings: SecureSettings;
  #ticketKeys: Buffer | null = null;

  constructor(settings: SecureSettings, handshakeTimeoutMs: number, events: SecureEvents) {
    this.#settings = settings;
    this.#server = createServer({
      handshakeTimeout: handshakeTimeoutMs,
      sessionIdContext: SESSION_CONTEXT,
      ...this.#callbacks(events),
    });
    this.#server.on("secureConnection", (socket) => {
      this.handshaking -= 1;
      if (socket.alpnProtocol === ACME_PROTOCOL) endChallenge(socket);
      else events.onSecure(socket);
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

  /** Comes with every route table; only other settings cost anything. */
  apply(settings: SecureSettings): void {
    const { minVersion, unknownName } = this.#settings;
    if (settings.minVersion === minVersion && settings.unknownName === unknownName) return;
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

  /**
   * Both are called with the connection as `this`: TLS 1.3 chooses the protocol before the certificate and 1.2 after it, and a challenge's
   * certificate has to stand in both.
   */
  #callbacks(events: SecureEvents): Pick<TlsOptions, "SNICallback" | "ALPNCallback"> {
    const contextFor = (servername: string) => this.#contextFor(servername);
    const challenged = this.#challenged;
    return {
      SNICallback(this: object, servername, callback) {
        callback(null, challenged.get(this) ?? contextFor(servername));
      },
      ALPNCallback(this: TLSSocket, { servername, protocols }) {
        const challenge = protocols.includes(ACME_PROTOCOL) ? events.challengeFor(servername) : null;
        if (challenge === null) return PROTOCOLS.find((protocol) => protocols.includes(protocol));
        const context = createSecureContext(challenge);
        challenged.set(this, context);
        this.setKeyCert(context);
        return ACME_PROTOCOL;
      },
    };
  }

  #contextFor(servername: string): SecureContext {
    const found = this.#names.find(servername);
    if (found !== null || this.#settings.unknownName === "refuse") return found ?? NO_CERTIFICATE;
    return this.#names.firstContext() ?? NO_CERTIFICATE;
  }
}

function endChallenge(socket: TLSSocket): void {
  socket.on("error", () => undefined);
  socket.resume();
  socket.end();
}
