// What is measured of a patch, how two compare, and how good a ranking is, as in the modules similarity and relations.

import { patchCorner, patchGrid } from "../common/formulas.mjs";
import limits from "./limits.json" with { type: "json" };

// A gray picture's patches as patches.patchify cuts them: N vectors of P² numbers.
export function grayPatches(gray, [height, width], patchSize) {
  const grid = patchGrid(height, width, patchSize);
  return Array.from({ length: grid[0] * grid[1] }, (_, index) => {
    const [top, left] = patchCorner(index, grid, patchSize),
      patch = new Float64Array(patchSize ** 2);
    for (let row = 0; row < patchSize; row++)
      patch.set(gray.subarray((top + row) * width + left, (top + row) * width + left + patchSize), row * patchSize);
    return patch;
  });
}

function meanOf(numbers) {
  let sum = 0;
  for (let index = 0; index < numbers.length; index++) sum += numbers[index];
  return sum / numbers.length;
}

// similarity.gradient_energy of one gray patch: down, then right.
function gradientEnergy(patch, side) {
  let down = 0,
    right = 0;
  for (let pixel = 0; pixel < patch.length; pixel++) {
    if (pixel + side < patch.length) down += (patch[pixel + side] - patch[pixel]) ** 2;
    if ((pixel + 1) % side) right += (patch[pixel + 1] - patch[pixel]) ** 2;
  }
  return Float64Array.of(down, right).map((sum) => sum / (side * (side - 1)));
}

// cos and sin of 2π · k · x / side, row by row of k.
const waves = new Map();
function wavesOf(side) {
  const table = (turn) =>
    Float64Array.from({ length: side ** 2 }, (_, index) =>
      turn((2 * Math.PI * ((Math.floor(index / side) * (index % side)) % side)) / side),
    );
  if (!waves.has(side)) waves.set(side, { cosine: table(Math.cos), sine: table(Math.sin) });
  return waves.get(side);
}

// similarity.patch_spectrum of one gray patch, with its floor of 0.1: first along the rows, then down the columns. All
// but the first frequency are blind to the mean.
function patchSpectrum(patch, side) {
  const half = (side >> 1) + 1,
    { cosine, sine } = wavesOf(side),
    real = new Float64Array(side),
    imaginary = new Float64Array(side);
  const logs = new Float64Array(side * half - 1);
  for (let across = 0; across < half; across++) {
    for (let row = 0; row < side; row++) {
      let one = 0,
        other = 0;
      for (let column = 0, pixel = row * side, turn = across * side; column < side; column++, pixel++, turn++) {
        one += patch[pixel] * cosine[turn];
        other -= patch[pixel] * sine[turn];
      }
      real[row] = one;
      imaginary[row] = other;
    }
    for (let down = 0; down < half; down++) {
      // and side − down, whose sines have the other sign
      let a = 0,
        b = 0,
        c = 0,
        d = 0;
      for (let row = 0, turn = down * side; row < side; row++, turn++) {
        a += real[row] * cosine[turn];
        b += imaginary[row] * sine[turn];
        c += imaginary[row] * cosine[turn];
        d += real[row] * sine[turn];
      }
      for (const [frequency, sign] of [
        [down, 1],
        [(side - down) % side, -1],
      ]) {
        if (frequency + across)
          logs[frequency * half + across - 1] = Math.log(Math.sqrt((a + sign * b) ** 2 + (c - sign * d) ** 2) + 0.1);
      }
    }
  }
  return logs;
}

const FEATURES = {
  pixels: (patch) => patch,
  "mean color": (patch) => Float64Array.of(meanOf(patch)),
  "gradient energy": gradientEnergy,
  spectrum: patchSpectrum,
};

// A feature of look.py, by its name, of one gray patch.
export const patchFeature = (patch, name) => FEATURES[name](patch, Math.sqrt(patch.length));

// A vector made ready for a metric: as it is, or its direction, or that of what differs from its mean. Of nothing,
// nothing is left.
export function readyFor(vector, metric) {
  if (metric === "euclidean") return vector;
  const own = metric === "correlation" ? centered(vector) : vector,
    ready = new Float64Array(own.length);
  let squared = 0;
  for (let index = 0; index < own.length; index++) squared += own[index] * own[index];
  const length = Math.sqrt(squared) || 1;
  for (let index = 0; index < own.length; index++) ready[index] = own[index] / length;
  return ready;
}

