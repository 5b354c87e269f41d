import { createServer } from "node:http";
import { Database } from "./database.js";
import { handle } from "./routes.js";
import { openShelves } from "./shelves.js";

/** Longer than any proxy keeps an idle connection, so that it is never this side that closes just when a request is on its way. */
const KEEP_ALIVE_MS = 65_000;
/** Shutting down ends even if a connection that never sent a request is left. */
const SHUTDOWN_MAX_MS = 8_000;

const { DATABASE_URL, HOST = "127.0.0.1", PORT = "3000" } = process.env;
if (!DATABASE_URL) fail("DATABASE_URL is not set, for example postgres://user:password@127.0.0.1:5432/shop");

const database = new Database(DATABASE_URL);
await database.healthy().catch((error) => fail(`The database cannot be used: ${error.message || error.code}`));
const shelves = await openShelves(DATABASE_URL, process.env);

let stopping = false;
const open = new Set();
const server = createServer(async (request, response) => {
  open.add(response);
  response.on("close", () => open.delete(response));
  if (stopping) response.setHeader("Connection", "close");
  await handle(request, response, { database, shelves });
});
server.keepAliveTimeout = KEEP_ALIVE_MS;
server.on("error", (error) => fail(`Cannot listen on ${HOST}:${PORT}: ${error.message}`));
server.listen(Number(PORT), HOST, () => console.log(`The shop is open on http://${HOST}:${server.address().port}`));

for (const signal of ["SIGTERM", "SIGINT"]) process.on(signal, stop);

/** Takes no new connections, finishes the requests in flight, gives the database back, and goes. */
async function stop() {
  if (stopping) return;
  stopping = true;
  for (const response of open) if (!response.headersSent) response.setHeader("Connection", "close");
  const giveUp = setTimeout(() => server.closeAllConnections(), SHUTDOWN_MAX_MS);
  await new Promise((resolve) => server.close(resolve));
  clearTimeout(giveUp);
  await Promise.all([database.close(), shelves.close()]);
  console.log("The shop is closed");
  process.exit(0);
}

function fail(message) {
  console.error(message);
  process.exit(1);
}
