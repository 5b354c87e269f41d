import type { RequestHead } from "./request-head.ts";

const LENGTH_EXPECTED = new Set(["POST", "PUT", "PATCH"]);

/** The fields that frame the body towards the application, and what asks it to switch protocols or to say 100. */
export function requestFraming(head: RequestHead): string {
  let fields = "";
  if (head.body === "chunked") fields = "Transfer-Encoding: chunked\r\n";
  else if (head.body > 0 || LENGTH_EXPECTED.has(head.method)) fields = `Content-Length: ${String(head.body)}\r\n`;
  if (head.expectContinue && head.body !== 0) fields += "Expect: 100-continue\r\n";
  if (head.upgrade !== null) fields += `Connection: Upgrade\r\nUpgrade: ${head.upgrade}\r\n`;
  else if (head.acceptsTrailers) fields += "TE: trailers\r\nConnection: TE\r\n";
  return fields;
}
