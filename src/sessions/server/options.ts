import { readFileSync } from "node:fs";
import { isAbsolute } from "node:path";
import { HitlessError } from "../../base/error.ts";
import type { SyncPolicy } from "../log/log.ts";
import { isLoopback, parseAddress, parseAspNetAddress, type SessionAddress } from "./listen-address.ts";
import type { TlsFiles } from "./listeners.ts";
import type { StateServerSettings } from "./settings.ts";

/** As written on the command line. */
export interface RawOptions {
  readonly data: string;
  readonly listen?: readonly string[] | undefined;
  readonly aspNet?: string | undefined;
  readonly fsync?: string | undefined;
  readonly memory?: string | undefined;
  readonly clients?: string | undefined;
  readonly passwordFile?: string | undefined;
  readonly tlsCert?: string | undefined;
  readonly tlsKey?: string | undefined;
}

const DEFAULT_LISTEN = "127.0.0.1:6379";
const UNITS: Readonly<Record<string, number>> = { "": 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30 };
const MEMORY_MIN = 2 ** 20;
const SOCKET_PATH_MAX = 107;

/** @throws ERR_USAGE with all problems */
export function readOptions(raw: RawOptions, version: string): StateServerSettings {
  const problems: string[] = [];
  if (!isAbsolute(raw.data)) problems.push("--data is the absolute path of a directory.");
  const redis = [...ownSocket(raw.data), ...(raw.listen ?? [DEFAULT_LISTEN])].flatMap((text) =>
    address(() => parseAddress(text), problems),
  );
  const { aspNet } = raw;
  const listen = [...redis, ...(aspNet === undefined ? [] : address(() => parseAspNetAddress(aspNet), problems))];
  const passwords = raw.passwordFile === undefined ? [] : readPasswords(raw.passwordFile, problems);
  const tls = readTls(raw, problems);
  if (passwords.length === 0 && !redis.every(isLoopback))
    problems.push("An address that others can reach needs a password: --password-file <file>.");
  if (tls === null && listen.some(({ kind }) => kind === "tls"))
    problems.push("A tls:// address needs --tls-cert and --tls-key.");
  const settings: StateServerSettings = {
    directory: raw.data,
    listen,
    passwords,
    tls,
    policy: syncPolicy(raw.fsync ?? "always", problems),
    memoryMax: bytes(raw.memory ?? "1g", problems),
    clientsMax: count(raw.clients ?? "10000", problems),
    version,
  };
  if (problems.length === 0) return settings;
  throw new HitlessError({ code: "ERR_USAGE", what: "The state server cannot be started like this.", details: problems });
}

/** V8's limit for its heap, in MiB, so that it holds `memoryMax` bytes of keys with what collecting garbage needs beside. */
export function heapLimit(memoryMax: number): number {
  return Math.ceil((memoryMax * 1.5) / 2 ** 20) + 256;
}

/** In the data directory, where the kernel takes a path of that length (unix(7)); it is bound under a name that is four characters longer. */
function ownSocket(data: string): readonly string[] {
  const path = `${data}/redis.sock`;
  return Buffer.byteLength(path) + ".new".length > SOCKET_PATH_MAX ? [] : [`unix:${path}`];
}

function address(parse: () => SessionAddress, problems: string[]): SessionAddress[] {
  try {
    return [parse()];
  } catch (error) {
    if (!(error instanceof HitlessError)) throw error;
    problems.push(`${error.failure.what} ${error.failure.next ?? ""}`);
    return [];
  }
}

/** One to a line; all of them are valid. */
function readPasswords(path: string, problems: string[]): string[] {
  const lines = (read(path, problems) ?? "").split(/\r?\n/).filter((line) => line !== "");
  if (lines.length === 0) problems.push(`There is no password in ${path}.`);
  return lines;
}

function readTls({ tlsCert, tlsKey }: RawOptions, problems: string[]): TlsFiles | null {
  if (tlsCert === undefined && tlsKey === undefined) return null;
  if (tlsCert === undefined || tlsKey === undefined) {
    problems.push("--tls-cert and --tls-key belong together.");
    return null;
  }
  return { cert: read(tlsCert, problems) ?? "", key: read(tlsKey, problems) ?? "" };
}

function read(path: string, problems: string[]): string | null {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    problems.push(error instanceof Error ? error.message : String(error));
    return null;
  }
}

function syncPolicy(text: string, problems: string[]): SyncPolicy {
  if (text === "always" || text === "everysec") return text;
  problems.push(`--fsync is "always" or "everysec", not "${text}".`);
  return "always";
}

function count(text: string, problems: string[]): number {
  if (!/^[1-9]\d{0,6}$/.test(text)) problems.push(`--clients is a number, not "${text}".`);
  return Number(text);
}

function bytes(text: string, problems: string[]): number {
  const match = /^(\d{1,12})([kmg]?)b?$/i.exec(text);
  const size = Number(match?.[1]) * (UNITS[(match?.[2] ?? "").toLowerCase()] ?? 1);
  if (!(size >= MEMORY_MIN)) problems.push(`--memory is a size such as 512m or 4g, not "${text}".`);
  return size;
}
