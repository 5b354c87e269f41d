import type { IForbiddenRuleType } from "dependency-cruiser";

/** The house: which other folders of `src` a folder may import. A folder that is not named here may not exist. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  base: [],
  platform: [],
  core: ["base"],
  database: ["base"],
  ports: ["base", "core", "database"],
  config: ["base", "core", "database", "api"],
  api: ["base", "core"],
  proxy: ["base", "platform", "core", "api"],
  sessions: ["base"],
  engine: ["base", "core", "database", "ports"],
  adapters: ["base", "platform", "core", "database", "ports", "api"],
  server: ["base", "core", "api", "engine", "ports"],
  cli: ["base", "platform", "core", "api", "config"],
  app: [
    "base",
    "platform",
    "core",
    "database",
    "ports",
    "config",
    "api",
    "proxy",
    "sessions",
    "engine",
    "adapters",
    "server",
    "cli",
  ],
};

/** Of these, only types may be imported: [from, to]. */
const TYPES_ONLY: readonly (readonly [string, string])[] = [
  ["cli", "core"],
  ["ports", "database"],
];

/** The words of the product as values: lists such as the strategies and the columns of the ledger. */
const WORDS = "^src/core/(app-spec|ledger)\\.ts$";

/** Arithmetic alone: a pure folder may import it. */
const PURE_PACKAGES = "(^|/)node_modules/croner/";

/** Folders of decisions and contracts: nothing of the platform, and of npm only what is pure as well. */
const PURE = ["base", "core", "database", "ports"];

/** Every folder of `src` that may exist. */
export const FOLDERS: readonly string[] = Object.keys(MAY_IMPORT);

const NPM = ["npm", "npm-dev", "npm-optional", "npm-peer", "npm-bundled", "npm-no-pkg", "npm-unknown"] as const;

export function layerRules(): IForbiddenRuleType[] {
  return [...Object.entries(MAY_IMPORT).map(folderRule), ...TYPES_ONLY.map(typesOnlyRule), ...platformRules(), ...treeRules()];
}

function folderRule([folder, others]: readonly [string, readonly string[]]): IForbiddenRuleType {
  const allowed = [folder, ...others].join("|");
  return {
    name: `${folder}-imports`,
    comment: `src/${folder} may import ${others.length === 0 ? "nothing" : others.join(", ")}`,
    severity: "error",
    from: { path: `^src/${folder}/` },
    to: { path: "^src/", pathNot: `^src/(${allowed})/` },
  };
}

function typesOnlyRule([from, to]: readonly [string, string]): IForbiddenRuleType {
  return {
    name: `${from}-imports-only-types-of-${to}`,
    comment: `src/${from} may import only types of ${to} (and the lists in core/app-spec.ts and core/ledger.ts)`,
    severity: "error",
    from: { path: `^src/${from}/` },
    to: { path: `^src/${to}/`, pathNot: WORDS, dependencyTypesNot: ["type-only"] },
  };
}

function platformRules(): IForbiddenRuleType[] {
  return [
    {
      name: "pure-folders-have-no-platform",
      comment: `${PURE.join(", ")} import neither node:* nor packages that are not pure`,
      severity: "error",
      from: { path: `^src/(${PURE.join("|")})/` },
      to: { dependencyTypes: ["core", ...NPM], pathNot: PURE_PACKAGES },
    },
    {
      name: "api-only-zod",
      comment: "of all packages, src/api may import zod",
      severity: "error",
      from: { path: "^src/api/" },
      to: { dependencyTypes: [...NPM], pathNot: "(^|/)node_modules/zod/" },
    },
    {
      name: "api-platform-only-in-transport",
      comment: "only src/api/transport may import node:*",
      severity: "error",
      from: { path: "^src/api/", pathNot: "^src/api/transport/" },
      to: { dependencyTypes: ["core"] },
    },
  ];
}

function treeRules(): IForbiddenRuleType[] {
  return [
    {
      name: "only-app-imports-adapters",
      comment: "src/app is the only place that knows which adapter stands behind a port",
      severity: "error",
      from: { path: "^src/", pathNot: "^src/(app|adapters)/" },
      to: { path: "^src/adapters/" },
    },
    {
      name: "adapters-stand-apart",
      comment: "adapters/<vendor> never import one another",
      severity: "error",
      from: { path: "^src/adapters/([^/]+)/" },
      to: { path: "^src/adapters/", pathNot: "^src/adapters/$1/" },
    },
    {
      name: "src-stands-alone",
      comment: "src imports nothing of test, sim, bench, scripts or examples",
      severity: "error",
      from: { path: "^src/" },
      to: { path: "^(test|sim|bench|scripts|examples)/" },
    },
    {
      name: "sim-imports",
      comment: "sim may import base, core, database, ports, engine, the memory adapters and the SQL grammar",
      severity: "error",
      from: { path: "^sim/" },
      to: {
        path: "^src/",
        pathNot: "^src/(base|core|database|ports|engine|adapters/memory)/|^src/adapters/postgres/language.ts$",
      },
    },
    { name: "no-circle", comment: "no imports in a circle", severity: "error", from: {}, to: { circular: true } },
    {
      name: "resolvable",
      comment: "every import exists and is in package.json",
      severity: "error",
      from: {},
      to: { couldNotResolve: true },
    },
  ];
}
