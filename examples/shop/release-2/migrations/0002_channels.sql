ALTER TABLE orders RENAME COLUMN instance TO served_by;
ALTER TABLE orders ALTER COLUMN cents TYPE bigint;
ALTER TABLE orders DROP COLUMN gift;
-- hitless: up orders.channel = 'web'
ALTER TABLE orders ADD COLUMN channel text NOT NULL;
