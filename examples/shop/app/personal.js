import { randomUUID } from "node:crypto";
import { decoded, json, readJson, readText, Refused, send } from "./answers.js";

/** What belongs to one customer: a session, pictures, a basket. */
export const PERSONAL_ROUTES = [
  ["POST", /^\/api\/login$/, login],
  ["GET", /^\/api\/me$/, me],
  ["PUT", /^\/api\/photos\/([^/]+)$/, putPhoto],
  ["GET", /^\/api\/photos\/([^/]+)$/, photo],
  ["PUT", /^\/api\/baskets\/([^/]+)$/, putBasket],
  ["GET", /^\/api\/baskets\/([^/]+)$/, basket],
];

async function login({ request, response, shelves }) {
  const { name } = await readJson(request);
  if (typeof name !== "string" || !/^[\w-]{1,64}$/.test(name)) throw new Refused(422, "name: 1 to 64 letters, digits, _ and -");
  const session = randomUUID();
  await shelves.sessions.put(session, name);
  response.setHeader("Set-Cookie", `shop_session=${session}; Path=/; HttpOnly; SameSite=Lax`);
  json(response, 201, { name });
}

async function me({ request, response, shelves }) {
  const [, session] = /(?:^|; )shop_session=([^;]+)/.exec(request.headers.cookie ?? "") ?? [];
  const name = session === undefined ? null : await shelves.sessions.get(session);
  if (name === null) throw new Refused(401, "Log in first");
  json(response, 200, { name });
}

async function putPhoto({ request, response, shelves, name }) {
  await shelves.photos.put(decoded(name), await readText(request));
  json(response, 201, { photo: decoded(name) });
}

async function photo({ response, shelves, name }) {
  send(response, 200, "application/octet-stream", found(await shelves.photos.get(decoded(name))));
}

async function putBasket({ request, response, shelves, name }) {
  const { products = [] } = await readJson(request);
  await shelves.baskets.put(decoded(name), JSON.stringify(products));
  json(response, 200, { products });
}

async function basket({ response, shelves, name }) {
  json(response, 200, { products: JSON.parse(found(await shelves.baskets.get(decoded(name)))) });
}

function found(value) {
  if (value === null) throw new Refused(404, "There is no such thing here");
  return value;
}
