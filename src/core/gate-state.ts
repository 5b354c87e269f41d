import type { AppSpec } from "./app-spec.ts";
import type { Gate, GatePeriod, GateState } from "./gate.ts";
import type { AppState } from "./state.ts";

/** What the route table says of it; nothing, where nothing stands before the app. */
export function gateOf(state: AppState, spec: AppSpec): Gate | undefined {
  const { pause, maintenance } = gateState(state);
  if (pause === null && maintenance === null) return undefined;
  const checked = Object.values(spec.processes).map(({ health }) => health?.path ?? null);
  return {
    ...(pause === null ? {} : { pause: { until: pause.until, then: pause.then } }),
    ...(maintenance === null ? {} : { maintenance: withoutRecord(maintenance) }),
    exceptPaths: [...new Set(checked.filter((path) => path !== null))],
  };
}

export function gateState({ gate }: AppState): GateState {
  return gate ?? { pause: null, maintenance: null, ended: [] };
}

/** Every pause and maintenance that touches the time, those that go on included, cut to it. */
export function periodsWithin(state: AppState, from: number, to: number): readonly GatePeriod[] {
  const { pause, maintenance, ended } = gateState(state);
  const going = [
    ...(pause === null ? [] : [{ kind: "pause" as const, by: pause.by, since: pause.since, until: to }]),
    ...(maintenance === null ? [] : [{ kind: "maintenance" as const, by: maintenance.by, since: maintenance.since, until: to }]),
  ];
  return [...ended, ...going]
    .filter(({ since, until }) => since < to && until > from)
    .map((period) => ({ ...period, since: Math.max(from, period.since), until: Math.min(to, period.until) }));
}

function withoutRecord({ status, retryAfterS, page, allow, allowCookies }: NonNullable<GateState["maintenance"]>) {
  return { status, retryAfterS, page, allow, allowCookies };
}
