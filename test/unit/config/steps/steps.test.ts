import { beforeAll, expect, test } from "vitest";
import { loadSqlLanguage } from "../../../../src/adapters/postgres/language.ts";
import { STEPS_DIRECTORY } from "../../../../src/core/preparation/step-definition.ts";
import { readSteps } from "../../../../src/config/steps/steps.ts";
import type { SqlLanguage } from "../../../../src/database/language.ts";

let language: SqlLanguage;
beforeAll(async () => {
  language = await loadSqlLanguage();
});

const file = (name: string, text: string) => ({ path: `${STEPS_DIRECTORY}/${name}`, text, sha256: `of ${name}` });
const read = (...files: readonly [string, string][]) =>
  readSteps(
    files.map((one) => file(...one)),
    { hasDatabase: true, language },
  );

test("each kind of step is read, with what it says about itself", () => {
  const { steps, problems } = read(
    [
      "0002-names.yaml",
      'update: { table: users, set: "name = trim(name)", where: "name <> trim(name)" }\nneeds: [0001-index]\nthrottle: 50%\n',
    ],
    [
      "0001-index.sql",
      "-- what for\n-- hitless: transaction = false\n-- hitless: required = false\nCREATE INDEX CONCURRENTLY i ON users (name);",
    ],
    ["0003-sync.ts", "// hitless: window = 01:00–05:00 Europe/Vienna\n// hitless: maxTime = 2h\nexport async function run() {}"],
    ["0004-tool.sh", "#!/bin/sh\n# hitless: needs = 0001-index, expand\n# hitless: maxLoad = 0.8\necho hello"],
    ["0005-call.yaml", "http: { url: https://search.example/reindex }"],
    ["0006-wait.yaml", "wait: { approval: The marketing department agrees }\nrequired: false"],
    ["0007-night.yaml", "wait: { until: 2026-12-01T03:00:00+01:00 }"],
    ["0008-empty.yaml", "wait: { query: SELECT NOT EXISTS (SELECT FROM jobs) }"],
    ["0009-run.yaml", "command: [node, tool.js]\nundo: node tool.js --back"],
  );
  expect(problems).toEqual([]);
  expect(steps.map(({ name, work }) => `${name} ${work.kind}`)).toEqual([
    "0001-index sql",
    "0002-names update",
    "0003-sync function",
    "0004-tool command",
    "0005-call http",
    "0006-wait wait",
    "0007-night wait",
    "0008-empty wait",
    "0009-run command",
  ]);
  expect(steps[0]).toMatchObject({ required: false, work: { alone: true }, digest: "of 0001-index.sql" });
  expect(steps[1]).toMatchObject({ needs: ["0001-index"], throttle: 50, required: true });
  expect(steps[2]).toMatchObject({ window: { spec: { from: 60, to: 300, timeZone: "Europe/Vienna" } }, maxTimeMs: 7_200_000 });
  expect(steps[3]).toMatchObject({ needs: ["0001-index", "expand"], maxLoad: 0.8 });
  expect(steps[6]).toMatchObject({ work: { until: { at: Date.UTC(2026, 11, 1, 2) } } });
});

test("every problem of every file is told at once, with its line", () => {
  const { problems } = read(
    ["0001-a.yaml", '\nupdate:\n  table: users\n  set: ""\nwindow: 25:00-26:00 Vienna\nwhen: never\n'],
    ["0002-b.sql", "-- hitless: required = maybe\n-- hitless: nonsense\n-- hitless: required = true\nSELECT 1;"],
    ["0003-c.sh", "# hitless: needs = 0009-gone\ntrue"],
    ["0004-d.yaml", "wait: { every: 1s }"],
    ["0005-e.yaml", "update: [\n"],
    ["0006-f.sql", "-- nothing\n"],
    ["readme.md", "hello"],
    ["0007-g.yaml", "command: a\nneeds: [0008-h]"],
    ["0008-h.yaml", "command: a\nneeds: [0007-g]"],
  );
  const said = problems.map((text) => text.replace("deploy/steps/", ""));
  expect(said).toEqual([
    expect.stringMatching(/^0001-a\.yaml:3: update\.where: is missing/),
    expect.stringMatching(/^0001-a\.yaml:4: update\.set: found "", expected what is set/),
    expect.stringMatching(/^0001-a\.yaml:5: window: found "25:00-26:00 Vienna", expected a window such as/),
    expect.stringMatching(/^0001-a\.yaml:6: when: there is no such key here/),
    expect.stringMatching(/^0002-b\.sql:1: required: found "maybe", expected true or false/),
    expect.stringMatching(/^0002-b\.sql:2: not understood: "nonsense"/),
    expect.stringMatching(/^0002-b\.sql:3: required is said twice/),
    expect.stringMatching(/^0004-d\.yaml:1: wait: found .*, expected one of query, until, approval/),
    expect.stringMatching(/^0005-e\.yaml:2: /),
    expect.stringMatching(/^0006-f\.sql:1:1: there is no statement in it/),
    expect.stringMatching(/^readme\.md:1: expected a name such as 0001-emails\.sql/),
    expect.stringMatching(/^0003-c\.sh:1: needs 0009-gone, which is no step here/),
    expect.stringMatching(/^0007-g\.yaml:1: needs itself/),
    expect.stringMatching(/^0008-h\.yaml:1: needs itself/),
  ]);
});

