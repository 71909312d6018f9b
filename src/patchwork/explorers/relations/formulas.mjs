// Five relations of one picture, as explorers/families.py has them, and how good a row of weights is. Pure functions;
// what takes long is a generator, which stops now and then so that the page can answer in between.

import { dotProducts, entropy, regionMass, softmaxRow } from "../common/formulas.mjs";
import { connected, edgeWeights, radiusEdges, squaredDistances, standardized, walkFrom } from "../graphs/formulas.mjs";
import { grayPatches, patchFeature } from "../similarity/formulas.mjs";

export const FAMILIES = ["attention", "windows", "convolution", "similarity", "graph"];
const WINDOW = 4,
  SHIFT = 2,
  LAYERS = 8,
  NARROW = 0.15,
  RADIUS = 3,
  ALIKE = 0.25,
  STEPS = 64,
  SETTLED = 1e13,
  NEAR = 3;

// Numbers of 16 bits, as numpy's float16 writes them, from base64.
export function decodeHalves(base64) {
  const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0)),
    view = new DataView(bytes.buffer);
  return Float64Array.from({ length: bytes.length / 2 }, (_, at) => {
    const bits = view.getUint16(2 * at, true),
      sign = bits >> 15 ? -1 : 1,
      exponent = (bits >> 10) & 31,
      fraction = bits & 1023;
    return sign * (exponent ? (1 + fraction / 1024) * 2 ** (exponent - 15) : fraction * 2 ** -24);
  });
}

// What attention has learned: {projections, mean, deviation} → queries and keys of each head, as functions of a
// spectrum.
export function learnedHeads({ projections, mean, deviation }, heads = 2) {
  const [weights, middle, spread] = [projections, mean, deviation].map(decodeHalves),
    dim = middle.length,
    width = weights.length / (2 * heads * dim);
  const project = (which, head) => (spectrum) => {
    const found = new Float64Array(width),
      start = (which * heads + head) * dim * width;
    for (let axis = 0, at = start; axis < dim; axis++) {
      const value = (spectrum[axis] - middle[axis]) / spread[axis];
      for (let to = 0; to < width; to++, at++) found[to] += value * weights[at];
    }
    return found;
  };
  return Array.from({ length: heads }, (_, head) => ({ query: project(0, head), key: project(1, head), width }));
}

const settled = (number) => Math.round(number * 1e9) / 1e9;

// All that the rows of a picture are made of. `learned` is what learnedHeads gives.
export function* prepare({ gray, size }, patchSize, learned) {
  const grid = size.map((side) => side / patchSize),
    spectra = [];
  for (const patch of grayPatches(gray, size, patchSize)) {
    spectra.push(patchFeature(patch, "spectrum").map(settled));
    if (spectra.length % 16 === 0) yield;
  }
  const count = spectra.length,
    features = yield* standardized(spectra),
    squared = yield* squaredDistances(features);
  yield;
  const median = medianDistance(squared, count) || 1;
  yield;
  const heads = learned.map(({ query, key, width }) => ({
    width,
    queries: spectra.map(query),
    keys: concatenated(spectra.map(key), width),
  }));
  yield;
  const near = radiusEdges(grid, RADIUS),
    lengths = Float64Array.from(near, ([first, second]) => squared[first * count + second]);
  const tied = connected(count, near, edgeWeights(lengths, ALIKE * median)),
    touching = radiusEdges(grid, 1.5);
  yield;
  return {
    grid,
    count,
    squared,
    median,
    heads,
    tied,
    touching: connected(
      count,
      touching,
      touching.map(() => 1),
    ),
    windows: [0, SHIFT].map((shift) => windowsOf(grid, shift)),
  };
}

function concatenated(vectors, width) {
  const all = new Float64Array(vectors.length * width);
  vectors.forEach((vector, at) => {
    all.set(vector, at * width);
  });
  return all;
}

// The median of all N² distances as torch has it: of two in the middle the smaller. N of them are those to itself.
export function medianDistance(squared, count) {
  const pairs = new Float64Array((count * (count - 1)) / 2);
  for (let one = 0, at = 0; one < count; one++) {
    pairs.set(squared.subarray(one * count + one + 1, (one + 1) * count), at);
    at += count - one - 1;
  }
  const middle = (count * count - 1) >> 1;
  return middle < count ? 0 : Math.sqrt(pairs.sort()[(middle - count) >> 1]);
}

// The patches of each patch's window, as windows.window_relation has them: a grid no larger than the window needs no
// shift.
export function windowsOf(grid, shift, windowSize = WINDOW) {
  const least = Math.min(...grid),
    [size, moved] = least > windowSize ? [windowSize, shift] : [least, 0],
    members = new Map(),
    [rows, columns] = grid;
  const windows = Array.from({ length: rows * columns }, (_, patch) => {
    const name = [Math.floor(patch / columns), patch % columns].map((at) => Math.floor((at - moved) / size)).join();
    if (!members.has(name)) members.set(name, []);
    members.get(name).push(patch);
    return members.get(name);
  });
  return windows;
}

