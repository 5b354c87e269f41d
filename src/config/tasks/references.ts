import type { TasksSpec } from "../../core/app-spec.ts";

const REFERENCE = /^env:(\w+)$/;

/** `env:NAME` in a task that names nothing of the release's environment. */
export function referenceProblems(
  tasks: TasksSpec | undefined,
  env: Readonly<Record<string, Readonly<Record<string, string>>>>,
): readonly string[] {
  const known = new Set(Object.values(env).flatMap((variables) => Object.keys(variables)));
  const lists = [["checks", tasks?.checks ?? []] as const, ["gates", tasks?.gates ?? []] as const];
  return lists.flatMap(([list, all]) =>
    all.flatMap((task, index) => {
      const name = task.kind === "prometheus" ? REFERENCE.exec(task.url)?.[1] : undefined;
      if (name === undefined || known.has(name)) return [];
      return [
        `${list}[${String(index)}].prometheus: found "env:${name}", but the release has no variable ${name} in its environment`,
      ];
    }),
  );
}
