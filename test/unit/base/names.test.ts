import fc from "fast-check";
import { expect, test } from "vitest";
import { NAME_PATTERN, deploymentName, instanceName, nameNumber, releaseName } from "../../../src/base/names.ts";

test("names of releases, deployments and instances", () => {
  expect(releaseName(42)).toBe("r42");
  expect(deploymentName(7)).toBe("d7");
  expect(instanceName("web", "r42", 3)).toBe("web.r42.3");
});

test("the number of a name is the one it was made from", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 999_999_999 }), (number) => {
      expect(nameNumber(releaseName(number))).toBe(number);
      expect(nameNumber(deploymentName(number))).toBe(number);
    }),
  );
});

test.each(["", "r", "r0", "r01", "R1", "x1", "r1 ", " r1", "r1\n", "r-1", "r1.5", "r1e3", "r1234567890", "web.r1.1"])(
  "%j is no name with a number",
  (text) => {
    expect(nameNumber(text)).toBeNull();
  },
);

test.each([
  ["a", true],
  ["shop-2", true],
  [`a${"b".repeat(39)}`, true],
  [`a${"b".repeat(40)}`, false],
  ["", false],
  ["2shop", false],
  ["-shop", false],
  ["Shop", false],
  ["shop_2", false],
  ["shop/..", false],
  ["shop\n", false],
])("%j as the name of an app: %s", (name, good) => {
  expect(NAME_PATTERN.test(name)).toBe(good);
});
