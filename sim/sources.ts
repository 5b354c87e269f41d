import { loadSqlLanguage } from "../src/adapters/postgres/language.ts";
import { nameNumber } from "../src/base/names.ts";
import type { Catalog, Column } from "../src/database/catalog.ts";
import type { SqlSources } from "../src/ports/sources.ts";

/** Loaded before anything is simulated: in there nothing but the simulated clock may be waited for. */
const language = await loadSqlLanguage();

/** Every release brings a migration of its own: a column gets another name, beside the old one until the contract. */
export const simSources: SqlSources = {
  read: (directory) => {
    const number = nameNumber(directory.split("/").at(-2) ?? "") ?? 0;
    const text = `ALTER TABLE items RENAME COLUMN c${String(number)} TO d${String(number)};`;
    return Promise.resolve([{ path: `V${String(number)}__rename.sql`, text, sha256: text }]);
  },
  language: () => Promise.resolve(language),
};

const COLUMNS = 30;

const column = (name: string): Column => ({
  name,
  type: "integer",
  notNull: name === "id",
  default: null,
  identity: null,
  generated: null,
  collation: null,
  nullFraction: null,
});

/** As much of a catalog as those migrations need. */
export const SIM_CATALOG: Catalog = {
  version: 150_000,
  timeZone: "UTC",
  maintenanceWorkMemKb: 65_536,
  schema: "public",
  path: ["public"],
  views: [],
  routines: [],
  types: [],
  sequences: [],
  parts: [],
  tables: [
    {
      schema: "public",
      name: "items",
      kind: "table",
      columns: ["id", ...Array.from({ length: COLUMNS }, (_, number) => `c${String(number)}`)].map(column),
      constraints: [
        {
          name: "items_pkey",
          kind: "primary",
          columns: ["id"],
          definition: "PRIMARY KEY (id)",
          validated: true,
          references: null,
        },
      ],
      indexes: [],
      triggers: [],
      rows: 1_000,
      pages: 10,
      rowSecurity: false,
      policies: 0,
      partitionOf: null,
      partitionKey: null,
    },
  ],
};
