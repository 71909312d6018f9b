// What follows from a scene and the settings: each model's answers, and what they come to. Pure functions.

import { dotProducts, entropy, meanRow, regionMass, softmaxRow } from "../common/formulas.mjs";
import limits from "./limits.json" with { type: "json" };

const { room: ROOM } = limits; // full color takes so many times the uniform weight, and the largest at most so many

export function lookAt(scene, { model, block, head, query, temperature }) {
  const { tokens, dim, models } = scene,
    scale = 1 / (temperature * Math.sqrt(dim)),
    same = sameRegion(scene, query),
    names = model === null ? Object.keys(models) : [model];
  const columns = names.map((name) => ({ name, ...answersTo(scene, models[name], { block, head, query, scale }) }));
  const most = (counts) => Math.max(ROOM / tokens, ...columns.map(({ weights }) => largestOf(weights, counts)));
  const largest = { same: most((token) => same?.[token] ?? true), others: same && most((token) => !same[token]) },
    top = Math.max(ROOM / tokens, ...columns.map((column) => column.largest / ROOM));
  return { scene, names, columns, top, largest, same, tokens, dim, block, head, query, temperature, scale };
}

const largestOf = (weights, counts) =>
  weights.reduce((most, weight, token) => (counts(token) ? Math.max(most, weight) : most), 0);

// Which tokens are patches of the query's region; null where there is none.
function sameRegion({ labels, prefix, tokens }, query) {
  if (!labels || query < prefix) return null;
  const own = labels[query - prefix];
  return Array.from({ length: tokens }, (_, token) => token >= prefix && labels[token - prefix] === own);
}

// One model's weights, their order from the largest, and what they come to; products and rows are those of each head.
function answersTo({ tokens, dim, prefix, labels }, { queries, keys }, { block, head, query, scale }) {
  const heads = head === null ? queries[block].map((_, each) => each) : [head];
  const products = heads.map((each) => {
    const own = queries[block][each].values.subarray(query * dim, (query + 1) * dim);
    return dotProducts(own, keys[block][each].values);
  });
  const rows = products.map((row) => softmaxRow(row.map((product) => product * scale))),
    weights = meanRow(rows);
  const order = Array.from({ length: tokens }, (_, token) => token).sort((one, other) => weights[other] - weights[one]);
  const region = labels && query >= prefix ? regionMass(weights.subarray(prefix), labels, query - prefix) : null;
  return { products, rows, weights, order, region, entropy: entropy(weights), largest: weights[order[0]] };
}
