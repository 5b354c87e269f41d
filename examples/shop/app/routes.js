import { decoded, json, readJson, Refused, send } from "./answers.js";
import { page } from "./page.js";
import { PERSONAL_ROUTES } from "./personal.js";
import { PRODUCTS } from "./products.js";

const INSTANCE = process.env.HITLESS_INSTANCE ?? `pid ${process.pid}`;
const RELEASE = process.env.HITLESS_RELEASE ?? "by hand";

const ROUTES = [
  ["GET", /^\/$/, home],
  ["GET", /^\/up$/, up],
  ["GET", /^\/api\/products$/, products],
  ["POST", /^\/api\/orders$/, addOrder],
  ["GET", /^\/api\/orders\/count$/, count],
  ["GET", /^\/api\/orders\/([^/]+)$/, order],
  ...PERSONAL_ROUTES,
];

export async function handle(request, response, { database, shelves }) {
  try {
    const [path] = request.url.split("?", 1);
    const fitting = ROUTES.filter(([, pattern]) => pattern.test(path));
    const route = fitting.find(([method]) => method === request.method || (method === "GET" && request.method === "HEAD"));
    if (fitting.length === 0) throw new Refused(404, `There is no ${path}`);
    if (route === undefined) throw new Refused(405, `${path} does not take ${request.method}`);
    const [, pattern, action] = route;
    await action({ request, response, database, shelves, name: pattern.exec(path)[1] });
  } catch (error) {
    if (!(error instanceof Refused)) console.error(error);
    if (response.headersSent) response.destroy();
    else json(response, error.status ?? 500, { error: error instanceof Refused ? error.message : "Something went wrong here" });
  }
}

function home({ response }) {
  send(response, 200, "text/html; charset=utf-8", page({ products: PRODUCTS, release: RELEASE, instance: INSTANCE }));
}

async function up({ response, database }) {
  try {
    await database.healthy();
    send(response, 200, "text/plain; charset=utf-8", "ok\n");
  } catch (error) {
    send(response, 503, "text/plain; charset=utf-8", `The database does not answer: ${error.message || error.code}\n`);
  }
}

function products({ response }) {
  json(response, 200, PRODUCTS);
}

async function addOrder({ request, response, database }) {
  const asked = checked(await readJson(request));
  const cents = asked.quantity * PRODUCTS.find(({ name }) => name === asked.product).cents;
  await database.addOrder({ ...asked, cents }, INSTANCE);
  json(response, 201, { ...asked, cents, release: RELEASE, instance: INSTANCE });
}

async function order({ response, database, name }) {
  const found = await database.order(decoded(name));
  if (found === null) throw new Refused(404, "There is no such order");
  json(response, 200, found);
}

async function count({ response, database }) {
  json(response, 200, await database.count());
}

function checked({ id, product, quantity } = {}) {
  if (typeof id !== "string" || !/^[\w-]{1,64}$/.test(id)) throw new Refused(422, "id: 1 to 64 letters, digits, _ and -");
  if (!PRODUCTS.some(({ name }) => name === product)) throw new Refused(422, "product: not one of ours");
  if (!Number.isInteger(quantity) || quantity < 1 || quantity > 100) throw new Refused(422, "quantity: 1 to 100");
  return { id, product, quantity };
}
