import type { ConnectionConfiguration } from "tedious";
import { HitlessError } from "../../base/error.ts";

const PORT = 1433;
const CONNECT_MS = 15_000;
const REQUEST_MS = 15_000;
const OPTIONS = ["encrypt", "trustServerCertificate"];

/**
 * `mssql://user:password@host:port/database?encrypt=true&trustServerCertificate=false`, as the client wants it. What a URL must write with % may be written so in each part.
 * @throws ERR_USAGE with all that is wrong
 */
export function mssqlConfiguration(text: string): ConnectionConfiguration {
  const url = new URL(text);
  const flags = [...url.searchParams];
  const database = decodeURIComponent(url.pathname.slice(1));
  const problems = [
    ...(url.hostname === "" ? ["It names no host."] : []),
    ...(url.username === "" ? ["It names no user."] : []),
    ...(database === "" ? ["It names no database."] : []),
    ...flags
      .filter(([name]) => !OPTIONS.includes(name))
      .map(([name]) => `There is no option "${name}"; there are ${OPTIONS.join(" and ")}.`),
    ...flags
      .filter(([name, value]) => OPTIONS.includes(name) && value !== "true" && value !== "false")
      .map(([name]) => `"${name}" is true or false.`),
  ];
  if (problems.length > 0) {
    throw new HitlessError({
      code: "ERR_USAGE",
      what: "The URL of the session store is not one of SQL Server.",
      why: problems.join(" "),
      next: "Write mssql://user:password@host:1433/database.",
    });
  }
  return {
    server: url.hostname.replace(/^\[|\]$/g, ""),
    authentication: {
      type: "default",
      options: { userName: decodeURIComponent(url.username), password: decodeURIComponent(url.password) },
    },
    options: {
      port: url.port === "" ? PORT : Number(url.port),
      database,
      encrypt: url.searchParams.get("encrypt") !== "false",
      trustServerCertificate: url.searchParams.get("trustServerCertificate") === "true",
      appName: "hitless",
      connectTimeout: CONNECT_MS,
      requestTimeout: REQUEST_MS,
      rowCollectionOnRequestCompletion: true,
      useColumnNames: true,
    },
  };
}
