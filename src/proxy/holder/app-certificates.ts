import { join } from "node:path";
import type { Logger } from "../../base/log.ts";
import type { RouteTable } from "../../core/routes.ts";
import type { CertificateStatus } from "../../core/tls.ts";
import { AcmeCertificates } from "../tls/acme/acme-certificates.ts";
import { ChallengeBoard } from "../tls/acme/challenge-board.ts";
import { problemOfTime, type Certificate } from "../tls/certificate.ts";
import { CertificateStore } from "../tls/certificate-store.ts";
import type { WorkerGroup } from "./worker-group.ts";
import type { WorkerProcess } from "./worker-process.ts";

export interface AppCertificatesOptions {
  /** Where those that are ordered are kept. */
  readonly directory: string;
  readonly workers: WorkerGroup;
  readonly log: Logger;
  /** The certificates of an app are not what they were: they are to be sent, in turn with other changes. */
  readonly onChange: (app: string) => void;
}

/** The certificates of all apps, from files and from authorities, and that every worker has them. */
export class AppCertificates {
  readonly #workers: WorkerGroup;
  readonly #files: CertificateStore;
  readonly #acme: AcmeCertificates;
  readonly #challenges: ChallengeBoard;
  /** What every worker has, by app. */
  readonly #sent = new Map<string, string>();

  constructor({ directory, workers, log, onChange }: AppCertificatesOptions) {
    this.#workers = workers;
    this.#challenges = new ChallengeBoard(async (answers) => {
      await workers.demandAll({ kind: "challenges", answers });
    });
    this.#files = new CertificateStore({ log, onChange });
    this.#acme = new AcmeCertificates({ directory: join(directory, "acme"), board: this.#challenges, log, onChange });
  }

  async read({ app, tls, listen }: RouteTable): Promise<void> {
    await this.#files.apply(app, tls);
    await this.#acme.apply(app, tls, listen.port);
  }

  /** From now on files are looked at. */
  start(): void {
    this.#files.start();
  }

  /** What only one generation may do at a time. */
  startOrdering(): void {
    this.#acme.start();
  }

  close(): void {
    this.#files.close();
    this.#acme.close();
  }

  async send(app: string): Promise<void> {
    const certificates = this.#of(app);
    const now = Date.now();
    // A worker chooses among them by what is valid when it gets them.
    const state = certificates
      .map((certificate) => `${certificate.id} ${String(problemOfTime(certificate, now) === null)}`)
      .join();
    if (this.#sent.get(app) === state) return;
    await this.#workers.demandAll({ kind: "certificates", app, certificates });
    this.#sent.set(app, state);
  }

  async prepareChallenges(worker: WorkerProcess): Promise<void> {
    await worker.ask({ kind: "challenges", answers: this.#challenges.answers });
  }

  async prepare(worker: WorkerProcess, app: string): Promise<void> {
    await worker.ask({ kind: "certificates", app, certificates: this.#of(app) });
  }

  remove(app: string): void {
    this.#files.remove(app);
    this.#sent.delete(app);
    this.#acme.remove(app);
  }

  status(app: string, now: number): readonly CertificateStatus[] {
    return [...this.#files.status(app, now), ...this.#acme.status(app, now)];
  }

  #of(app: string): readonly Certificate[] {
    return [...this.#files.of(app), ...this.#acme.of(app)];
  }
}