test("without a database in the configuration, what needs one is a problem; two files of one name are too", () => {
  const { problems } = readSteps(
    [file("0001-a.sql", "SELECT 1"), file("0001-a.sh", "true"), file("0002-b.yaml", "wait: { query: SELECT true }")],
    { hasDatabase: false, language: null },
  );
  expect(problems).toEqual([
    "deploy/steps/0001-a.sh:1: another file has the name 0001-a too",
    "deploy/steps/0001-a.sql:1: needs a database, and the configuration names none (`database`)",
    "deploy/steps/0002-b.yaml:1: needs a database, and the configuration names none (`database`)",
  ]);
});

test("SQL that PostgreSQL would not read is told with its line and column, in every file and at once", () => {
  const { problems, steps } = read(
    ["0001-a.sql", "-- what for\nSELECT 1;\nUPDATE users SET name = 'ä' WHER id = 1;"],
    ["0002-b.yaml", 'update:\n  table: users\n  set: "name = trim(name"\n  where: name <> trim(name))\n'],
    ["0003-c.yaml", "batches:\n  table: orders\n  query: |\n    INSERT INTO sums\n    SELECT id FORM orders WHERE {range}\n"],
    ["0004-d.yaml", "wait: { query: 'SELECT ''a'' = ANY (b FROM jobs' }"],
    ["0005-e.yaml", "update:\n  table: users\n  set: name = 1\n  when: never\n  where: name <\n"],
    ["0006-f.sql", "-- hitless: required = maybe\nSELEC 1"],
  );
  expect(steps).toEqual([]);
  expect(problems.map((text) => text.replace("deploy/steps/", ""))).toEqual([
    '0001-a.sql:3:29: syntax error at or near "WHER"',
    "0002-b.yaml:3:24: syntax error at the end of it",
    "0002-b.yaml:4:28: syntax error at the end of it",
    '0003-c.yaml:5:20: syntax error at or near "orders"',
    '0004-d.yaml:1:39: syntax error at or near "FROM"',
    expect.stringMatching(/^0005-e\.yaml:4: update\.when: there is no such key here/),
    "0005-e.yaml:5:15: syntax error at the end of it",
    expect.stringMatching(/^0006-f\.sql:1: required: found "maybe"/),
    '0006-f.sql:2:1: syntax error at or near "SELEC"',
  ]);
});

test("SQL that would not do what its step is for is told: hidden ranges, a second statement, transactions where none can be", () => {
  const { problems } = read(
    ["0001-a.yaml", "update: { table: users, set: 'name = 1 -- all', where: 'true' }"],
    ["0002-b.yaml", "update: { table: users, set: 'name = 1 WHERE true; UPDATE users SET name = 2', where: 'a) OR (b' }"],
    ["0003-c.yaml", "batches: { table: users, query: 'DELETE FROM a WHERE {range}; DELETE FROM b WHERE {range}' }"],
    ["0004-d.sql", "BEGIN;\nSELECT 1;\nSAVEPOINT one;\n commit;"],
    [
      "0005-e.sql",
      "SELECT 1;\nCREATE INDEX CONCURRENTLY ON users (name);\nREINDEX TABLE CONCURRENTLY users; VACUUM users; ANALYZE users;",
    ],
    ["0006-f.sql", "-- hitless: transaction = false\nVACUUM users;\nVACUUM orders;"],
    ["0007-g.sql", "/* nothing */"],
    ["0008-h.sql", "CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS $$ BEGIN RETURN 1; END $$;\nDROP INDEX i;"],
    ["0009-i.yaml", "update: { table: users, set: '(a, b) = (SELECT x, y FROM c)', where: \"a = 'it''s' OR b\" }"],
  );
  expect(problems.map((text) => text.replace("deploy/steps/", ""))).toEqual([
    expect.stringMatching(/^0001-a\.yaml:1:31: expected what is set and nothing else/),
    expect.stringMatching(/^0002-b\.yaml:1:31: expected what is set and nothing else/),
    expect.stringMatching(/^0002-b\.yaml:1:88: expected one condition/),
    expect.stringMatching(/^0003-c\.yaml:1:63: a second statement: expected one/),
    expect.stringMatching(/^0004-d\.sql:1:1: BEGIN: the step is a transaction by itself/),
    expect.stringMatching(/^0004-d\.sql:4:2: COMMIT: the step is a transaction by itself/),
    expect.stringMatching(/^0005-e\.sql:2:1: CREATE … CONCURRENTLY cannot be in a transaction/),
    expect.stringMatching(/^0005-e\.sql:3:1: REINDEX … CONCURRENTLY cannot be in a transaction/),
    expect.stringMatching(/^0005-e\.sql:3:35: VACUUM cannot be in a transaction/),
    expect.stringMatching(/^0006-f\.sql:3:1: a second statement: with `transaction = false`/),
    "0007-g.sql:1:1: there is no statement in it",
  ]);
});

test("a head is read whatever the ends of its lines are", () => {
  const { steps, problems } = read([
    "0001-index.sql",
    "-- what for\r\n-- hitless: window = 01:00-05:00 UTC\r\n\r\n-- hitless: required = false\r\nSELECT 1;\r\n",
  ]);
  expect(problems).toEqual([]);
  expect(steps).toMatchObject([{ required: false, window: { text: "01:00-05:00 UTC" } }]);
});
