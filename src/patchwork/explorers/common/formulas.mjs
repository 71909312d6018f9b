// Formulas that also stand in the Python library. Pure functions, held equal to it by tests on random input.

export const divides = (part, whole) => part > 0 && whole % part === 0;

// (rows, columns) of the patches of size P taken every `stride` pixels, as patches.extract_patches lays them out.
export function patchGrid(height, width, patchSize, stride = patchSize) {
  const fits = (length) => patchSize <= length && divides(stride, length - patchSize);
  if (patchSize < 1 || stride < 1 || !fits(height) || !fits(width)) {
    throw new RangeError(`patches of ${patchSize} every ${stride} pixels don't tile an image of ${height} × ${width}`);
  }
  return [(height - patchSize) / stride + 1, (width - patchSize) / stride + 1];
}

// Top left pixel of patch `index`: rows of the grid first.
export function patchCorner(index, [, columns], stride) {
  return [Math.floor(index / columns) * stride, (index % columns) * stride];
}

// A permutation of 0 … count − 1 that is the same everywhere: Fisher and Yates' shuffle on a 32-bit congruential
// generator.
export function shuffledOrder(count, seed = 1) {
  const order = Array.from({ length: count }, (_, index) => index);
  let state = seed >>> 0;
  for (let last = count - 1; last > 0; last--) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const other = Math.floor((state / 2 ** 32) * (last + 1));
    [order[last], order[other]] = [order[other], order[last]];
  }
  return order;
}

// The numbers of encoding.encode_array: levels of `bits` bits, one after the other.
export function decodeArray({ shape, bits, low, high, data }) {
  const bytes = Uint8Array.from(atob(data), (character) => character.charCodeAt(0)),
    most = 2 ** bits - 1;
  const count = shape.reduce((product, length) => product * length, 1),
    values = new Float32Array(count);
  for (let index = 0, bit = 0; index < count; index++, bit += bits) {
    const byte = bit >> 3,
      three = (bytes[byte] << 16) | (bytes[byte + 1] << 8) | bytes[byte + 2];
    values[index] = low + (((three >> (24 - bits - (bit & 7))) & most) / most) * (high - low);
  }
  return { shape, values };
}

// q·k of one query (d numbers) with every key (one after the other, d numbers each).
export function dotProducts(query, keys) {
  const { length: dim } = query,
    products = new Float64Array(keys.length / dim);
  for (let token = 0, index = 0; token < products.length; token++) {
    for (let axis = 0; axis < dim; axis++, index++) products[token] += query[axis] * keys[index];
  }
  return products;
}

// exp(x_j) / Σ exp(x_j); the largest is taken off first, so that nothing overflows.
export function softmaxRow(logits) {
  const largest = logits.reduce((most, each) => Math.max(most, each), -Infinity);
  const powers = Float64Array.from(logits, (each) => Math.exp(each - largest));
  const sum = powers.reduce((total, each) => total + each, 0);
  return powers.map((each) => each / sum);
}

export function meanRow(rows) {
  return rows[0].map((_, column) => rows.reduce((sum, row) => sum + row[column], 0) / rows.length);
}

// −Σ a ln a, in nats; e to this power is over how many answers the row is spread.
export const entropy = (weights) => weights.reduce((sum, each) => sum - (each > 0 ? each * Math.log(each) : 0), 0);

// One row of relations.region_mass, the query's own patch left out: {mass, chance}, or null where the row can't be
// scored.
export function regionMass(weights, labels, query) {
  let mass = 0,
    total = 0,
    same = 0;
  labels.forEach((label, patch) => {
    if (patch === query) return;
    total += weights[patch];
    if (label === labels[query]) {
      same++;
      mass += weights[patch];
    }
  });
  const others = labels.length - 1;
  return total > 0 && same > 0 && same < others ? { mass: mass / total, chance: same / others } : null;
}

// The pairs of neighbors in a grid, those to the right first.
export function neighborPairs([rows, columns]) {
  const places = Array.from({ length: rows * columns }, (_, place) => place);
  return [
    ...places.filter((place) => (place + 1) % columns).map((place) => [place, place + 1]),
    ...places.filter((place) => place + columns < rows * columns).map((place) => [place, place + columns]),
  ];
}
