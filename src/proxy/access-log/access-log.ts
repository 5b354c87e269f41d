import type { AccessLogSpec } from "../../core/access-log.ts";
import type { LedgerColumn } from "../../core/ledger.ts";
import type { LogFile } from "./log-file.ts";

/** One request, when it has ended. */
export interface AccessEntry {
  readonly client: string;
  readonly method: string;
  readonly target: string;
  /** Lines of the request's fields, each with its CRLF. */
  readonly fields: string;
  /** 0 where there was no answer. */
  readonly status: number;
  /** Of the answer's body, as the application sent it. */
  readonly bytes: number;
  /** From the request's first byte to the answer's last. */
  readonly ms: number;
  /** From the last sending to an instance; null where nothing was sent. */
  readonly upstreamMs: number | null;
  readonly release: string;
  readonly instance: string | null;
  readonly column: LedgerColumn;
  /** How often it was given to another instance, or once more to the same. */
  readonly retries: number;
  readonly requestId: string | null;
}

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** Writes the requests of one app down. */
export class AccessLog {
  readonly spec: AccessLogSpec;
  readonly #app: string;
  readonly #file: LogFile;

  constructor(app: string, spec: AccessLogSpec, file: LogFile) {
    this.#app = app;
    this.spec = spec;
    this.#file = file;
  }

  write(entry: AccessEntry): void {
    if (this.spec.sample < 1 && Math.random() >= this.spec.sample) return;
    const target = this.spec.query ? entry.target : (entry.target.split("?", 1)[0] ?? "");
    const line = this.spec.format === "json" ? jsonLine(this.#app, entry, target) : combinedLine(entry, target);
    this.#file.append(line);
  }
}

function jsonLine(app: string, entry: AccessEntry, path: string): string {
  const { client, method, status, bytes, release, instance, column, retries, requestId } = entry;
  return `${JSON.stringify({
    time: new Date().toISOString(),
    client,
    method,
    path,
    status: status === 0 ? null : status,
    bytes,
    ms: rounded(entry.ms),
    upstreamMs: entry.upstreamMs === null ? null : rounded(entry.upstreamMs),
    app,
    release,
    instance,
    column,
    retries,
    requestId,
  })}\n`;
}

/** As nginx and Apache write it; `-` for what there is not. */
function combinedLine({ client, method, status, bytes, fields }: AccessEntry, path: string): string {
  const request = quoted(`${method} ${path} HTTP/1.1`);
  const code = status === 0 ? "-" : String(status);
  return `${client} - - [${clfTime(new Date())}] ${request} ${code} ${String(bytes)} ${quoted(field(fields, "referer"))} ${quoted(field(fields, "user-agent"))}\n`;
}

function field(fields: string, name: string): string {
  return new RegExp(`\\r\\n${name}:[\\t ]*([^\\r]*)`, "i").exec(fields)?.[1] ?? "-";
}

/** Nothing that a client sends can end the field or the line. */
function quoted(text: string): string {
  return `"${text.replace(/["\\]|[^\x20-\x7e]/g, (found) => `\\x${found.charCodeAt(0).toString(16).padStart(2, "0")}`)}"`;
}

function clfTime(time: Date): string {
  const two = (number: number): string => String(number).padStart(2, "0");
  const day = `${two(time.getUTCDate())}/${MONTHS[time.getUTCMonth()] ?? ""}/${String(time.getUTCFullYear())}`;
  return `${day}:${two(time.getUTCHours())}:${two(time.getUTCMinutes())}:${two(time.getUTCSeconds())} +0000`;
}

function rounded(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}
