// Six relations of one picture, as synthesis/families.py has them, and how good a row of weights is. Pure functions;
// what takes long is a generator, which stops now and then so that the page can answer in between.

import { decodeArray, dotProducts, entropy, regionMass, softmaxRow } from "../common/formulas.mjs";
import { connected, edgeWeights, radiusEdges, squaredDistances, standardized, walkFrom } from "../graphs/formulas.mjs";
import { grayPatches, patchFeature } from "../similarity/formulas.mjs";
import limits from "./limits.json" with { type: "json" };

export const RELATIONS = Object.keys(limits.names);
const { window: WINDOW, shift: SHIFT, layers: LAYERS, narrow: NARROW } = limits.families;
const { radius: RADIUS, alike: ALIKE, steps: STEPS, settled: SETTLED, temperature: TEMPERATURE } = limits.families;
const { heads: HEADS, near: NEAR } = limits;

// Numbers of 16 bits, as numpy's float16 writes them, from base64.
export function decodeHalves(base64) {
  const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0)),
    view = new DataView(bytes.buffer);
  return Float64Array.from({ length: bytes.length / 2 }, (_, index) => {
    const bits = view.getUint16(2 * index, true),
      sign = bits >> 15 ? -1 : 1,
      exponent = (bits >> 10) & 31,
      fraction = bits & 1023;
    return sign * (exponent ? (1 + fraction / 1024) * 2 ** (exponent - 15) : fraction * 2 ** -24);
  });
}

// What attention has learned: {projections, mean, deviation} → queries and keys of each head, as functions of a
// spectrum.
export function learnedHeads({ projections, mean, deviation }) {
  const [weights, middle, spread] = [projections, mean, deviation].map(decodeHalves),
    dim = middle.length,
    width = weights.length / (2 * HEADS * dim);
  const project = (which, head) => (spectrum) => {
    const outputs = new Float64Array(width);
    let weight = (which * HEADS + head) * dim * width;
    for (let axis = 0; axis < dim; axis++) {
      const value = (spectrum[axis] - middle[axis]) / spread[axis];
      for (let to = 0; to < width; to++) outputs[to] += value * weights[weight++];
    }
    return outputs;
  };
  return Array.from({ length: HEADS }, (_, head) => ({ query: project(0, head), key: project(1, head), width }));
}

const rounded = (number, digits) => Math.round(number * 10 ** digits) / 10 ** digits;

// All that the rows of a picture are made of. `learned` is what learnedHeads gives, `network` the features that a real
// network has of this picture, encoded, where it was read.
export function* prepare({ gray, size }, patchSize, learned, network) {
  const grid = size.map((side) => side / patchSize),
    spectra = yield* patchSpectra(gray, size, patchSize),
    features = yield* standardized(spectra),
    squared = yield* squaredDistances(features);
  yield;
  const count = spectra.length,
    median = medianDistance(squared, count) || 1;
  yield;
  const heads = learned.map(({ query, key, width }) => ({
    width,
    queries: spectra.map(query),
    keys: concatenated(spectra.map(key), width),
  }));
  yield;
  const tied = tieNear(grid, squared, ALIKE * median);
  yield;
  const windows = [0, SHIFT].map((shift) => windowsOf(grid, shift));
  const read = network && directionsOf(decodeArray(network));
  return { grid, count, squared, median, heads, tied, touching: tieTouching(grid), windows, read };
}

// The relations that this picture has.
export const relationsOf = ({ read }) => RELATIONS.filter((name) => name !== "network" || read);

// Features (N, D), each divided by its length.
export function directionsOf({ shape: [, width], values }) {
  return Float64Array.from(values).map((value, index, all) => {
    const start = index - (index % width);
    return value / Math.max(Math.hypot(...all.subarray(start, start + width)), 1e-12);
  });
}

function* patchSpectra(gray, size, patchSize) {
  const spectra = [];
  for (const patch of grayPatches(gray, size, patchSize)) {
    spectra.push(patchFeature(patch, "spectrum").map((number) => rounded(number, 9)));
    if (spectra.length % 16 === 0) yield;
  }
  return spectra;
}

function tieNear(grid, squared, bandwidth) {
  const count = grid[0] * grid[1],
    edges = radiusEdges(grid, RADIUS);
  const lengths = Float64Array.from(edges, ([first, second]) => squared[first * count + second]);
  return connected(count, edges, edgeWeights(lengths, bandwidth));
}

function tieTouching(grid) {
  const edges = radiusEdges(grid, 1.5);
  return connected(
    grid[0] * grid[1],
    edges,
    edges.map(() => 1),
  );
}

function concatenated(vectors, width) {
  const all = new Float64Array(vectors.length * width);
  vectors.forEach((vector, index) => {
    all.set(vector, index * width);
  });
  return all;
}

