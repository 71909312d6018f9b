// What follows from a picture, its exposure and the settings: twelve maps of how alike patches are, and their scores.
//
// A patch is described by feature and metric: described[patch][feature][metric] is a vector made ready for the metric.
// `even` describes the patches at an equal exposure, `described` at that of the settings. Scores are null where nothing
// can be told.

import {
  averagePrecision,
  expose,
  grayPatches,
  keptShare,
  largestPlaces,
  patchAmong,
  patchFeature,
  rankShares,
  readyFor,
  relatedness,
  seamOf,
  strongest,
} from "./formulas.mjs";
import limits from "./limits.json" with { type: "json" };

const { feature: FEATURES, metric: METRICS } = limits.choices,
  { nearest: NEAREST } = limits;
export const KINDS = METRICS.flatMap((metric) => FEATURES.map((feature) => ({ feature, metric })));

// Descriptions.

function describe(patch) {
  const described = {};
  for (const feature of FEATURES) {
    const vector = patchFeature(patch, feature);
    described[feature] = { dim: vector.length };
    for (const metric of METRICS) described[feature][metric] = readyFor(vector, metric);
  }
  return described;
}

export const describeAll = ({ gray, size }, patchSize) => grayPatches(gray, size, patchSize).map(describe);

// At an exposure, under which the left half stays as it is.
export function describeExposed({ gray, size }, patchSize, even, { gain, offset }) {
  if (gain === 1 && offset === 0) return { gray, described: even };
  const columns = size[1] / patchSize,
    exposed = expose(gray, size, seamOf(columns) * patchSize, { gain, offset });
  const described = grayPatches(exposed, size, patchSize).map((patch, index) =>
    index % columns < seamOf(columns) ? even[index] : describe(patch),
  );
  return { gray: exposed, described };
}

// Values: how related all others are to one patch; how far apart neighbors are.

function relatedTo(selected, described, { feature, metric }) {
  const query = described[selected][feature][metric],
    values = new Float64Array(described.length - 1);
  for (let place = 0; place < values.length; place++)
    values[place] = relatedness(query, described[patchAmong(place, selected)][feature][metric], metric);
  return values;
}

const apart = (edges, described, { feature, metric }) =>
  Float64Array.from(
    edges,
    ([one, other]) => 0 - relatedness(described[one][feature][metric], described[other][feature][metric], metric),
  );

// Scores.

function scoreOthers(values, { even, labels }, kind, selected) {
  if (!labels) return keptShare(values, relatedTo(selected, even, kind), NEAREST);
  const others = labels.filter((_, patch) => patch !== selected);
  return averagePrecision(
    values,
    others.map((label) => label === labels[selected]),
  );
}

function scoreEdges(values, { even, labels, edges }, kind) {
  if (!labels) return keptShare(values, apart(edges, even, kind), strongest(edges.length));
  return averagePrecision(
    values,
    edges.map(([one, other]) => labels[one] !== labels[other]),
  );
}

// What a score is, on average, for values that have nothing to do with the picture.
function chanceOf({ labels, edges, count }, mode) {
  if (!labels) return mode === "patch" ? NEAREST / (count - 1) : 1 / limits.edges_per_strong;
  if (mode === "neighbors") return edges.filter(([one, other]) => labels[one] !== labels[other]).length / edges.length;
  const sizes = new Map();
  for (const label of labels) sizes.set(label, (sizes.get(label) ?? 0) + 1);
  return [...sizes.values()].reduce((sum, size) => sum + size * (size - 1), 0) / count / (count - 1);
}

// The mean scores of all patches, kind by kind; it stops after each patch, so that the page can answer in between.
export function* meanScores(exposure) {
  const means = [];
  for (const kind of KINDS) {
    const scores = [];
    for (let patch = 0; patch < exposure.count; patch++) {
      const score = scoreOthers(relatedTo(patch, exposure.described, kind), exposure, kind, patch);
      if (score !== null) scores.push(score);
      yield;
    }
    means.push(scores.length ? scores.reduce((sum, each) => sum + each, 0) / scores.length : null);
  }
  return means;
}

// Maps.

// Of the patch that asks: a value for each of the others, a share of 0 … 1 by rank for each patch. The one that asks
// takes part in no ranking, and is the brightest.
function mapOfPatch(exposure, kind, selected) {
  const values = relatedTo(selected, exposure.described, kind),
    ranks = rankShares(values);
  return {
    values,
    shares: [...ranks.slice(0, selected), 1, ...ranks.slice(selected)],
    score: scoreOthers(values, exposure, kind, selected),
  };
}

// Of neighbors: a value and a share for each pair.
function mapOfNeighbors(exposure, kind) {
  const values = apart(exposure.edges, exposure.described, kind);
  return { values, shares: rankShares(values), score: scoreEdges(values, exposure, kind) };
}

function mapOf(exposure, kind, { mode, selected }) {
  const map = mode === "patch" ? mapOfPatch(exposure, kind, selected) : mapOfNeighbors(exposure, kind),
    ends = lowMiddleHigh(map.values);
  return { ...kind, ...map, mode, dim: exposure.described[0][kind.feature].dim, ends, flat: ends[0] === ends[2] };
}

function lowMiddleHigh(values) {
  const sorted = values.slice().sort(),
    last = sorted.length - 1;
  return [sorted[0], sorted[Math.round(last / 2)], sorted[last]];
}

// The view: all maps, the one chosen, and which patches it finds nearest, or which edge sets its ends apart the most.
export function look(exposure, settings) {
  const { mode, selected, feature, metric } = settings,
    maps = KINDS.map((kind) => mapOf(exposure, kind, settings)),
    chosen = maps.find((map) => map.feature === feature && map.metric === metric);
  const ofPatch = mode === "patch",
    first = largestPlaces(chosen.values, ofPatch ? NEAREST : 1);
  return {
    ...settings,
    ...exposure,
    maps,
    chosen,
    nearest: ofPatch ? first.map((place) => patchAmong(place, selected)) : [],
    farthest: ofPatch ? null : (first[0] ?? null),
    chance: chanceOf(exposure, mode),
  };
}
