import type { PlanDraft } from "./draft.ts";
import { dropOwn, overlayRoutine } from "./routine-actions.ts";
import type { WantedRoutine } from "./routine-text.ts";
import { planRoutines } from "./routines.ts";
import { noticeViewsUnder, viewsAnew } from "./views-under.ts";
import { planViews, type WantedView } from "./views.ts";

export interface WantedCode {
  /** Routines that migrations create. */
  readonly created: readonly WantedRoutine[];
  /** Routines of the directory of procedures. */
  readonly listed: readonly WantedRoutine[];
  readonly views: readonly WantedView[];
  readonly droppedViews: ReadonlySet<string>;
}

/** Planned last, when it is known which tables this release sees differently; each after what it is bound to. */
export function planRoutinesAndViews(draft: PlanDraft, { created, listed, views: given, droppedViews }: WantedCode): void {
  const sets = [
    { wanted: created, complete: false },
    { wanted: listed, complete: true },
  ];
  const views = [...given, ...viewsAnew(draft, given, droppedViews)];
  const changed = views.filter(({ stands }) => stands !== true).map(({ name }) => name);
  const routines = planRoutines(draft, sets, new Set([...changed, ...droppedViews]));
  for (const one of routines.ordered) if (!routines.afterViews.has(one)) overlayRoutine(draft, one, routines);
  planViews(draft, views);
  for (const one of routines.afterViews) overlayRoutine(draft, one, routines);
  dropOwn(draft, routines);
  noticeViewsUnder(draft, views, droppedViews);
}
