import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { CertificateFiles } from "../../../src/core/tls.ts";
import { issue } from "./issue.ts";

/** A certificate for these names in files of the directory. */
export async function filesFor(directory: string, names: readonly string[], validity = {}): Promise<CertificateFiles> {
  const path = join(directory, (names[0] ?? "").replace("*", "star"));
  const files = { cert: `${path}.crt`, key: `${path}.key` };
  writePair(files, await issue(names, validity));
  return files;
}

export function writePair(files: CertificateFiles, pair: { readonly cert: string; readonly key: string }): void {
  writeFileSync(files.cert, pair.cert);
  writeFileSync(files.key, pair.key);
}
