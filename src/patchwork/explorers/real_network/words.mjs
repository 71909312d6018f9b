// What a reader is told about a real network: whole sentences, and what the parts of the page are called.

import { fixed, percent, placeText, text } from "../common/words.mjs";
import limits from "./limits.json" with { type: "json" };

const { depth: DEPTHS } = limits.counts;

export const LABEL = "Real network explorer";
export const CHOSEN = "Chosen patch";
export const DEPTH = "Depth";
export const SHOW = "Show";
export const FEATURES = "features";
export const SCORE = "Area under the curve, by depth";
export const DISTANCE = "How far maps reach, by depth";
export const LIVE = "In JupyterLab this explorer takes your own photograph too.";
export const READING = "The network reads your photograph …";

export const headText = (head) => `head ${head}`;
export const depthText = (depth) => (depth === 0 ? "0, embeddings" : `${depth}, after layer ${depth}`);
export const loadingText = (name) => `Loading ${partText(name)} …`;
export const failedText = (name) => `${capitalPart(name)} could not be loaded from here.`;

function partText(name) {
  const [photo, layer] = name.split("-");
  return layer ? `the heads of layer ${layer}` : `the picture “${photo}”`;
}

function capitalPart(name) {
  const told = partText(name);
  return told[0].toUpperCase() + told.slice(1);
}

export function mapTitle({ depth, head, headless }) {
  if (head !== null) return `Attention, head ${head} of layer ${depth}`;
  return headless ? `Cosines of features, depth ${depth} (no heads)` : `Cosines of features, depth ${depth}`;
}

export const placeSentence = ({ selected, grid, depth }) =>
  `Patch ${selected} (${placeText(selected, grid)}), depth ${depth} of ${DEPTHS[1]}.`;

export function shownSentence(view) {
  const score = view.auc === null ? "" : ` AUC ${fixed(view.auc)}; chance is 0.5.`;
  return view.head === null ? featuresSentence(view) + score : headSentence(view) + score;
}

const featuresSentence = ({ reach, even, mean }) => text`The ${limits.nearest} patches most like it are
  ${fixed(reach, 1)} patches away on average, where any would be ${fixed(even, 1)}. Mean cosine with the others
  ${fixed(mean)}.`;

const headSentence = ({ reach, even, bits, count }) => text`It attends ${fixed(reach, 1)} patches away on average,
  evenly spread it would be ${fixed(even, 1)}. Entropy ${fixed(bits, 1)} bits, as if over
  ${Math.max(1, Math.round(2 ** bits))} of ${count} patches.`;

// What the pointer is over; without one, the strongest but the patch itself.
export function toldSentence({ row, selected, head, grid, strongest }, hovered) {
  const patch = hovered ?? strongest,
    name = `Patch ${patch} (${placeText(patch, grid)})`,
    value = head === null ? `cosine ${fixed(row[patch])}` : `${percent(row[patch], 1)} of the attention`;
  if (patch === selected) return `${name}: the chosen one; ${value}.`;
  return hovered === null ? `${name} is the strongest other: ${value}.` : `${name}: ${value}.`;
}

export const likenessSentence = ({ likeness: [mean, worst], own }) =>
  own
    ? `The whole network's numbers, rounded: correlation with its maps ${fixed(mean, 3)}.`
    : text`Reduced for this page: the 256 maps of this view have correlation ${fixed(mean, 3)} on average,
      ${fixed(worst)} at worst, with the whole network's.`;

export function chartSentence({ curve, depth, headCurve, head, auc, labels }) {
  const [first, last] = [curve[0], curve.at(-1)].map((each) => fixed(each, labels ? 2 : 1)),
    now = fixed(curve[depth], labels ? 2 : 1),
    what = labels ? "AUC of the features' map" : text`Mean distance of the ${limits.nearest} patches most alike`;
  const features = `${what}: ${first} at depth 0, ${now} at ${depth}, ${last} at ${DEPTHS[1]}.`;
  if (head === null || auc === undefined) return `${features} A dot is a head of a layer.`;
  const value = fixed(headCurve[depth - 1][head], labels ? 2 : 1);
  return `${features} A dot is a head of a layer; head ${head} of layer ${depth}: ${value}.`;
}

export const endTexts = ({ head, ends }) =>
  head === null ? [`cosine ${fixed(ends[0])}`, fixed(ends[1])] : ["nothing", percent(ends[1], 1)];
export const legendLabel = (view) => `Colors from ${endTexts(view).join(" to ")}`;
export const CAPTION = "depth: features (line), heads (dots)";
