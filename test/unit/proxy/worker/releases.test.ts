import { hash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { RouteTable } from "../../../../src/core/routes.ts";
import type { RoutingSpec } from "../../../../src/core/routing.ts";
import { DEFAULT_LIMITS } from "../../../../src/proxy/worker/limits.ts";
import { LiveApp } from "../../../../src/proxy/worker/live-app.ts";
import { isRefusal } from "../../../../src/proxy/worker/refusal.ts";
import type { RequestHead } from "../../../../src/proxy/worker/request-head.ts";
import { answerHead, requestHead } from "../../../support/proxy/requests.ts";
import { tableOf } from "../../../support/proxy/tables.ts";

const CLIENT = { remoteAddress: "192.0.2.1", secure: false, http2: false };
const PREVIEW = { header: "X-Hitless-Preview", cookie: "hitless_preview", hosts: ["preview.a.com"], secretSha256: null };

const PAGE = answerHead("Content-Type: text/html\r\n");

function headOf(fields = "", host = "a.com"): RequestHead {
  return requestHead(fields, { host });
}

function pool(release: string, weight: number, preview = false): RouteTable["pools"][number] {
  const targets = [1, 2].map((port) => ({ instance: `${release}.${port}`, host: "127.0.0.1", port, health: null }));
  return { release, weight, preview, targets };
}

function appOf(routing: Partial<RoutingSpec>, pools: RouteTable["pools"]): LiveApp {
  return new LiveApp(tableOf({ routing, pools }), DEFAULT_LIMITS, () => {});
}

/** The release that a request gets, or the status; and what is added to the answer. */
function asked(app: LiveApp, head: RequestHead, client = CLIENT): { release: string | number; fields: string; book: string } {
  const route = app.route(head, client);
  if (isRefusal(route)) return { release: route.status, fields: "", book: route.book.name };
  const release = route.pick(null)?.release ?? "none";
  return { release, fields: route.answerFields(PAGE, release), book: route.book.name };
}

describe("a cohort", () => {
  const byHeader = { cohort: { by: "header", name: "X-User" } } as const;
  const releaseOf = (app: LiveApp, user: string) => asked(app, headOf(`X-User: ${user}\r\n`)).release;
  const users = Array.from({ length: 20_000 }, (_, number) => `user-${number}`);

  test("stays on its release, whatever instance it gets, in every worker and after every restart", () => {
    const apps = [1, 2, 3].map(() => appOf(byHeader, [pool("r1", 50), pool("r2", 50)]));
    for (const user of users.slice(0, 500)) {
      expect(new Set(apps.flatMap((app) => [releaseOf(app, user), releaseOf(app, user)])).size).toBe(1);
    }
  });

  test.each([0, 1, 5, 20, 50, 95, 100])(
    "of %i %% is so many of 20,000 clients, to 1 %% of all; of 0 none, of 100 all",
    (weight) => {
      const app = appOf(byHeader, [pool("r1", 100 - weight), pool("r2", weight)]);
      const share = users.filter((user) => releaseOf(app, user) === "r2").length / users.length;
      if (weight === 0 || weight === 100) expect(share).toBe(weight / 100);
      else expect(Math.abs(share - weight / 100)).toBeLessThan(0.01);
    },
  );

  test("scenario 56: is only ever left for the release whose weight grows", () => {
    fc.assert(
      fc.property(fc.nat(99), fc.nat(100), fc.stringMatching(/^[a-z0-9]{1,12}$/), (low, more, user) => {
        const high = Math.min(100, low + more);
        const before = releaseOf(appOf(byHeader, [pool("r1", 100 - low), pool("r2", low)]), user);
        const after = releaseOf(appOf(byHeader, [pool("r2", high), pool("r1", 100 - high)]), user);
        if (before === "r2") expect(after).toBe("r2");
      }),
      { numRuns: 1_000 },
    );
  });

  test("is another one for another pair of releases, so that it is not always the same clients who try what is new", () => {
    const early = (old: string, fresh: string) => {
      const app = appOf(byHeader, [pool(old, 95), pool(fresh, 5)]);
      return new Set(users.filter((user) => releaseOf(app, user) === fresh));
    };
    const [first, second] = [early("r1", "r2"), early("r2", "r3")];
    expect([...first].filter((user) => second.has(user)).length).toBeLessThan(first.size / 4);
  });

  test("scenario 59: by cookie is drawn by the proxy, kept by the client, and sent again only when it is none of ours", () => {
    const app = appOf({ cohort: { by: "cookie", name: "c" } }, [pool("r1", 50), pool("r2", 50)]);
    const first = asked(app, headOf());
    expect(first.fields).toMatch(/^Set-Cookie: c=[\w-]{22}; Path=\/; Max-Age=2592000; HttpOnly; SameSite=Lax\r\n$/);
    const cookie = /c=[\w-]{22}/.exec(first.fields)?.[0] ?? "";
    for (let time = 0; time < 20; time += 1) {
      expect(asked(app, headOf(`Cookie: a=b; ${cookie}\r\n`))).toEqual({ ...first, fields: "" });
    }
    expect(asked(app, headOf("Cookie: c=chosen\r\n")).fields).not.toBe("");
    expect(asked(app, headOf(), { ...CLIENT, secure: true }).fields).toMatch(/; Secure\r\n$/);
  });

  test("scenario 57: by cookie outlives no release: whoever was on the one that went is on the active one, and no cookie says otherwise", () => {
    const cohort = { by: "cookie", name: "c" } as const;
    const canary = appOf({ cohort }, [pool("r1", 50), pool("r2", 50)]);
    const clients = Array.from({ length: 50 }, () => {
      const { release, fields } = asked(canary, headOf());
      return { release, cookie: /c=[\w-]{22}/.exec(fields)?.[0] ?? "" };
    });
    expect(new Set(clients.map(({ release }) => release))).toEqual(new Set(["r1", "r2"]));
    for (const pools of [[pool("r2", 1), pool("r1", 0)], [pool("r2", 1)]]) {
      const after = appOf({ cohort }, pools);
      for (const { cookie } of clients)
        expect(asked(after, headOf(`Cookie: ${cookie}\r\n`))).toMatchObject({ release: "r2", fields: "" });
    }
  });

  test("needs no cookie while there is one release, and a request without the field goes by weight", () => {
    expect(asked(appOf({ cohort: { by: "cookie", name: "c" } }, [pool("r1", 1), pool("r2", 0)]), headOf()).fields).toBe("");
    const app = appOf(byHeader, [pool("r1", 50), pool("r2", 50)]);
    const got = Array.from({ length: 100 }, () => asked(app, headOf()).release);
    expect(got.filter((release) => release === "r2")).toHaveLength(50);
  });

  test("by address is the client's", () => {
    const app = appOf({ cohort: { by: "ip", name: "" } }, [pool("r1", 50), pool("r2", 50)]);
    const got = new Set(
      Array.from({ length: 50 }, (_, number) => asked(app, headOf(), { ...CLIENT, remoteAddress: `192.0.2.${number}` }).release),
    );
    expect(got.size).toBe(2);
    expect(new Set(Array.from({ length: 50 }, () => asked(app, headOf()).release)).size).toBe(1);
  });

  test("gets another release while nothing of its own is up", () => {
    const app = appOf(byHeader, [pool("r1", 50), pool("r2", 50)]);
    const user = users.find((one) => releaseOf(app, one) === "r2") ?? "";
    app.setDown(["r2.1", "r2.2"]);
    expect(releaseOf(app, user)).toBe("r1");
    app.setDown([]);
    expect(releaseOf(app, user)).toBe("r2");
  });
});

describe("a preview", () => {
  const pools = [pool("r1", 1), pool("r2", 0, true), pool("r0", 0)];

  test.each([
    ["X-Hitless-Preview: r2\r\n", "a.com"],
    ["x-hitless-preview: r2\r\n", "a.com"],
    ["Cookie: hitless_preview=r2\r\n", "a.com"],
    ["", "preview.a.com"],
    ["", "PREVIEW.a.com:8080"],
  ])("%j to %s reaches the inactive pool and is counted apart", (fields, host) => {
    expect(asked(appOf({ preview: PREVIEW }, pools), headOf(fields, host))).toEqual({
      release: "r2",
      fields: "",
      book: "app/previews",
    });
  });

  test.each([
    ["X-Hitless-Preview: r1\r\n", "a.com"],
    ["X-Hitless-Preview: r0\r\n", "a.com"],
    ["X-Hitless-Preview:\r\n", "a.com"],
    ["X-Hitless-Preview: wrong\r\nCookie: hitless_preview=r2\r\n", "a.com"],
  ])("%j to %s is refused, and never gets the live pool", (fields, host) => {
    expect(asked(appOf({ preview: PREVIEW }, pools), headOf(fields, host))).toMatchObject({ release: 404, book: "app/previews" });
  });

  test("finds nothing when there is no such pool, or when it has become the active one", () => {
    for (const present of [[pool("r1", 1)], [pool("r2", 1, true)]]) {
      expect(asked(appOf({ preview: PREVIEW }, present), headOf("X-Hitless-Preview: r2\r\n")).release).toBe(404);
      expect(asked(appOf({ preview: PREVIEW }, present), headOf("", "preview.a.com")).release).toBe(404);
    }
  });

  test("with a secret needs the secret", () => {
    const app = appOf({ preview: { ...PREVIEW, secretSha256: hash("sha256", "open sesame", "hex") } }, pools);
    expect(asked(app, headOf("X-Hitless-Preview: open sesame\r\n")).release).toBe("r2");
    expect(asked(app, headOf("X-Hitless-Preview: r2\r\n")).release).toBe(404);
  });

  test("is nothing special where there are none, and everybody else gets the live pool", () => {
    expect(asked(appOf({}, pools), headOf("X-Hitless-Preview: r2\r\n"))).toMatchObject({ release: "r1", book: "app" });
    expect(asked(appOf({ preview: PREVIEW }, pools), headOf())).toMatchObject({ release: "r1", book: "app" });
  });
});
