import { expect, test } from "vitest";
import { redactor, secretsOf } from "../../../src/base/redact.ts";

test("what sounds secret or looks like it is hidden; plain words, numbers and paths are not", () => {
  const env = {
    NODE_ENV: "production",
    WORKERS: "1234567",
    DATA: "/var/lib/shop",
    API_KEY: "sesameopen",
    COOKIE: "f00-ba4!r",
    SHORT_TOKEN: "abc",
    DATABASE_URL: "postgres://shop:p%40ssword@db:5432/shop",
  };
  expect(secretsOf(env).toSorted()).toEqual([
    "f00-ba4!r",
    "p%40ssword",
    "p@ssword",
    "postgres://shop:p%40ssword@db:5432/shop",
    "sesameopen",
  ]);
});

test("a secret that holds another one leaves nothing of itself", () => {
  const hide = redactor(["secret", "secret-of-all"]);
  expect(hide("a secret-of-all and a secret")).toBe("a [hidden] and a [hidden]");
});

test("of a secret of several lines each line is hidden", () => {
  const hide = redactor(secretsOf({ KEY: "-----BEGIN\nMIIEvQIBADAN\n-----END" }));
  expect(hide("MIIEvQIBADAN")).toBe("[hidden]");
});
