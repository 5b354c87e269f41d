import { hostAndPort } from "../../base/host-and-port.ts";
import type { AppStatus } from "../../api/daemon.ts";
import type { Output } from "../output.ts";

type Tls = NonNullable<AppStatus["tls"]>;

const DAY_MS = 86_400_000;
/** More names than these are counted. */
const NAMES_SHOWN = 3;

/** One line for each certificate: its names, until when it is valid, what is wrong with it. */
export function tlsLines({ listen, certificates }: Tls, output: Output, now: number): readonly string[] {
  const where = `TLS ${hostAndPort(listen)}`;
  return certificates.map((certificate) => {
    const { names, source, from, expiresAt, problem } = certificate;
    const known = names.length === 0 ? from : shortened(names);
    const trouble = problem === null ? "" : `  ${output.style("red", problem)}`;
    return `${output.style("dim", where)}  ${known}  ${validity(expiresAt, now)}${source === "acme" ? " (ACME)" : ""}${trouble}`;
  });
}

function shortened(names: readonly string[]): string {
  const more = names.length - NAMES_SHOWN;
  return `${names.slice(0, NAMES_SHOWN).join(", ")}${more > 0 ? ` and ${String(more)} more` : ""}`;
}

function validity(expiresAt: number | null, now: number): string {
  if (expiresAt === null) return "no certificate yet";
  const days = Math.floor((expiresAt - now) / DAY_MS);
  return `until ${new Date(expiresAt).toISOString().slice(0, 10)} (${days === 1 ? "1 day" : `${String(days)} days`})`;
}
