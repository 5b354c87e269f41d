import { NO_CHALLENGES, type AlpnCertificate, type ChallengeAnswers } from "../challenges.ts";

/** The answers to open challenges; every change is resolved when all workers have it. */
export class ChallengeBoard {
  readonly #publish: (answers: ChallengeAnswers) => Promise<void>;
  #answers = NO_CHALLENGES;

  constructor(publish: (answers: ChallengeAnswers) => Promise<void>) {
    this.#publish = publish;
  }

  get answers(): ChallengeAnswers {
    return this.#answers;
  }

  putHttp(token: string, keyAuthorization: string): Promise<void> {
    return this.#set({ ...this.#answers, http: new Map(this.#answers.http).set(token, keyAuthorization) });
  }

  putAlpn(domain: string, certificate: AlpnCertificate): Promise<void> {
    return this.#set({ ...this.#answers, alpn: new Map(this.#answers.alpn).set(domain, certificate) });
  }

  clear(): Promise<void> {
    return this.#set(NO_CHALLENGES);
  }

  #set(answers: ChallengeAnswers): Promise<void> {
    this.#answers = answers;
    return this.#publish(answers);
  }
}
