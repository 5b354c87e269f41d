/** Deleted at a time: few enough that SQL Server does not lock the whole table for it. */
export const DELETE_ROWS = 1_000;

/** `@ttl`: bigint, ms. DATEADD counts in int, which milliseconds would exceed after 24 days. */
const EXPIRES_AT = "DATEADD(millisecond, @ttl % 1000, DATEADD(second, @ttl / 1000, SYSUTCDATETIME()))";

/**
 * All that is ever asked of SQL Server: for 2016 and later, with compatibility level 130 or higher. Ids are compared byte by byte, as most databases would take `a` and `A` for
 * the same session.
 */
export const SQL = {
  present:
    "SELECT CASE WHEN OBJECT_ID(N'hitless_sessions', N'U') IS NULL THEN CAST(0 AS float) ELSE CAST(1 AS float) END AS present",
  // The lock: several instances must not create the table at the same moment.
  create: `SET XACT_ABORT ON;
BEGIN TRANSACTION;
DECLARE @locked int;
EXEC @locked = sp_getapplock @Resource = N'hitless_sessions', @LockMode = N'Exclusive', @LockOwner = N'Transaction', @LockTimeout = 10000;
IF @locked < 0 THROW 51000, N'Somebody else has been creating the table hitless_sessions for 10 s.', 1;
IF OBJECT_ID(N'hitless_sessions', N'U') IS NULL
  CREATE TABLE hitless_sessions (
    id nvarchar(450) COLLATE Latin1_General_100_BIN2 NOT NULL CONSTRAINT hitless_sessions_pk PRIMARY KEY,
    data nvarchar(max) NOT NULL,
    expires_at datetime2(3) NOT NULL,
    INDEX hitless_sessions_expires_at (expires_at)
  );
COMMIT TRANSACTION;`,
  get: "SELECT data FROM hitless_sessions WHERE id = @id AND expires_at > SYSUTCDATETIME()",
  // UPDLOCK and HOLDLOCK keep the id, or the gap where it would be, from everybody else until the end: of two that write a new session one waits, and none fails.
  set: `SET XACT_ABORT ON;
BEGIN TRANSACTION;
UPDATE hitless_sessions WITH (UPDLOCK, HOLDLOCK) SET data = @data, expires_at = ${EXPIRES_AT} WHERE id = @id;
IF @@ROWCOUNT = 0 INSERT INTO hitless_sessions (id, data, expires_at) VALUES (@id, @data, ${EXPIRES_AT});
COMMIT TRANSACTION;`,
  // One that has expired and was not swept yet is not there.
  add: `SET XACT_ABORT ON;
BEGIN TRANSACTION;
DELETE FROM hitless_sessions WITH (UPDLOCK, HOLDLOCK) WHERE id = @id AND expires_at <= SYSUTCDATETIME();
IF NOT EXISTS (SELECT 1 FROM hitless_sessions WITH (UPDLOCK, HOLDLOCK) WHERE id = @id)
  INSERT INTO hitless_sessions (id, data, expires_at) VALUES (@id, @data, ${EXPIRES_AT});
COMMIT TRANSACTION;`,
  touch: `UPDATE hitless_sessions SET expires_at = ${EXPIRES_AT} WHERE id = @id AND expires_at > SYSUTCDATETIME()`,
  remove: "DELETE FROM hitless_sessions WHERE id = @id",
  ids: "SELECT id FROM hitless_sessions WHERE id LIKE @pattern ESCAPE N'\\' AND expires_at > SYSUTCDATETIME()",
  // The column of OPENJSON has a collation of its own.
  read: `SELECT id, data, CAST(DATEDIFF_BIG(millisecond, SYSUTCDATETIME(), expires_at) AS float) AS ttl FROM hitless_sessions
WHERE id IN (SELECT value COLLATE Latin1_General_100_BIN2 FROM OPENJSON(@ids)) AND expires_at > SYSUTCDATETIME()`,
  // Long values are counted under another id than rows are.
  size: `SELECT SUM(CAST(units.total_pages AS float)) * 8192 AS bytes
FROM sys.partitions AS parts JOIN sys.allocation_units AS units ON units.container_id IN (parts.hobt_id, parts.partition_id)
WHERE parts.object_id = OBJECT_ID(N'hitless_sessions', N'U')`,
  clear: `DELETE TOP (${DELETE_ROWS}) FROM hitless_sessions WHERE id LIKE @pattern ESCAPE N'\\'`,
  // READPAST: what somebody is using is left for the next time.
  sweep: `DELETE TOP (${DELETE_ROWS}) FROM hitless_sessions WITH (READPAST) WHERE expires_at <= SYSUTCDATETIME()`,
} as const;
