import { verifyStatelessSchema, type StatelessnessAnswer } from "../../api/statelessness.ts";
import { parseBody, type Route } from "../../api/transport/serve.ts";
import { resultOf } from "../../core/statelessness/outcome.ts";
import type { ServerContext } from "../context.ts";
import { knownApp } from "../known.ts";

/** Whether any instance can serve any request. */
export function statelessnessRoutes(context: ServerContext): readonly Route[] {
  return [
    {
      method: "POST",
      path: "/v1/apps/:app/verify/stateless",
      handle: async ({ params, body, signal }): Promise<StatelessnessAnswer> => {
        const request = parseBody(verifyStatelessSchema, body);
        const outcome = await context.verifyStateless(knownApp(context, params["app"] ?? ""), request, signal);
        const { summary, details = [] } = resultOf(request.name, outcome);
        return { ...outcome, summary, details };
      },
    },
  ];
}
