// An application with a database: it stores what it is told, and reads it back. What it says to the database stands in queries.json.
import { readFileSync } from "node:fs";
import { createServer } from "node:http";

const { default: pg } = await import(process.env.PG_MODULE);
const { put, get } = JSON.parse(readFileSync("queries.json", "utf8"));
const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 4 });
pool.on("error", () => undefined);

const server = createServer((request, response) => {
  answer(request).then(
    (text) => response.end(text),
    (error) => {
      response.statusCode = 500;
      response.end(String(error.message));
    },
  );
});

async function answer({ method, url }) {
  const [, , key, value] = url.split("/");
  if (url === "/up") return "ok";
  if (method === "POST") {
    await pool.query(put, [key, value]);
    return process.env.HITLESS_RELEASE;
  }
  const { rows } = await pool.query(get, [key]);
  return `${process.env.HITLESS_RELEASE} ${rows[0].value}`;
}

server.listen(Number(process.env.PORT), "127.0.0.1");
process.on("SIGTERM", () => {
  server.close(() => pool.end().then(() => process.exit(0)));
  server.closeIdleConnections();
});
