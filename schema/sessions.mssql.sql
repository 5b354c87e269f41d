-- The table of sessions for SQL Server 2016 and later. hitless/session runs this itself where the table is missing; run it once if its login may not create tables.
SET XACT_ABORT ON;
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
COMMIT TRANSACTION;
