export const PRODUCTS = [
  { name: "tea", title: "Tea, loose, 100 g", cents: 490 },
  { name: "coffee", title: "Coffee, whole beans, 250 g", cents: 890 },
  { name: "honey", title: "Honey from the next village", cents: 650 },
];
