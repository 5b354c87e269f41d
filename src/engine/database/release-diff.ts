import { HitlessError } from "../../base/error.ts";
import { nameNumber, releaseName, type ReleaseName } from "../../base/names.ts";
import { hasTakenAway, isPending, searchPath, type ChangeSet } from "../../database/change-set.ts";
import { seenDifferences, type SeenDifference } from "../../database/seen/difference.ts";
import type { Database } from "../../ports/database.ts";
import type { Place } from "./gate.ts";

export interface ReleaseDiff {
  readonly releases: readonly [ComparedRelease, ComparedRelease];
  readonly differences: readonly SeenDifference[];
  /** What goes with the contracts of releases after the older one; until then both find it. */
  readonly untilContract: readonly string[];
}

export interface ComparedRelease {
  readonly release: ReleaseName;
  /** Schemas in which it looks names up, first match first. */
  readonly searchPath: readonly string[];
}

/** What each of two releases finds in the database. @throws ERR_RELEASE_UNKNOWN, ERR_CONTRACTED, ERR_CONTRACT_WAITS with all problems */
export async function diffReleases(
  database: Database,
  { app, url }: Place,
  names: readonly [ReleaseName, ReleaseName],
): Promise<ReleaseDiff> {
  const [sets, connections, { path }] = await Promise.all([
    database.changeSets(url, app),
    database.connections(url, app),
    database.whereabouts(url),
  ]);
  const known = [...sets, ...connections].map(({ release }) => release);
  const problems = [...new Set(names)].flatMap((name) => problemOf(name, sets, known));
  if (problems.length > 0) throw refused(problems);
  const compared = (name: ReleaseName): ComparedRelease => ({
    release: name,
    searchPath: searchPath(sets, nameNumber(name) ?? 0, path),
  });
  const releases = [compared(names[0]), compared(names[1])] as const;
  const one = await database.seen(url, releases[0].searchPath);
  const other = await database.seen(url, releases[1].searchPath);
  return { releases, differences: seenDifferences(one, other), untilContract: untilContract(sets, names) };
}

interface Problem {
  readonly code: "ERR_RELEASE_UNKNOWN" | "ERR_CONTRACTED" | "ERR_CONTRACT_WAITS";
  readonly text: string;
}

/** A release that brought nothing is known by those around it, or because it is connected. */
function problemOf(name: ReleaseName, sets: readonly ChangeSet[], known: readonly number[]): readonly Problem[] {
  const number = name.startsWith("r") ? nameNumber(name) : null;
  if (number === null) return [{ code: "ERR_RELEASE_UNKNOWN", text: `${name} is no name of a release such as r42` }];
  const gone = sets.find((set) => set.release > number && hasTakenAway(set));
  if (gone !== undefined) {
    return [
      { code: "ERR_CONTRACTED", text: `what only ${name} saw was removed with the contract of ${releaseName(gone.release)}` },
    ];
  }
  const own = sets.find(({ release }) => release === number);
  if (own !== undefined && own.state !== "expanded" && own.state !== "contracted") {
    const code = own.state === "reverted" ? "ERR_RELEASE_UNKNOWN" : "ERR_CONTRACT_WAITS";
    return [{ code, text: `what ${name} brought is ${own.state}` }];
  }
  if (number <= Math.max(0, ...known)) return [];
  const names = [...new Set(known)].map(releaseName).join(", ");
  return [
    {
      code: "ERR_RELEASE_UNKNOWN",
      text: `${name} has brought nothing to this database and is not connected; known are ${names === "" ? "none" : names}`,
    },
  ];
}

function refused(problems: readonly Problem[]): HitlessError {
  return new HitlessError({
    code: problems[0]?.code ?? "ERR_RELEASE_UNKNOWN",
    what: "These releases cannot be compared.",
    why: `${problems.map(({ text }) => text).join("; ")}.`,
    next: "`hitless db status` shows what releases brought.",
  });
}

function untilContract(sets: readonly ChangeSet[], names: readonly [ReleaseName, ReleaseName]): readonly string[] {
  const [older, newer] = names.map((name) => nameNumber(name) ?? 0).toSorted((one, other) => one - other) as [number, number];
  return sets
    .filter((set) => set.release > older && set.release <= newer && isPending(set))
    .flatMap(({ release, plan }) =>
      plan.actions
        .filter(({ phase, id }) => phase === "contract" && id !== "c0")
        .map(({ title }) => `${releaseName(release)}: ${title}`),
    );
}
