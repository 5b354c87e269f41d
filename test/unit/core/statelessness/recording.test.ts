import { expect, test } from "vitest";
import { journeyOfRecording, judgeRecording } from "../../../../src/core/statelessness/recording.ts";
import type { Visit, Walk } from "../../../../src/core/statelessness/walk.ts";

const REQUESTS = journeyOfRecording([
  { method: "GET", target: "/me", headers: { cookie: "theme=dark; sid=secret" } },
  { method: "GET", target: "/news", headers: {} },
]);

const visit = (node: string, status: number, body: string): Visit => ({
  node,
  answer: { status, headers: {}, body, ms: 1 },
  broken: [],
  carried: [],
});
const walk = (node: string, me: number, news: string): Walk => ({
  kind: "pinned",
  visits: [visit(node, me, ""), visit(node, 200, news)],
});

test("a request that one node always turns away is bound to the others; the names of its cookies are said", () => {
  const walks = [walk("a", 200, "one two"), walk("b", 401, "one two"), walk("a", 200, "one two"), walk("b", 401, "one two")];
  const { findings, left } = judgeRecording(REQUESTS, walks);
  expect(left).toEqual([]);
  expect(findings).toMatchObject([{ request: 1, path: "/me", node: "b", differences: ["status: 401 instead of 200 as on a"] }]);
  expect(findings[0]?.cookies.map(({ name }) => name)).toEqual(["theme", "sid"]);
  expect(JSON.stringify(findings)).not.toContain("secret");
});

test("names of nodes are no difference, the size of an answer is", () => {
  const news = (a: string, b: string): readonly Walk[] => [
    walk("a", 200, a),
    walk("b", 200, b),
    walk("a", 200, a),
    walk("b", 200, b),
  ];
  expect(judgeRecording(REQUESTS, news("news by a", "news by b"))).toEqual({ findings: [], left: [] });
  expect(judgeRecording(REQUESTS, news("news by a", "no news yet today")).findings).toMatchObject([
    { path: "/news", differences: ["body (words): 4 instead of 3 as on a"] },
  ]);
});

test("what one node answers now so and now otherwise is left out", () => {
  const { findings, left } = judgeRecording(REQUESTS, [
    walk("a", 200, "x"),
    walk("b", 401, "x"),
    walk("a", 401, "x"),
    walk("b", 401, "x"),
  ]);
  expect(findings).toEqual([]);
  expect(left).toEqual(["GET /me is answered 200 and 401 by one and the same node"]);
});
