import { prepareRequestSchema } from "../../api/daemon.ts";
import { stepOrderSchema, type StepStatus } from "../../api/steps.ts";
import { parseBody, type Call, type Route } from "../../api/transport/serve.ts";
import { HitlessError } from "../../base/error.ts";
import { STEP_OPERATIONS } from "../../core/preparation/operations.ts";
import { NOT_WANTED } from "../../core/preparation/prepare.ts";
import { remainingMs, type StepRecord } from "../../core/preparation/step-record.ts";
import type { ServerContext } from "../context.ts";

/** What runs ahead of deployments. An app need not have been deployed for it. */
export function stepRoutes(context: ServerContext): readonly Route[] {
  return [
    { method: "POST", path: "/v1/apps/:app/prepare", handle: (call) => prepare(context, call) },
    {
      method: "GET",
      path: "/v1/apps/:app/steps",
      handle: ({ params }) => ({ steps: context.steps.list(params["app"] ?? "").map(stepStatus) }),
    },
    ...STEP_OPERATIONS.map((operation): Route => ({
      method: "POST",
      path: `/v1/apps/:app/steps/:step/${operation}`,
      handle: async ({ params, body }) => {
        const { by, percent } = parseBody(stepOrderSchema, body);
        return { said: await context.steps.tell(params["app"] ?? "", params["step"] ?? "", { operation, by, percent }) };
      },
    })),
  ];
}

async function prepare({ steps, log }: ServerContext, { params, body }: Call): Promise<unknown> {
  const { by, ...request } = parseBody(prepareRequestSchema, body);
  if (request.spec.app !== params["app"]) {
    throw new HitlessError({
      code: "ERR_USAGE",
      what: `The request is for ${request.spec.app}, but was sent to ${params["app"] ?? ""}.`,
    });
  }
  log.info("a preparation was asked for", { app: request.spec.app, by });
  const { records, unwanted } = await steps.prepare(request);
  return { steps: records.map(stepStatus).map((step) => (unwanted.includes(step.name) ? { ...step, wanted: false } : step)) };
}

function stepStatus(record: StepRecord): StepStatus {
  const { name, path, digest, work, required, window } = record.definition;
  const { state, reason, failure, progress, estimateMs, workedMs, attempt, cuts, throttle, approvedBy, startedAt, endedAt } =
    record;
  return {
    name,
    path,
    digest,
    kind: work.kind,
    state,
    required,
    reason,
    failure,
    progress,
    remainingMs: remainingMs(record),
    estimateMs,
    workedMs,
    attempt,
    cuts,
    throttle,
    window: window?.text ?? null,
    approval: work.kind === "wait" && work.until.kind === "approval" ? work.until.text : null,
    approvedBy,
    ...(reason === NOT_WANTED && state === "cancelled" ? { wanted: false } : {}),
    startedAt,
    endedAt,
  };
}
