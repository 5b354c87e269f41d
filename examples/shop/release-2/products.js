export const PRODUCTS = [
  { name: "tea", title: "Tea, loose, 100 g", cents: 450, was: 490 },
  { name: "coffee", title: "Coffee, whole beans, 250 g", cents: 790, was: 890 },
  { name: "honey", title: "Honey from the next village", cents: 650 },
  { name: "jam", title: "Plum jam, the autumn's first", cents: 420 },
];
