import { deployRequestSchema, type DeployAccepted, type DeploymentProgress, type DeployRequest } from "../../api/daemon.ts";
import { parseBody, type Call, type Route } from "../../api/transport/serve.ts";
import { HitlessError } from "../../base/error.ts";
import type { AppSpec } from "../../core/app-spec.ts";
import type { Traffic } from "../../ports/traffic.ts";
import type { ServerContext } from "../context.ts";
import { knownApp, knownDeployment } from "../known.ts";
import { makeReport } from "../report.ts";
import { deploymentStatus, orNull } from "../status.ts";
import { numberOr } from "./apps.ts";

const WAIT_MAX_MS = 30_000;
const LIMIT_DEFAULT = 20;

/** Beginning deployments and following them. */
export function deploymentRoutes(context: ServerContext): readonly Route[] {
  return [
    { method: "POST", path: "/v1/apps/:app/deployments", handle: (call) => deploy(context, call) },
    { method: "GET", path: "/v1/apps/:app/deployments", handle: (call) => list(context, call) },
    { method: "GET", path: "/v1/apps/:app/deployments/:d", handle: (call) => progress(context, call) },
    { method: "GET", path: "/v1/apps/:app/deployments/:d/report", handle: (call) => report(context, call) },
  ];
}

async function deploy({ engine, steps, traffic, sessionMoves }: ServerContext, { params, body }: Call): Promise<DeployAccepted> {
  const request: DeployRequest = parseBody(deployRequestSchema, body);
  const { by, spec, strategy, batch, force, whenBusy, override, source, ignore, build, env } = request;
  if (spec.app !== params["app"]) {
    throw new HitlessError({
      code: "ERR_USAGE",
      what: `The request is for ${spec.app}, but was sent to ${params["app"] ?? ""}.`,
    });
  }
  sessionMoves.admit({ spec, env });
  await refuseBadTls(traffic, spec);
  await steps.admit({ spec, source, env });
  const event = { kind: "deploy.requested", by, spec, strategy, batch, force, whenBusy, override } as const;
  return engine.deploy(event, { spec, source, ignore, build, env });
}

/** The files are read where they will be served from. A proxy that is away is no reason to refuse: it keeps what it has. */
async function refuseBadTls(traffic: Traffic, { tls }: AppSpec): Promise<void> {
  const problems = tls === null ? null : await orNull(traffic.checkTls(tls));
  if (problems === null || problems.length === 0) return;
  throw new HitlessError({
    code: "ERR_TLS_INVALID",
    what: `The certificates have ${problems.length === 1 ? "one problem" : `${String(problems.length)} problems`}.`,
    next: "Nothing was started. The files are read by the proxy, as the user it runs as.",
    details: problems,
  });
}

async function list(context: ServerContext, { params, query }: Call): Promise<unknown> {
  const { app } = knownApp(context, params["app"] ?? "");
  const deployments = await context.engine.deployments(app, numberOr(query.get("limit"), LIMIT_DEFAULT));
  return { deployments: deployments.map(deploymentStatus) };
}

async function progress(context: ServerContext, { params, query }: Call): Promise<DeploymentProgress> {
  const app = params["app"] ?? "";
  const { name } = await knownDeployment(context, app, params["d"] ?? "");
  const after = numberOr(query.get("after"), 0);
  const waitMs = Math.min(WAIT_MAX_MS, numberOr(query.get("waitMs"), 0));
  const notes = await context.engine.notes(app, name, after, waitMs);
  const deployment = deploymentStatus(await knownDeployment(context, app, name));
  const fault = context.engine.fault(app);
  // Nobody takes it further: whoever waits for it has waited enough.
  if (fault !== null && notes.length === 0 && deployment.outcome === null) throw new HitlessError(fault);
  return { deployment, notes, seq: notes.at(-1)?.seq ?? after };
}

async function report(context: ServerContext, { params }: Call): Promise<unknown> {
  const app = params["app"] ?? "";
  return makeReport(
    knownApp(context, app),
    await knownDeployment(context, app, params["d"] ?? ""),
    context.traffic,
    context.now(),
  );
}
