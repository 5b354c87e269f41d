import { defineConfig } from "hitless";

export default defineConfig({
  app: "shop",
  listen: process.env["SHOP_LISTEN"] ?? "127.0.0.1:8080",
  build: "npm ci --prefer-offline --no-audit --no-fund",
  database: { migrations: "migrations", procedures: "procedures", shadowUrl: "env:DATABASE_URL" },
  processes: {
    web: {
      command: "node server.js",
      instances: 4,
      health: { path: "/up", interval: "200ms" },
      env: { DATABASE_URL: "env:DATABASE_URL" },
    },
  },
  rollout: { batch: 2 },
});
