/** `npm run layers`: folders are layers and imports go only downwards. The rules stand in layer-rules.ts. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { cruise, type IViolation } from "dependency-cruiser";
import { FOLDERS, layerRules } from "./layer-rules.ts";

export interface LayerReport {
  readonly modules: number;
  readonly problems: readonly string[];
}

/** With a compiler it does not know, dependency-cruiser finds no module and no problem: fewer than this is a failure. */
const FEWEST_MODULES = 60;

/** Examines the tree below `root`; the test gives a smaller minimum for its small trees. */
export async function examineLayers(root: string, fewestModules = FEWEST_MODULES): Promise<LayerReport> {
  const { modules, violations } = await cruiseTree(root);
  const problems = [...strangers(modules), ...violations.map(describe)];
  if (modules.length < fewestModules)
    problems.unshift(`fewest-modules: ${modules.length} modules were found, at least ${fewestModules} expected`);
  return { modules: modules.length, problems };
}

async function cruiseTree(root: string): Promise<{ modules: string[]; violations: IViolation[] }> {
  const folders = ["src", "sim", "bench", "scripts", "test"].filter((folder) => existsSync(join(root, folder)));
  if (folders.length === 0) return { modules: [], violations: [] };
  const { output } = await cruise(
    folders,
    {
      baseDir: root,
      validate: true,
      ruleSet: { forbidden: layerRules() },
      // Imports of types are imports: they decide what a reader has to know.
      tsPreCompilationDeps: true,
      doNotFollow: { path: "node_modules" },
    },
    { extensions: [".ts", ".js"], conditionNames: ["import", "node", "types", "default"], exportsFields: ["exports"] },
  );
  if (typeof output === "string") throw new TypeError("dependency-cruiser gave a text instead of its result");
  const modules = output.modules
    .map(({ source }) => source)
    .filter((source) => folders.some((folder) => source.startsWith(`${folder}/`)));
  return { modules, violations: output.summary.violations };
}

/** Modules in folders that the table of rules does not know, for which it therefore says nothing. */
function strangers(modules: readonly string[]): string[] {
  const strange = modules.filter((path) => /^src\/[^/]+\//.test(path) && !FOLDERS.includes(path.split("/")[1] ?? ""));
  return strange.map((path) => `known-folders: ${path} (src has these folders and no other: ${FOLDERS.join(", ")})`);
}

function describe(violation: IViolation): string {
  const rule = layerRules().find(({ name }) => name === violation.rule.name);
  const way = violation.cycle === undefined ? [violation.to] : violation.cycle.map(({ name }) => name);
  return `${violation.rule.name}: ${[violation.from, ...way].join(" → ")} (${rule?.comment ?? ""})`;
}

if (import.meta.main) {
  const report = await examineLayers(process.cwd());
  for (const problem of report.problems) console.error(problem);
  console.log(`layers: ${report.modules} modules, ${report.problems.length} problems`);
  if (report.problems.length > 0) process.exitCode = 1;
}
