-- One row for each time an order is carried out: a request that was executed twice can be seen.
CREATE TABLE orders (
  entry bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  id text NOT NULL,
  product text NOT NULL,
  quantity integer NOT NULL,
  cents integer NOT NULL,
  gift boolean NOT NULL DEFAULT false,
  instance text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX orders_id ON orders (id);
-- Sessions, pictures and baskets.
CREATE TABLE kept (
  shelf text NOT NULL,
  key text NOT NULL,
  value text NOT NULL,
  PRIMARY KEY (shelf, key)
);
