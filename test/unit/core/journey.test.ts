import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { atPath, brokenExpectations, captured, filledRequest, journeyProblems } from "../../../src/core/journey.ts";
import type { JourneyRequest } from "../../../src/core/task.ts";

const ANSWER = {
  status: 200,
  headers: { "content-type": ["application/json"], "set-cookie": ["a=1; Path=/", "session=s3=x; HttpOnly"] },
  body: '{"items":[{"price":5,"tags":["x"]}],"a.b":true,"none":null}',
  ms: 12,
};

const REQUEST: JourneyRequest = { method: "GET", path: "/", headers: {}, body: null, expect: {}, capture: {} };

describe("expectations", () => {
  test("all met say nothing", () => {
    const json = {
      "items[0].price": 5,
      "items[0].tags": ["x"],
      '["a.b"]': true,
      none: null,
      "": JSON.parse(ANSWER.body) as unknown,
    };
    const expect200 = { status: [200, 201], headers: { "Content-Type": "json", "set-cookie": "session=" }, json, maxMs: 12 };
    expect(brokenExpectations({ ...expect200, bodyContains: ["price"] }, ANSWER)).toEqual([]);
  });

  test("broken ones are told all at once, with what was seen", () => {
    const broken = brokenExpectations(
      {
        status: 201,
        headers: { etag: true, "content-type": "html" },
        bodyContains: ["total"],
        json: { "items[1]": 1 },
        maxMs: 5,
      },
      ANSWER,
    );
    expect(broken).toEqual([
      "the status is 200, expected 201",
      "there is no field etag",
      'content-type is "application/json", expected it to contain "html"',
      expect.stringMatching(/^the body does not contain "total"; it begins /),
      "items[1] is missing, expected 1",
      "it took 12 ms, expected at most 5",
    ]);
  });

  test("without a status any from 200 to 399 will do", () => {
    expect(brokenExpectations({}, { ...ANSWER, status: 302 })).toEqual([]);
    expect(brokenExpectations({}, { ...ANSWER, status: 404 })).toEqual(["the status is 404, expected 200 to 399"]);
  });

  test("of JSON where there is none say so", () => {
    expect(brokenExpectations({ json: { a: 1 } }, { ...ANSWER, body: "<html>" })).toEqual([
      'the body is not JSON; it begins "<html>"',
    ]);
  });
});

describe("captures", () => {
  test("come from fields, cookies, JSON and text", () => {
    const { variables, missing } = captured(
      {
        type: { from: "header", name: "Content-Type" },
        session: { from: "cookie", name: "session" },
        price: { from: "json", path: "items[0].price" },
        tag: { from: "body", pattern: '"tags":\\["(\\w)' },
        absent: { from: "json", path: "none" },
        gone: { from: "cookie", name: "b" },
      },
      ANSWER,
    );
    expect(variables).toEqual({ type: "application/json", session: "s3=x", price: "5", tag: "x" });
    expect(missing).toEqual(["there is nothing to capture as absent", "there is nothing to capture as gone"]);
  });

  test("are put into the path encoded, and elsewhere as they are", () => {
    const request = {
      ...REQUEST,
      path: "/${id}",
      headers: { x: "${id}" },
      body: "${id} ${other}",
      expect: { json: { id: "${id}" } },
    };
    expect(filledRequest(request, { id: "a/b &" })).toMatchObject({
      path: "/a%2Fb%20%26",
      headers: { x: "a/b &" },
      body: "a/b & ${other}",
      expect: { json: { id: "a/b &" } },
    });
  });

  test("that are used before they are made are a problem of the journey", () => {
    const first = { ...REQUEST, capture: { id: { from: "cookie", name: "id" } } } as const;
    expect(journeyProblems([first, { ...REQUEST, path: "/${id}" }])).toEqual([]);
    expect(journeyProblems([{ ...first, path: "/${id}" }])).toEqual([
      { index: 0, problem: "an earlier request that captures ${id}" },
    ]);
  });
});

test("a path finds what is there, and never what is inherited", () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.string(), (value, path) => {
      expect(() => atPath(value, path)).not.toThrow();
    }),
  );
  expect(atPath({}, "constructor")).toBeUndefined();
  expect(atPath([1], "length")).toBe(1);
});
