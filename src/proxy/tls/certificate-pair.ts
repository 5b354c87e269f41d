import { readFile, stat } from "node:fs/promises";
import type { Logger } from "../../base/log.ts";
import type { CertificateFiles } from "../../core/tls.ts";
import { parseCertificate, type Certificate, type ParsedCertificate } from "./certificate.ts";

/** Two files cannot be replaced in one moment: what is broken at so many looks in a row is really broken. */
const LOOKS_UNTIL_SAID = 2;

/**
 * The two files of a certificate, looked at again and again. What is good is taken; what is broken never takes the place of what was good.
 * Files are followed by their content, so that renames and swapped links are nothing special.
 */
export class CertificatePair {
  readonly files: CertificateFiles;
  /** The last good content. */
  current: Certificate | null = null;
  /** What is wrong with the files as they are now. */
  problem: string | null = null;
  readonly #log: Logger;
  #stamp = "";
  #brokenLooks = 0;
  #said: string | null = null;

  constructor(files: CertificateFiles, log: Logger) {
    this.files = files;
    this.#log = log;
  }

  /** True if there is new content to serve. */
  async look(): Promise<boolean> {
    const stamp = await stampOf(this.files);
    if (stamp === this.#stamp && this.problem === null) return false;
    const { certificate, problems } = await readPair(this.files);
    this.#stamp = stamp;
    if (certificate === null) {
      this.#whenBroken(problems.join("; "));
      return false;
    }
    this.#whenGood();
    if (certificate.id === this.current?.id) return false;
    if (this.current !== null) this.#log.info("a certificate was replaced", { cert: this.files.cert, names: certificate.names });
    this.current = certificate;
    return true;
  }

  #whenBroken(problem: string): void {
    this.problem = problem;
    this.#brokenLooks += 1;
    if (this.#brokenLooks < LOOKS_UNTIL_SAID || problem === this.#said) return;
    this.#said = problem;
    const meanwhile = this.current === null ? "its names cannot be served" : "the last good one is served";
    this.#log.error(`a certificate cannot be used; ${meanwhile}`, { cert: this.files.cert, problem });
  }

  #whenGood(): void {
    if (this.#said !== null) this.#log.info("a certificate can be used again", { cert: this.files.cert });
    this.problem = null;
    this.#said = null;
    this.#brokenLooks = 0;
  }
}

/** @throws never: what cannot be read is among the problems, each of which names its file */
export async function readPair({ cert, key }: CertificateFiles): Promise<ParsedCertificate> {
  const [certText, keyText] = await Promise.all([readText(cert), readText(key)]);
  const unread = [certText, keyText].filter((text) => typeof text !== "string").map(({ problem }) => problem);
  if (typeof certText !== "string" || typeof keyText !== "string") return { certificate: null, problems: unread };
  return parseCertificate(certText, keyText);
}

async function readText(path: string): Promise<string | { readonly problem: string }> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") return { problem: `there is no file ${path}` };
    return { problem: code === "EACCES" ? `the proxy may not read ${path}` : `${path} cannot be read (${String(code)})` };
  }
}

/** Changes whenever one of the files does; empty where there is none. */
async function stampOf({ cert, key }: CertificateFiles): Promise<string> {
  const stamps = await Promise.all(
    [cert, key].map(async (path) => {
      const stats = await stat(path, { bigint: true }).catch(() => null);
      return stats === null ? "" : [stats.dev, stats.ino, stats.size, stats.mtimeNs, stats.ctimeNs].join(":");
    }),
  );
  return stamps.join(" ");
}