// Twice, for the first mean is rounded; a constant vector becomes exactly 0.
function centered(vector) {
  const off = new Float64Array(vector.length);
  if (vector.every((each) => each === vector[0])) return off;
  const mean = meanOf(vector);
  for (let index = 0; index < off.length; index++) off[index] = vector[index] - mean;
  const rest = meanOf(off);
  for (let index = 0; index < off.length; index++) off[index] -= rest;
  return off;
}

// How related two vectors are that were made ready, the more the larger: −‖a − b‖, or their cosine. What differs by
// rounding alone is made equal.
export function relatedness(one, other, metric) {
  let sum = 0;
  if (metric === "euclidean") for (let index = 0; index < one.length; index++) sum += (one[index] - other[index]) ** 2;
  else for (let index = 0; index < one.length; index++) sum += one[index] * other[index];
  const score = metric === "euclidean" ? -Math.sqrt(sum) : Math.min(Math.max(sum, -1), 1);
  return Math.round(score * 1e9) / 1e9 + 0;
}

// Average precision as in relations.mean_average_precision: over those that are `same`, the mean share of them among
// all with scores at least theirs. Null where all are, or none.
export function averagePrecision(scores, same) {
  const [those, others] = [true, false].map((kind) =>
    Float64Array.from(scores.filter((_, index) => same[index] === kind))
      .sort()
      .reverse(),
  );
  if (!those.length || !others.length) return null;
  let sum = 0;
  for (let first = 0, passed = 0; first < those.length;) {
    let next = first;
    while (next < those.length && those[next] === those[first]) next++;
    while (passed < others.length && others[passed] >= those[first]) passed++;
    sum += ((next - first) * next) / (next + passed);
    first = next;
  }
  return sum / those.length;
}

// Which share of the others each score exceeds, those that equal it counted half: 0 for the least, 1 for the largest.
export function rankShares(scores) {
  const sorted = Float64Array.from(scores).sort(),
    shares = new Map();
  for (let first = 0, next = 0; first < sorted.length; first = next) {
    while (next < sorted.length && sorted[next] === sorted[first]) next++;
    shares.set(sorted[first], sorted.length > 1 ? (first + next - 1) / 2 / (sorted.length - 1) : 0.5);
  }
  return Array.from(scores, (score) => shares.get(score));
}

// The places of the largest scores; of equal ones the first. None where all are equal.
export function largestPlaces(scores, count) {
  if (scores.every((score) => score === scores[0])) return [];
  const places = [];
  scores.forEach((score, place) => {
    if (places.length === count && score <= scores[places.at(-1)]) return;
    const before = places.findIndex((each) => scores[each] < score);
    places.splice(before < 0 ? places.length : before, 0, place);
    if (places.length > count) places.pop();
  });
  return places;
}

// Which share of the places that come first at an equal exposure still do; null where none does.
export function keptShare(scores, even, count) {
  const before = largestPlaces(even, count),
    now = new Set(largestPlaces(scores, count));
  return before.length ? before.filter((place) => now.has(place)).length / before.length : null;
}

// How many of so many edges count as the strongest.
export const strongest = (edges) => Math.max(1, Math.round(edges / limits.edges_per_strong));

// A patch's place among all but the query, and the patch at a place.
export const placeAmong = (patch, query) => patch - (patch > query);
export const patchAmong = (place, query) => place + (place >= query);

// The first column of patches of the right half, which may be exposed otherwise.
export const seamOf = (columns) => Math.floor(columns / 2);

// The picture as gain · x + offset from a column on; what lies outside [0, 1] is only drawn at its ends.
export function expose(gray, [height, width], from, { gain, offset }) {
  const exposed = gray.slice();
  for (let row = 0; row < height; row++)
    for (let pixel = row * width + from; pixel < (row + 1) * width; pixel++)
      exposed[pixel] = gain * exposed[pixel] + offset;
  return exposed;
}