// Rows: what one patch gives to each.

function attended({ heads, count }, patch) {
  const row = new Float64Array(count);
  for (const { queries, keys, width } of heads) {
    softmaxRow(dotProducts(queries[patch], keys).map((product) => product / Math.sqrt(width))).forEach(
      (weight, other) => {
        row[other] += weight / heads.length;
      },
    );
  }
  return row;
}

// In a window, the same among its members only: added to a row with a factor.
function attendWithin({ heads }, patch, members, row, factor) {
  for (const { queries, keys, width } of heads) {
    const logits = members.map(
      (other) => dotProducts(queries[patch], keys.subarray(other * width, (other + 1) * width))[0] / Math.sqrt(width),
    );
    softmaxRow(logits).forEach((weight, at) => {
      row[members[at]] += (factor * weight) / heads.length;
    });
  }
}

function inWindows(prepared, patch) {
  const {
      count,
      windows: [first, second],
    } = prepared,
    heard = new Float64Array(count),
    row = new Float64Array(count);
  attendWithin(prepared, patch, second[patch], heard, 1);
  for (const other of second[patch]) attendWithin(prepared, other, first[other], row, heard[other]);
  return row;
}

function alike({ squared, count, median }, patch) {
  const row = squared
      .slice(patch * count, (patch + 1) * count)
      .map((each) => Math.exp(-each / (2 * (NARROW * median) ** 2))),
    sum = row.reduce((total, each) => total + each, 0);
  return row.map((each) => each / sum);
}

function finished(steps) {
  let step = steps.next();
  while (!step.done) step = steps.next();
  return step.value;
}

const ROWS = {
  attention: attended,
  windows: inWindows,
  convolution: ({ touching }, patch) =>
    finished(walkFrom(touching, patch, LAYERS)).map((weight) => Math.round(weight * SETTLED) / SETTLED),
  similarity: alike,
  graph: ({ tied }, patch) => finished(walkFrom(tied, patch, STEPS)),
};

// One row of a relation of families.five_relations.
export const rowOf = (prepared, family, patch) => ROWS[family](prepared, patch);

// How good a row is.

// One row of relations.same_region_auc, the own patch left out; null where all others are in its region, or none.
export function regionAuc(row, labels, query) {
  const [those, others] = [true, false].map((kind) =>
    Float64Array.from(row.filter((_, patch) => patch !== query && (labels[patch] === labels[query]) === kind)).sort(),
  );
  if (!those.length || !others.length) return null;
  let wins = 0,
    below = 0,
    upTo = 0;
  for (const weight of those) {
    while (below < others.length && others[below] < weight) below++;
    while (upTo < others.length && others[upTo] <= weight) upTo++;
    wins += (below + upTo) / 2;
  }
  return wins / (those.length * others.length);
}

// With regions [AUC, mass]; without the share of the weight within three patches, and over about how many it is spread.
// Null where nothing can be told.
export function scoresOf(row, { labels, grid: [, columns] }, query) {
  if (labels) return [regionAuc(row, labels, query), regionMass(row, labels, query)?.mass ?? null];
  const others = row.filter((_, patch) => patch !== query),
    total = others.reduce((sum, each) => sum + each, 0);
  if (!(total > 0)) return [null, null];
  const apart = (patch) =>
    Math.hypot(Math.floor(patch / columns) - Math.floor(query / columns), (patch % columns) - (query % columns));
  const near = row.reduce(
    (sum, weight, patch) => sum + (patch !== query && apart(patch) <= NEAR + 1e-9 ? weight : 0),
    0,
  );
  return [near / total, Math.exp(entropy(others.map((each) => each / total)))];
}

// The means of both over all patches, family by family; it stops after each row.
export function* meanScores(prepared, labels) {
  const means = {};
  for (const family of FAMILIES) {
    const sums = [0, 0],
      found = [0, 0];
    for (let patch = 0; patch < prepared.count; patch++) {
      scoresOf(rowOf(prepared, family, patch), { labels, grid: prepared.grid }, patch).forEach((score, at) => {
        if (score === null) return;
        sums[at] += score;
        found[at]++;
      });
      yield;
    }
    means[family] = sums.map((sum, at) => (found[at] ? sum / found[at] : null));
  }
  return means;
}

// How many of the others each patch comes before, as a share of the most: 0 for the least and what ties with it. The
// own patch is 1, and so are all where all tie.
export function shareBelow(row, query) {
  const sorted = Float64Array.from(row.filter((_, patch) => patch !== query)).sort(),
    below = new Map();
  sorted.forEach((weight, at) => {
    if (!below.has(weight)) below.set(weight, at);
  });
  const most = below.get(sorted.at(-1));
  return Array.from(row, (weight, patch) => (patch === query || most === 0 ? 1 : below.get(weight) / most));
}

// What a guess says: 1 for the marked patches, 0 for all others.
export function guessRow(marked, count, query) {
  const row = new Float64Array(count);
  for (const patch of marked) if (patch !== query) row[patch] = 1;
  return row;
}
