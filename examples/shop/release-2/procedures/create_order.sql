CREATE FUNCTION create_order(order_id text, product text, quantity integer, cents bigint, served_by text, channel text)
RETURNS TABLE (entry bigint, total bigint)
LANGUAGE sql AS $$
  INSERT INTO orders (id, product, quantity, cents, served_by, channel)
  VALUES (order_id, create_order.product, create_order.quantity, create_order.cents, create_order.served_by, create_order.channel)
  RETURNING orders.entry, orders.cents
$$;
