/** An answer of the ASP.NET State Server Protocol ([MS-ASP] 2.2.5). */
export interface AspNetReply {
  readonly status: keyof typeof REASONS;
  readonly fields?: Readonly<Record<string, string | number | bigint>>;
  /** Bytes, one per character. */
  readonly content?: string;
}

const REASONS = { 200: "OK", 400: "Bad Request", 404: "Not Found", 423: "Locked", 503: "Service Unavailable" };
/** Clients look for the field, not at the version: that of .NET Framework 4. */
const ASPNET_VERSION = "4.0.30319";

export function encodeReply({ status, fields = {}, content = "" }: AspNetReply): Buffer {
  const lines = Object.entries({ "X-AspNet-Version": ASPNET_VERSION, "Content-Length": content.length, ...fields });
  const head = lines.map(([name, value]) => `${name}: ${value}\r\n`).join("");
  return Buffer.from(`HTTP/1.1 ${status} ${REASONS[status]}\r\n${head}\r\n${content}`, "latin1");
}
