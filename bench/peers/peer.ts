import type { CertificateFiles } from "../../src/core/tls.ts";
import type { Program } from "../program.ts";

export interface PeerPlace {
  /** Its own, empty; for configuration, state and log. */
  readonly directory: string;
  readonly core: number;
  readonly backendPort: number;
  readonly port: number;
  /** HTTPS, with HTTP/2 and HTTP/1.1. */
  readonly securePort: number;
  readonly certificate: CertificateFiles;
}

/** A proxy to measure. All are set up alike: one worker or thread, upstream keep-alive, X-Forwarded-For and -Proto, no access log. */
export interface Peer {
  readonly name: string;
  /** How to get it, for who has not. */
  readonly install: string;
  isInstalled(): boolean;
  version(): string;
  /** Resolves when it serves. */
  start(place: PeerPlace): Promise<Program>;
}
