import acme from "acme-client";
import type { AcmeSpec } from "../../../core/tls.ts";
import { acmeFailure, AcmeFailure } from "./acme-failure.ts";
import type { AcmeAccount, AcmeFiles } from "./acme-files.ts";
import { beginTransport, lastProblem } from "./acme-transport.ts";
import type { ChallengeBoard } from "./challenge-board.ts";

export type ChallengeKind = "http-01" | "tls-alpn-01";

export interface OrderOptions {
  readonly spec: AcmeSpec;
  readonly domain: string;
  readonly challenge: ChallengeKind;
  readonly files: AcmeFiles;
  readonly board: ChallengeBoard;
}

/** How often and how patiently the authority is asked whether it is done. */
const POLLS = { backoffAttempts: 15, backoffMin: 500, backoffMax: 15_000 };

/** One certificate, from the account to the stored file (RFC 8555 section 7.1). @throws AcmeFailure */
export async function order(options: OrderOptions): Promise<void> {
  const { spec, domain, challenge, files, board } = options;
  let validating = false;
  try {
    await beginTransport(spec.rootCertificates);
    const client = await clientFor(spec, files);
    const [key, csr] = await acme.crypto.createCsr({ altNames: [domain] }, await acme.crypto.createPrivateEcdsaKey());
    const cert = await client.auto({
      csr,
      termsOfServiceAgreed: true,
      // Whether we can reach ourselves by that name says nothing of whether the authority can.
      skipChallengeVerification: true,
      challengePriority: [challenge],
      challengeCreateFn: async (authorization, { type: offered, token }, keyAuthorization) => {
        const type: string = offered;
        if (type === "http-01") await board.putHttp(token, keyAuthorization);
        else if (type === "tls-alpn-01") {
          const [alpnKey, alpnCert] = await acme.crypto.createAlpnCertificate(authorization, keyAuthorization);
          await board.putAlpn(domain, { key: alpnKey.toString(), cert: alpnCert.toString() });
        } else throw new AcmeFailure(`the authority wants ${type}, which Hitless does not do`);
        validating = true;
      },
      challengeRemoveFn: () => board.clear(),
    });
    await files.saveCertificate(spec.directory, domain, { key: key.toString(), cert });
  } catch (error) {
    throw error instanceof AcmeFailure ? error : acmeFailure(error, lastProblem(), validating);
  }
}

async function clientFor(spec: AcmeSpec, files: AcmeFiles): Promise<acme.Client> {
  const known = await files.account(spec.directory);
  if (known !== null) return newClient(spec, known);
  const key = (await acme.crypto.createPrivateEcdsaKey()).toString();
  const client = newClient(spec, { key, url: null });
  const contact = spec.email === null ? [] : [`mailto:${spec.email}`];
  await client.createAccount({ termsOfServiceAgreed: true, contact });
  await files.saveAccount(spec.directory, { key, url: client.getAccountUrl() });
  return client;
}

function newClient(spec: AcmeSpec, { key, url }: { key: string; url: AcmeAccount["url"] | null }): acme.Client {
  return new acme.Client({
    directoryUrl: spec.directory,
    accountKey: key,
    ...(url === null ? {} : { accountUrl: url }),
    ...POLLS,
  });
}
