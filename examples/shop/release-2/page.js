const price = (cents) => `${(cents / 100).toFixed(2)} €`;

export function page({ products, release, instance }) {
  const rows = products.map(
    ({ name, title, cents, was }) =>
      `<li data-title="${title.toLowerCase()}"><span>${title}</span>${was ? `<s>${price(was)}</s>` : ""}<b>${price(cents)}</b>` +
      `<input type="number" min="1" max="100" value="1" aria-label="How many"><button data-product="${name}">Order</button></li>`,
  );
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>The corner shop: autumn sale</title>
<style>
  body { font: 17px/1.5 system-ui, sans-serif; max-width: 38rem; margin: 3rem auto; padding: 0 1rem; color: #33261c; background: #fbf0e2; }
  h1 { font-size: 2rem; color: #b4531d; }
  ul { list-style: none; padding: 0; }
  li { display: flex; gap: 1rem; align-items: center; padding: .7rem 0; border-bottom: 1px solid #e6cfb4; }
  li span { flex: 1; }
  s { color: #a08b75; }
  li[hidden] { display: none; }
  input { font: inherit; width: 4rem; }
  input[type="search"] { width: 100%; box-sizing: border-box; padding: .4rem .7rem; }
  button { font: inherit; padding: .2rem .9rem; border: 0; border-radius: .4rem; color: #fff; background: #b4531d; cursor: pointer; }
  footer { margin-top: 2rem; font-size: .85rem; color: #8a7763; }
</style>
<h1>The corner shop: autumn sale</h1>
<input type="search" placeholder="Search the shop" aria-label="Search the shop">
<ul>
${rows.join("\n")}
</ul>
<p id="said" role="status"></p>
<footer>release ${release}, served by ${instance}</footer>
<script type="module">
  const said = document.querySelector("#said");
  for (const item of document.querySelectorAll("li")) {
    const button = item.querySelector("button");
    button.onclick = async () => {
      const id = String(crypto.getRandomValues(new Uint32Array(2)).join("-"));
      const order = { id, product: button.dataset.product, quantity: item.querySelector("input").valueAsNumber };
      const answer = await fetch("/api/orders", { method: "POST", body: JSON.stringify(order) });
      said.textContent = answer.ok ? "Ordered: " + order.quantity + " × " + order.product : "That did not work";
    };
  }
  document.querySelector("[type=search]").oninput = (event) => {
    const wanted = event.target.value.toLowerCase();
    for (const item of document.querySelectorAll("li")) item.hidden = !item.dataset.title.includes(wanted);
  };
</script>
</html>
`;
}
