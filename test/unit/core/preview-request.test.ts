import { expect, test } from "vitest";
import { previewTarget, previewVariables } from "../../../src/core/preview-request.ts";
import { DEFAULT_ROUTING } from "../../../src/core/routing.ts";
import { webOnly } from "../../support/core-run.ts";

test("a program is told where a release that is not active can be reached, and what its requests must say", () => {
  expect(previewVariables(previewTarget(webOnly(1), "key"))).toEqual({
    HITLESS_PREVIEW_URL: "http://127.0.0.1:8080",
    HITLESS_PREVIEW_HEADERS: "Host: 127.0.0.1:8080\nX-Hitless-Preview: key",
  });
});

test("behind a name and a cookie of the app's own, on every address of the machine", () => {
  const claim = { ...DEFAULT_ROUTING.claim, hosts: ["shop.test"], cookies: [{ name: "beta", value: null }] };
  const spec = { ...webOnly(1), listen: { host: "::", port: 8080 }, routing: { ...DEFAULT_ROUTING, claim } };
  expect(previewVariables(previewTarget(spec, "key"))).toEqual({
    HITLESS_PREVIEW_URL: "http://[::1]:8080",
    HITLESS_PREVIEW_HEADERS: "Host: shop.test\nX-Hitless-Preview: key\nCookie: beta=1",
  });
});
