import { createSecureContext, type SecureContext } from "node:tls";
import { problemOfTime, wildcardOf, type Certificate } from "./certificate.ts";

/**
 * Which certificate answers for which name: the exact name, then the wildcard. Of several for one name the first that is valid.
 * A context is made once for each content of a certificate, because that costs far more than a handshake may.
 */
export class SecureNames {
  readonly #contexts = new Map<string, SecureContext>();
  #byName: ReadonlyMap<string, SecureContext> = new Map();
  #first: Certificate | null = null;

  set(certificates: readonly Certificate[], now: number): void {
    const valid = certificates.filter((certificate) => problemOfTime(certificate, now) === null);
    const ordered = [...valid, ...certificates.filter((certificate) => !valid.includes(certificate))];
    const byName = new Map<string, SecureContext>();
    for (const certificate of ordered) {
      const context = this.#context(certificate);
      for (const name of certificate.names) if (!byName.has(name)) byName.set(name, context);
    }
    const used = new Set(certificates.map(({ id }) => id));
    for (const id of this.#contexts.keys()) if (!used.has(id)) this.#contexts.delete(id);
    this.#byName = byName;
    this.#first = certificates[0] ?? null;
  }

  find(servername: string): SecureContext | null {
    const name = servername.toLowerCase();
    return this.#byName.get(name) ?? this.#byName.get(wildcardOf(name)) ?? null;
  }

  /** The first certificate of all. */
  first(): Certificate | null {
    return this.#first;
  }

  firstContext(): SecureContext | null {
    return this.#first === null ? null : this.#context(this.#first);
  }

  #context({ id, cert, key }: Certificate): SecureContext {
    const context = this.#contexts.get(id) ?? createSecureContext({ cert, key });
    this.#contexts.set(id, context);
    return context;
  }
}
