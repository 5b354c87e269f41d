CREATE FUNCTION create_order(order_id text, product text, quantity integer, cents integer, instance text) RETURNS bigint
LANGUAGE sql AS $$
  INSERT INTO orders (id, product, quantity, cents, gift, instance)
  VALUES (order_id, create_order.product, create_order.quantity, create_order.cents, create_order.quantity > 5, create_order.instance)
  RETURNING entry
$$;
