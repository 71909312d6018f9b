// What a reader is told about similarity: whole sentences, and what the parts of the page are called.

import { fixed, placeText, text } from "../common/words.mjs";
import { placeAmong, seamOf, strongest } from "./formulas.mjs";
import limits from "./limits.json" with { type: "json" };

const { nearest: NEAREST } = limits;

export const LABEL = "Similarity explorer";
export const CHOSEN = "Patch that asks";
export const TILES = "Feature and metric";
export const EXPOSURE = "Exposure of the right half";
export const EXPOSED = "The right half, exposed otherwise: x → gain · x + offset";

export const MODES = { label: "Show", patch: "one patch and all", neighbors: "neighbors" };
export const FEATURES = {
  pixels: "Pixels",
  "mean color": "Mean color",
  "gradient energy": "Gradient energy",
  spectrum: "Spectrum",
};
export const METRICS = { euclidean: "Euclidean distance", cosine: "Cosine", correlation: "Correlation" };
const BY = { euclidean: "Euclidean distance", cosine: "cosine", correlation: "correlation" };
const MEASURES = { euclidean: "distance", cosine: "cosine", correlation: "correlation" };

export const SLIDERS = { gain: "Gain", offset: "Offset" };
export const sliderText = (name, value, told) => `${name} ${value}. ${told}`;

export const dimText = ({ dim }) => `D = ${dim}`;
export const kindText = ({ feature, metric }) => `${FEATURES[feature]} by ${BY[metric]}`;

const named = ({ grid }, patch) => `Patch ${patch} (${placeText(patch, grid)})`;

// A value as it is measured: distances are negated between one patch and all, cosines between neighbors.
function valueText(value, { metric, mode }) {
  if (metric === "euclidean") return Math.abs(value).toFixed(Math.abs(value) < 10 ? 3 : 1);
  return fixed(mode === "patch" ? value : -value, 3);
}

const measured = (value, map) => `${MEASURES[map.metric]} ${valueText(value, map)}`;

// What the map of one kind shows and scores.

export const mapsTitle = ({ mode, selected }) =>
  mode === "patch" ? `Patch ${selected} and all others` : "Each patch and its neighbors";

const meanText = (mean) => (mean === undefined ? "…" : fixed(mean)); // not yet known

export const allText = (mode, mean) => (mode === "patch" ? `all ${meanText(mean)}` : meanText(mean));
export const hereText = ({ mode, score }) => (mode === "patch" ? `here ${fixed(score)}` : "");
export const tileText = (map, mean) => `${kindText(map)}: ${allText(map.mode, mean)} ${hereText(map)}`;

// The ends of a map's colors, and their middle.
export function endTexts(map) {
  const [least, middle, most] = map.ends.map((value) => valueText(value, map));
  return map.mode === "patch"
    ? [`least ${least}`, middle, `most ${most}`]
    : [`alike ${least}`, middle, `apart ${most}`];
}

export const legendLabel = (map) => `Colors by rank: ${endTexts(map).join(", ")}`;

// A map on which all is equal.
const onlyValue = (map) => valueText(map.ends[0], map).replace(/\.0+$/, "");
export const flatText = (map) => `only ${onlyValue(map)}`;

function flatSentence(map) {
  if (map.dim === 1 && map.metric === "correlation")
    return "One number minus its own mean is 0: its correlation is 0 by definition, and ranks nothing.";
  if (map.dim === 1 && map.metric === "cosine")
    return "One number has no direction, only a sign: its cosine ranks nothing.";
  return `Every value is ${onlyValue(map)}: nothing is ranked.`;
}

// About the patch that asks, or about each and its neighbors.

export const placeSentence = (view) =>
  view.mode === "patch" ? `${named(view, view.selected)} asks.` : neighborsSentence(view, view.selected);

function neighborsSentence(view, patch) {
  const { chosen, edges, grid } = view,
    valueTo = (neighbor) => {
      const edge = edges.findIndex(([one, other]) => one === patch && other === neighbor);
      return edge < 0 ? null : valueText(chosen.values[edge], chosen);
    };
  const [right, below] = [valueTo(patch + 1), valueTo(patch + grid[1])],
    compared = `${named(view, patch)}: ${MEASURES[chosen.metric]}`;
  if (right && below) return `${compared} ${right} to the right, ${below} below.`;
  if (right) return `${compared} ${right} to the right.`;
  if (below) return `${compared} ${below} below.`;
  return `${named(view, patch)}: the last, with none at its right or below.`;
}

const areSo = (count, among) =>
  count === 1 ? `1 of ${among} is so at equal exposure too.` : `${count} of ${among} are so at equal exposure too.`;

export function scoreSentence({ mode, chosen, labels, edges }) {
  const { flat, score } = chosen;
  if (flat) return flatSentence(chosen);
  if (mode === "patch") {
    if (labels) return `Does its region come first? Average precision ${fixed(score)}.`;
    return areSo(Math.round(score * NEAREST), `its ${NEAREST} nearest patches`);
  }
  if (labels) return `Do edges between regions come first? Average precision ${fixed(score)}.`;
  const strong = strongest(edges.length);
  return areSo(Math.round(score * strong), `the ${strong} strongest edges`);
}

export const allSentence = ({ mode, chance, count }, mean) =>
  mode === "patch"
    ? `Over all ${count} patches ${meanText(mean)}, chance ${fixed(chance)}.`
    : `Chance ${fixed(chance)}.`;

export function nearestSentence({ chosen, nearest, farthest, edges, labels, selected, grid: [, columns] }) {
  if (farthest !== null)
    return `Most apart: patches ${edges[farthest].join(" and ")}, ${measured(chosen.values[farthest], chosen)}.`;
  if (!nearest.length) return "";
  const right = nearest.filter((patch) => patch % columns >= seamOf(columns)).length;
  if (!labels) return `Nearest: ${nearest.join(", ")}; ${right} in the right half.`;
  const inside = nearest.filter((patch) => labels[patch] === labels[selected]).length;
  return `Nearest: ${nearest.join(", ")}; ${inside} in its region, ${right} in the right half.`;
}

// What the pointer is over; without one, the patch most related.
export function toldSentence(view, hovered) {
  const { mode, chosen, nearest, labels, selected, count } = view;
  if (mode === "neighbors") return hovered === null ? "" : neighborsSentence(view, hovered);
  const patch = hovered ?? nearest[0] ?? selected;
  if (patch === selected) return `${named(view, patch)}: itself, in no ranking.`;
  const value = chosen.values[placeAmong(patch, selected)],
    rank = 1 + chosen.values.filter((each) => each > value).length,
    ranked = chosen.flat ? "as all" : `rank ${rank} of ${count - 1}`,
    told = `${named(view, patch)}: ${measured(value, chosen)}, ${ranked}`;
  if (!labels) return `${told}.`;
  return labels[patch] === labels[selected] ? `${told}, same region.` : `${told}, another region.`;
}

// What the scores of all maps mean.

export function readSentence({ mode, labels, edges }) {
  const bars = "The tick on each bar is chance.";
  if (mode === "patch" && labels)
    return `Average precision: do patches of the same region come first? For all patches in turn, and here. ${bars}`;
  if (mode === "patch")
    return text`Which share of the ${NEAREST} nearest patches is so at equal exposure too? For all patches in turn, and
      here. ${bars}`;
  if (labels) return `Average precision: do edges between regions come first? ${bars}`;
  return `Which share of the ${strongest(edges.length)} strongest edges is so at equal exposure too? ${bars}`;
}
