import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { RouteTable } from "../../../../src/core/routes.ts";
import { DEFAULT_LIMITS } from "../../../../src/proxy/worker/limits.ts";
import { LiveApp } from "../../../../src/proxy/worker/live-app.ts";
import { isRefusal } from "../../../../src/proxy/worker/refusal.ts";
import { ReleaseSeal } from "../../../../src/proxy/worker/release-seal.ts";
import { answerHead, requestHead } from "../../../support/proxy/requests.ts";
import { tableOf } from "../../../support/proxy/tables.ts";

const CLIENT = { remoteAddress: "192.0.2.1", secure: true, http2: false };
const SKEW = { headers: ["X-Hitless-Release", "X-Deployment-Id"], parameter: "dpl", cookie: "hitless_cohort" };
const COHORT = { by: "cookie", name: "hitless_cohort" } as const;
const DOCUMENT = "Sec-Fetch-Dest: document\r\n";
const CALL = "Sec-Fetch-Dest: empty\r\n";
const HTML = answerHead("Content-Type: text/html; charset=utf-8\r\n");
const JSON_ANSWER = answerHead("Content-Type: application/json\r\n");

type Pools = RouteTable["pools"];

function pool(release: string, weight: number, preview = false): Pools[number] {
  const targets = [1, 2].map((port) => ({ instance: `${release}.${port}`, host: "127.0.0.1", port, health: null }));
  return { release, weight, preview, targets };
}

/** An app in one worker, whose table can be replaced. */
class Site {
  readonly #app: LiveApp;
  #revision = 1;

  constructor(
    pools: Pools,
    { cohort = COHORT, seal = new ReleaseSeal() }: { cohort?: typeof COHORT | null; seal?: ReleaseSeal } = {},
  ) {
    this.#app = new LiveApp(tableOf({ routing: { skew: SKEW, cohort }, pools }), DEFAULT_LIMITS, () => {}, { seal });
  }

  serve(pools: Pools): void {
    this.#revision += 1;
    this.#app.apply({ ...this.#app.table, revision: this.#revision, pools }, 1);
  }

  /** Marks the instances of these releases as down, and the others as up. */
  down(...releases: readonly string[]): void {
    this.#app.setDown(releases.flatMap((release) => [`${release}.1`, `${release}.2`]));
  }

  ask(fields: string, { answer = JSON_ANSWER, target = "/", method = "GET" } = {}): { served: string; fields: string } {
    const route = this.#app.route(requestHead(fields, { target, method }), CLIENT);
    if (isRefusal(route)) throw new Error(route.reason);
    const served = route.pick(null)?.release ?? "none";
    return { served, fields: route.answerFields(answer, served) };
  }
}

/** One tab of a browser. */
class Browser {
  readonly #site: Site;
  #cookie = "";

  constructor(site: Site) {
    this.#site = site;
  }

  open(): string {
    return this.#ask(DOCUMENT, { answer: HTML }).served;
  }

  call(): { served: string; skew: string | null } {
    const { served, fields } = this.#ask(CALL);
    return { served, skew: /X-Hitless-Skew: (\S+)/.exec(fields)?.[1] ?? null };
  }

  submit(): string {
    return this.#ask(DOCUMENT, { method: "POST" }).served;
  }

  #ask(fields: string, options: Parameters<Site["ask"]>[1] = {}): { served: string; fields: string } {
    const cookie = this.#cookie === "" ? "" : `Cookie: theme=dark; ${this.#cookie}\r\n`;
    const answer = this.#site.ask(fields + cookie, options);
    this.#cookie = /Set-Cookie: ([^;]+);/.exec(answer.fields)?.[1] ?? this.#cookie;
    return answer;
  }
}

describe("a page's requests", () => {
  test("go to the release that has served the page while weights move, and on standby", () => {
    const site = new Site([pool("r1", 1)]);
    const browser = new Browser(site);
    expect(browser.open()).toBe("r1");
    for (const pools of [
      [pool("r1", 1), pool("r2", 99)],
      [pool("r1", 0), pool("r2", 100)],
    ]) {
      site.serve(pools);
      expect([browser.call(), browser.submit()]).toEqual([{ served: "r1", skew: null }, "r1"]);
    }
    expect([browser.open(), browser.call().served]).toEqual(["r2", "r2"]);
  });

  test("go on at the active release, and are told so, when theirs is gone or all of it is down", () => {
    const site = new Site([pool("r1", 1), pool("r2", 0)]);
    const browser = new Browser(site);
    browser.open();
    site.serve([pool("r1", 0), pool("r2", 1)]);
    site.down("r1");
    expect(browser.call()).toEqual({ served: "r2", skew: "r1" });
    site.down();
    expect(browser.call()).toEqual({ served: "r1", skew: null });
    site.serve([pool("r2", 1)]);
    expect(browser.call()).toEqual({ served: "r2", skew: "r1" });
  });

  test("may name the release in a field or in the query, which says more than a cookie that all tabs share", () => {
    const site = new Site([pool("r1", 1), pool("r2", 1)]);
    for (const release of ["r1", "r2"])
      for (const asked of [
        { fields: `x-hitless-release: ${release}\r\n`, target: "/api" },
        { fields: `X-Deployment-Id:${release}\r\n`, target: "/api" },
        { fields: "", target: `/app.js?v=3&dpl=${release}` },
      ])
        for (let turn = 0; turn < 4; turn += 1) expect(site.ask(CALL + asked.fields, asked).served).toBe(release);
  });

  test("never reach a release that is only previewed", () => {
    const site = new Site([pool("r1", 1), pool("r2", 0, true)]);
    expect(site.ask(`${CALL}X-Hitless-Release: r2\r\n`)).toEqual({
      served: "r1",
      fields: "X-Hitless-Release: r1\r\nX-Hitless-Skew: r2\r\n",
    });
  });

  test("say no release that is none, and what they say cannot end the line of an answer", () => {
    const site = new Site([pool("r1", 1)]);
    for (const value of ["", "a b", "r1;x", "ä", "x".repeat(65)])
      expect(site.ask(`X-Hitless-Release: ${value}\r\n`).fields).toBe("X-Hitless-Release: r1\r\n");
  });
});

