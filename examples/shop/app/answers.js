const BODY_MAX = 16 * 1024;

/** A request that cannot be served, for a reason its sender can do something about. */
export class Refused extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

export function decoded(name) {
  try {
    return decodeURIComponent(name);
  } catch {
    throw new Refused(400, "The name in the address is not valid");
  }
}

export async function readText(request) {
  const parts = [];
  let length = 0;
  for await (const part of request) {
    length += part.length;
    if (length > BODY_MAX) throw new Refused(413, "That is larger than what belongs here");
    parts.push(part);
  }
  return Buffer.concat(parts).toString("utf8");
}

export async function readJson(request) {
  const text = await readText(request);
  try {
    return JSON.parse(text) ?? {};
  } catch {
    throw new Refused(400, "The body is not JSON");
  }
}

export function json(response, status, value) {
  send(response, status, "application/json", `${JSON.stringify(value)}\n`);
}

export function send(response, status, type, body) {
  response.writeHead(status, {
    "Content-Type": type,
    "Content-Length": Buffer.byteLength(body),
    "Cache-Control": "no-store",
  });
  response.end(body);
}