// The median of all N² distances as torch has it: of two in the middle the smaller. N of them are those to itself.
export function medianDistance(squared, count) {
  const pairs = new Float64Array((count * (count - 1)) / 2);
  for (let one = 0, filled = 0; one < count; one++) {
    pairs.set(squared.subarray(one * count + one + 1, (one + 1) * count), filled);
    filled += count - one - 1;
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
  return Array.from({ length: rows * columns }, (_, patch) => {
    const place = [Math.floor(patch / columns), patch % columns],
      name = place.map((along) => Math.floor((along - moved) / size)).join();
    if (!members.has(name)) members.set(name, []);
    members.get(name).push(patch);
    return members.get(name);
  });
}

// Rows: what one patch gives to each.

function attended({ heads, count }, patch) {
  const row = new Float64Array(count);
  for (const { queries, keys, width } of heads) {
    const logits = dotProducts(queries[patch], keys).map((product) => product / Math.sqrt(width));
    softmaxRow(logits).forEach((weight, other) => {
      row[other] += weight / heads.length;
    });
  }
  return row;
}

// In a window, the same among its members only: added to a row with a factor.
function attendWithin({ heads }, patch, members, row, factor) {
  for (const { queries, keys, width } of heads) {
    const logits = members.map(
      (other) => dotProducts(queries[patch], keys.subarray(other * width, (other + 1) * width))[0] / Math.sqrt(width),
    );
    softmaxRow(logits).forEach((weight, member) => {
      row[members[member]] += (factor * weight) / heads.length;
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
  const squares = squared.slice(patch * count, (patch + 1) * count),
    row = squares.map((each) => Math.exp(-each / (2 * (NARROW * median) ** 2))),
    sum = row.reduce((total, each) => total + each, 0);
  return row.map((each) => each / sum);
}

function readAlike({ read, count }, patch) {
  const width = read.length / count,
    cosines = dotProducts(read.subarray(patch * width, (patch + 1) * width), read);
  return softmaxRow(cosines.map((cosine) => cosine / TEMPERATURE));
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
    finished(walkFrom(touching, patch, LAYERS)).map((weight) => rounded(weight, SETTLED)),
  similarity: alike,
  network: readAlike,
  graph: ({ tied }, patch) => finished(walkFrom(tied, patch, STEPS)),
};

// One row of a relation of families.five_relations, or of families.network_relation.
export const rowOf = (prepared, name, patch) => ROWS[name](prepared, patch);

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

// One row of look.row_spread, the own patch left out: the share of the weight that is near, and over about how many
// patches it is spread; nulls where there is none.
export function rowSpread(row, [, columns], query) {
  const others = row.filter((_, patch) => patch !== query),
    total = others.reduce((sum, each) => sum + each, 0);
  if (!(total > 0)) return [null, null];
  const apart = (patch) =>
    Math.hypot(Math.floor(patch / columns) - Math.floor(query / columns), (patch % columns) - (query % columns));
  const isNear = (patch) => patch !== query && apart(patch) <= NEAR + 1e-9,
    near = row.reduce((sum, weight, patch) => sum + (isNear(patch) ? weight : 0), 0);
  return [near / total, Math.exp(entropy(others.map((each) => each / total)))];
}

// With regions [AUC, mass], without them [share that is near, patches over which it is spread]; null where nothing can
// be told.
export function scoresOf(row, { labels, grid }, query) {
  if (!labels) return rowSpread(row, grid, query);
  return [regionAuc(row, labels, query), regionMass(row, labels, query)?.mass ?? null];
}

// The means of both over all patches, relation by relation; it stops after each row.
export function* meanScores(prepared, labels) {
  const means = {};
  for (const name of relationsOf(prepared)) {
    const sums = [0, 0],
      counts = [0, 0];
    for (let patch = 0; patch < prepared.count; patch++) {
      scoresOf(rowOf(prepared, name, patch), { labels, grid: prepared.grid }, patch).forEach((score, which) => {
        if (score === null) return;
        sums[which] += score;
        counts[which]++;
      });
      yield;
    }
    means[name] = sums.map((sum, which) => (counts[which] ? sum / counts[which] : null));
  }
  return means;
}

// How many of the others each patch comes before, as a share of the most: 0 for the least and what ties with it. The
// own patch is 1, and so are all where all tie.
export function shareBelow(row, query) {
  const sorted = Float64Array.from(row.filter((_, patch) => patch !== query)).sort(),
    below = new Map();
  sorted.forEach((weight, rank) => {
    if (!below.has(weight)) below.set(weight, rank);
  });
  const most = below.get(sorted.at(-1));
  return Array.from(row, (weight, patch) => (patch === query || most === 0 ? 1 : below.get(weight) / most));
}

// The place of a patch among the others, from 1, those that tie sharing one; null where the row gives it no weight.
export function placeOf(row, patch, query) {
  if (row[patch] === 0) return null;
  return 1 + row.reduce((ahead, weight, other) => ahead + (other !== query && weight > row[patch]), 0);
}

// What a guess says: 1 for the marked patches, 0 for all others.
export function guessRow(marked, count, query) {
  const row = new Float64Array(count);
  for (const patch of marked) if (patch !== query) row[patch] = 1;
  return row;
}