describe("the cookie", () => {
  test("is set by HTML documents only, and only when it changes", () => {
    const site = new Site([pool("r1", 1)]);
    const { fields } = site.ask(DOCUMENT, { answer: HTML });
    expect(fields).toMatch(
      /Set-Cookie: hitless_cohort=[\w-]{22}\.r1\.[\w-]{22}; Path=\/; Max-Age=2592000; HttpOnly; SameSite=Lax; Secure\r\n$/,
    );
    const cookie = /Set-Cookie: ([^;]+)/.exec(fields)?.[1] ?? "";
    const said = "X-Hitless-Release: r1\r\n";
    expect(site.ask(`${DOCUMENT}Cookie: ${cookie}\r\n`, { answer: HTML }).fields).toBe(said);
    expect(site.ask(DOCUMENT).fields).toBe(said);
    expect(site.ask(CALL, { answer: HTML }).fields).toBe(said);
    expect(site.ask("Accept: text/html,*/*\r\n", { answer: HTML }).fields).toContain("Set-Cookie");
  });

  test("is the cohort's, which stays what it was", () => {
    const site = new Site([pool("r1", 1), pool("r2", 1)]);
    const first = /=([\w-]{22})/.exec(site.ask(CALL).fields)?.[1];
    const { fields } = site.ask(`${DOCUMENT}Cookie: hitless_cohort=${first!}\r\n`, { answer: HTML });
    expect(/=([\w-]{22})\./.exec(fields)?.[1]).toBe(first);
  });

  test("that somebody else has written, or for another app, is no one's", () => {
    const seal = new ReleaseSeal();
    const client = "c".repeat(22);
    const site = new Site([pool("r1", 1), pool("r2", 0)], { seal });
    const served = (cookie: string) => site.ask(`${CALL}Cookie: hitless_cohort=${cookie}\r\n`).served;
    const own = seal.write("app", { client, release: "r2" });
    expect(served(own)).toBe("r2");
    expect(served(seal.write("other", { client, release: "r2" }))).toBe("r1");
    expect(served(new ReleaseSeal().write("app", { client, release: "r2" }))).toBe("r1");
    expect(served(own.replace(/^c/, "d"))).toBe("r1");
    expect(served(`${client}.r2.${"A".repeat(22)}`)).toBe("r1");
  });
});

/** The tables of a rolling deployment, a canary and a blue-green one, each with a way back. */
const WAYS: readonly (readonly Pools[])[] = [
  [[pool("r1", 4)], [pool("r1", 3), pool("r2", 1)], [pool("r1", 1), pool("r2", 3)], [pool("r2", 4)]],
  [
    [pool("r1", 1)],
    [pool("r1", 95), pool("r2", 5)],
    [pool("r1", 50), pool("r2", 50)],
    [pool("r1", 0), pool("r2", 1)],
    [pool("r2", 1)],
  ],
  [[pool("r1", 1)], [pool("r1", 1), pool("r2", 0, true)], [pool("r1", 0), pool("r2", 1)], [pool("r2", 1)]],
];

test.each([COHORT, null])("no page gets another release's answer without being told, with the cohort %j", (cohort) => {
  const act = fc.oneof(
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("table" as const), step: fc.constantFrom(-1, 1) }) },
    { weight: 5, arbitrary: fc.record({ kind: fc.constantFrom("open" as const, "call" as const), browser: fc.nat(3) }) },
  );
  fc.assert(
    fc.property(fc.constantFrom(...WAYS), fc.array(act, { minLength: 20, maxLength: 80 }), (tables, acts) => {
      let at = 0;
      const site = new Site(tables[0]!, { cohort });
      const browsers = [1, 2, 3, 4].map(() => ({ browser: new Browser(site), page: "" }));
      for (const one of acts) {
        if (one.kind === "table") {
          at = Math.min(tables.length - 1, Math.max(0, at + one.step));
          site.serve(tables[at]!);
          continue;
        }
        const tab = browsers[one.browser]!;
        if (one.kind === "open" || tab.page === "") {
          tab.page = tab.browser.open();
          continue;
        }
        const { served, skew } = tab.browser.call();
        const isThere = tables[at]!.some(
          ({ release, weight, preview }) => release === tab.page && (weight > 0 || preview !== true),
        );
        expect({ served, skew }).toEqual(isThere ? { served: tab.page, skew: null } : { served, skew: tab.page });
        expect(isThere || served !== tab.page).toBe(true);
      }
    }),
    { numRuns: 500 },
  );
});
