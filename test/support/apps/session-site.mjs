/**
 * An application with logins: express and express-session, found in the repository named by REPOSITORY. STORE=connect-redis takes that store, STORE=memory
 * each instance's own memory, anything else ours.
 * POST /login?user=… begins a session; GET /me counts its visits and tells user, count, release and instance, or 401.
 */
import { createRequire } from "node:module";

const { REPOSITORY, STORE, PORT, HOST, HITLESS_SESSION_URL, HITLESS_RELEASE, HITLESS_INSTANCE } = process.env;
const require = createRequire(`${REPOSITORY}/package.json`);
const express = require("express");
const session = require("express-session");

const app = express();
app.get("/up", (_request, response) => response.send("ok"));
app.use(
  session({ store: await store(), secret: "for tests", resave: false, saveUninitialized: false, cookie: { maxAge: 3_600_000 } }),
);
app.post("/login", (request, response) => {
  request.session.user = String(request.query.user);
  request.session.visits = 0;
  response.send("welcome");
});
app.get("/me", (request, response) => {
  if (request.session.user === undefined) return response.status(401).send("who are you?");
  request.session.visits += 1;
  response.send([request.session.user, request.session.visits, HITLESS_RELEASE, HITLESS_INSTANCE].join(" "));
});
const server = app.listen(Number(PORT), HOST);
server.keepAliveTimeout = 65_000;
process.on("SIGTERM", () => server.close(() => process.exit(0)));

async function store() {
  if (STORE === "memory") return undefined;
  if (STORE === "connect-redis") {
    const { RedisStore } = require("connect-redis");
    const client = require("redis").createClient({ url: HITLESS_SESSION_URL });
    client.on("error", () => {});
    return new RedisStore({ client: await client.connect() });
  }
  const { sessionStore } = await import(`${REPOSITORY}/src/session.ts`);
  return sessionStore("hitless://");
}
