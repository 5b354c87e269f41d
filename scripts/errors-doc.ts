/** `node scripts/errors-doc.ts` writes docs/errors.md from the registry of error codes; a test fails when it is stale. */
import { writeFileSync } from "node:fs";
import { ERROR_CODES, ERROR_KINDS, type ErrorKind } from "../src/base/error-codes.ts";

export const ERRORS_DOC = new URL("../docs/errors.md", import.meta.url);

const KIND_TITLES: Readonly<Record<ErrorKind, string>> = {
  usage: "The command was wrong",
  config: "The configuration or the machine is not ready",
  conflict: "Somebody else is at it",
  unhealthy: "The release does not work",
  unavailable: "Something Hitless needs is not there",
  timeout: "It took too long",
  mixed: "More than one release serves",
  aborted: "It was called off",
  invariant: "A bug in Hitless",
};

export function renderErrorsDoc(): string {
  const kinds = Object.keys(ERROR_KINDS) as ErrorKind[];
  return `${HEAD}\n${kinds.map(renderKind).join("\n")}`;
}

const HEAD = `# Errors

<!-- Written by scripts/errors-doc.ts from src/base/error-codes.ts. Do not edit. -->

Every error has a code, which never changes its meaning, and a kind, which decides the exit code. Match on the code, never on the text.
With \`--json\` the error is an object: \`code\`, \`what\` happened, \`why\`, what to do \`next\`, and \`details\`.
`;

function renderKind(kind: ErrorKind): string {
  const codes = Object.entries(ERROR_CODES).filter(([, error]) => error.kind === kind);
  const rows = codes.map(([code, { meaning }]) => `| \`${code}\` | ${meaning} |\n`);
  return `## ${KIND_TITLES[kind]}: exit code ${ERROR_KINDS[kind].exit}\n\n| code | meaning |\n| --- | --- |\n${rows.join("")}`;
}

if (import.meta.main) writeFileSync(ERRORS_DOC, renderErrorsDoc());
