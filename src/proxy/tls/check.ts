import { readFile } from "node:fs/promises";
import { X509Certificate } from "node:crypto";
import type { TlsSpec } from "../../core/tls.ts";
import { covers, problemOfTime, type Certificate } from "./certificate.ts";
import { readPair } from "./certificate-pair.ts";

/** Every problem that keeps this from being served as it says, found by reading the files; nothing is changed. */
export async function checkTls(tls: TlsSpec, now: number): Promise<readonly string[]> {
  const read = await Promise.all(tls.certificates.map((files) => readPair(files)));
  const ofFiles = read.flatMap(({ certificate, problems }, index) => {
    const time = certificate === null ? null : problemOfTime(certificate, now);
    const path = `tls.certificates[${String(index)}]`;
    return [...problems, ...(time === null ? [] : [time])].map((problem) => `${path}: ${problem}`);
  });
  const certificates = read.map(({ certificate }) => certificate).filter((certificate) => certificate !== null);
  // What a broken certificate would have covered is not known: the names are looked at when all can be read.
  const uncovered = certificates.length === read.length ? uncoveredNames(tls, certificates) : [];
  return [...ofFiles, ...uncovered, ...(await problemsOfRoots(tls))];
}

function uncoveredNames({ names, acme }: TlsSpec, certificates: readonly Certificate[]): readonly string[] {
  const covered = [...certificates.flatMap((certificate) => certificate.names), ...(acme?.domains ?? [])];
  return names
    .filter((name) => !covered.some((pattern) => covers(pattern, name)))
    .map((name) => `tls.names: no certificate covers ${name} (they are for ${covered.join(", ") || "no name at all"})`);
}

async function problemsOfRoots({ acme }: TlsSpec): Promise<readonly string[]> {
  const path = acme?.rootCertificates ?? null;
  if (path === null) return [];
  try {
    new X509Certificate(await readFile(path));
    return [];
  } catch (error) {
    return [
      `tls.acme.rootCertificates: ${path} holds no PEM certificate (${error instanceof Error ? error.message : String(error)})`,
    ];
  }
}
