import type { AppSpec } from "../../core/app-spec.ts";
import { previewTarget } from "../../core/preview-request.ts";
import type { Manner } from "./node-walk.ts";

/** As a client of the app comes to its instances. */
export function mannerOf(spec: AppSpec): Manner {
  const { authority, secure, cookies } = previewTarget(spec, "");
  return { authority, secure, cookies };
}
