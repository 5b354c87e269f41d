const price = (cents) => `${(cents / 100).toFixed(2)} €`;

export function page({ products, release, instance }) {
  const rows = products.map(
    ({ name, title, cents }) =>
      `<li><span>${title}</span><b>${price(cents)}</b><button data-product="${name}">Order</button></li>`,
  );
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>The corner shop</title>
<style>
  body { font: 17px/1.5 system-ui, sans-serif; max-width: 34rem; margin: 3rem auto; padding: 0 1rem; color: #26323a; background: #f6f3ec; }
  h1 { font-size: 2rem; }
  ul { list-style: none; padding: 0; }
  li { display: flex; gap: 1rem; align-items: center; padding: .7rem 0; border-bottom: 1px solid #d9d2c3; }
  li span { flex: 1; }
  button { font: inherit; padding: .2rem .9rem; border: 0; border-radius: .4rem; color: #fff; background: #2f6f64; cursor: pointer; }
  footer { margin-top: 2rem; font-size: .85rem; color: #7a7466; }
</style>
<h1>The corner shop</h1>
<ul>
${rows.join("\n")}
</ul>
<p id="said" role="status"></p>
<footer>release ${release}, served by ${instance}</footer>
<script type="module">
  const said = document.querySelector("#said");
  for (const button of document.querySelectorAll("button")) {
    button.onclick = async () => {
      const order = { id: String(crypto.getRandomValues(new Uint32Array(2)).join("-")), product: button.dataset.product, quantity: 1 };
      const answer = await fetch("/api/orders", { method: "POST", body: JSON.stringify(order) });
      said.textContent = answer.ok ? "Ordered: " + order.product : "That did not work";
    };
  }
</script>
</html>
`;
}
