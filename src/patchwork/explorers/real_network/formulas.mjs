// What a network's reduced features and heads come to. Pure functions, held equal to Python's by tests.

import { softmaxRow } from "../common/formulas.mjs";

// The numbers of reduction.pack, row by row: columns follow each other, each in whole steps of its own few bits.
export function unpacked({ step, bits, data }, rows) {
  const bytes = Uint8Array.from(atob(data), (character) => character.charCodeAt(0)),
    values = new Float64Array(rows * bits.length);
  let at = 0;
  bits.forEach((wide, column) => {
    for (let row = 0; row < rows && wide; row++, at += wide) {
      const byte = at >> 3,
        three = (bytes[byte] << 16) | (bytes[byte + 1] << 8) | bytes[byte + 2],
        level = (three >> (24 - wide - (at & 7))) & (2 ** wide - 1);
      values[row * bits.length + column] = (level - 2 ** (wide - 1)) * step;
    }
  });
  return { values, columns: bits.length };
}

function products(one, other, patch) {
  const { columns } = one,
    from = patch * columns;
  return Float64Array.from({ length: other.values.length / columns }, (_, place) => {
    let sum = 0;
    for (let each = 0; each < columns; each++) sum += one.values[from + each] * other.values[place * columns + each];
    return sum;
  });
}

// The cosines of a patch with all, as reduction.restore_features has them, rounded too; 1 with itself.
export function cosineRow(factors, patch) {
  const row = products(factors, factors, patch).map((each) => Math.round(each * 1e9) / 1e9);
  row[patch] = 1;
  return row;
}

// A row of reduction.restore_head: the softmax of an offset's share, a key's share, and a product.
export function attentionRow({ offsets, keys, left, right }, [rows, columns], patch) {
  const wide = 2 * columns - 1,
    row = Math.floor(patch / columns),
    column = patch % columns;
  const logits = products(left, right, patch).map((product, place) => {
    const down = Math.floor(place / columns) - row + rows - 1,
      across = (place % columns) - column + columns - 1;
    return product + offsets.values[down * wide + across] + keys.values[place];
  });
  return softmaxRow(logits);
}

// How far patches are from one, in patches.
export const distancesFrom = (patch, [rows, columns]) =>
  Float64Array.from({ length: rows * columns }, (_, place) =>
    Math.hypot(Math.floor(place / columns) - Math.floor(patch / columns), (place % columns) - (patch % columns)),
  );

export const weightedMean = (values, weights) => values.reduce((sum, value, place) => sum + value * weights[place], 0);

// The mean distance of the patches most alike, the own one left out; of equals the first.
export function nearestMean(row, distances, patch, number) {
  const order = Array.from(row, (_, place) => place)
    .filter((place) => place !== patch)
    .sort((one, other) => row[other] - row[one] || one - other);
  return order.slice(0, number).reduce((sum, place) => sum + distances[place], 0) / number;
}

// relations.same_region_auc of one row, its own patch left out; null where one of the two classes is missing.
export function rowAuc(row, labels, patch) {
  const inside = [],
    outside = [];
  row.forEach((value, place) => {
    if (place !== patch) (labels[place] === labels[patch] ? inside : outside).push(value);
  });
  if (!inside.length || !outside.length) return null;
  outside.sort((one, other) => one - other);
  const below = (value, strict) => {
    let low = 0,
      high = outside.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (strict ? outside[middle] < value : outside[middle] <= value) low = middle + 1;
      else high = middle;
    }
    return low;
  };
  const won = inside.reduce((sum, value) => sum + (below(value, true) + below(value, false)) / 2, 0);
  return won / inside.length / outside.length;
}
