// The relations explorer's words: what each relation is, and sentences about a view of them.

import { placeText, plural } from "../common/words.mjs";

export const NAMES = {
  attention: "Self-attention",
  windows: "Shifted windows",
  convolution: "Convolution",
  similarity: "Similarity",
  graph: "Graph walk",
};
export const EYE = "Your eye";

// In a few words, and in full.
export const HOW = {
  eye: "what you marked, all alike",
  attention: "learned queries and keys",
  windows: "the same, in 4 × 4 windows",
  convolution: "eight layers of a 3 × 3 mean",
  similarity: "how alike two spectra are",
  graph: "64 steps to near and alike patches",
};
export const WHAT = {
  attention: `Queries and keys of 8 numbers, linear in a patch's spectrum; the softmax of their products over √8; the mean of two heads. Trained to give weight to the own region, on 40
    mosaics from the left halves of the photographs of brick, grass and gravel. It knows no other texture.`,
  windows:
    "The same queries and keys, but each patch asks its window of 4 × 4 alone; then once more, the windows shifted by 2. The two relations multiplied.",
  convolution: "The mean of 3 × 3 patches, eight times. It never looks at the picture.",
  similarity:
    "exp(−d²/2σ²), where d is the distance of two spectra, standardized over the picture, and σ is 0.15 of the median distance. Nothing is learned.",
  graph:
    "Edges join patches at most 3 apart and weigh exp(−d²/2σ²), with σ 0.25 of the median distance. The row is where a walk along them is after 64 steps. Nothing is learned.",
};
export const SPECTRUM =
  "A spectrum is log(|FFT| + 0.1) of a patch without its mean: 143 numbers. In all five relations each row adds up to 1.";

const fixed = (number, digits = 2) => (number === null ? "–" : number.toFixed(digits));
const patchText = ({ grid }, patch) => `patch ${patch} (${placeText(patch, grid)})`;
const capital = (text) => text[0].toUpperCase() + text.slice(1);

// Two scores as texts; "…" while they are being found.
export const numbersOf = ({ labels }, scores) =>
  (scores ?? [undefined, undefined]).map((each, at) =>
    each === undefined ? "…" : fixed(each, labels || at === 0 ? 2 : 0),
  );

export function scoreText(view, scores) {
  const [first, second] = numbersOf(view, scores);
  return view.labels ? `AUC ${first}, mass ${second}` : `near ${first}, over ${second}`;
}

// While marking.

export const questionSentence = (view) =>
  `Which patches belong to the outlined one, ${patchText(view, view.selected)}?`;
export const askSentence = ({ labels }) =>
  `Guess first: click, tap or draw over them; by keys, arrows move and Space marks. Then five relations answer the same question${labels ? ", and your eye is scored as they are." : ". No regions are known here, so nobody can be wrong."}`;
export const markedSentence = ({ marked, selected, count }) =>
  `${marked.filter((patch) => patch !== selected).length} of ${count - 1} patches marked.`;
export const hereSentence = (view, patch) =>
  `${markedSentence(view)}${patch === null ? "" : ` Here: ${patchText(view, patch)}.`}`;

export function cursorText(view, patch) {
  const state = patch === view.selected ? "the outlined one" : view.marked.includes(patch) ? "marked" : "not marked";
  return `${capital(patchText(view, patch))}, ${state}. ${markedSentence(view)}`;
}

// With the answers.

export const openSentence = (view) => `${capital(patchText(view, view.selected))} asks.`;

export function verdictSentence({ guess, labels, ranked, ...view }) {
  const [best, next] = ranked;
  if (!labels) return "No regions are known in this picture, so no answer is right or wrong here.";
  if (best.scores[0] === null) return "Nothing can be scored: all other patches are in its region, or none is.";
  if (!guess)
    return `Best here is ${best.name.toLowerCase()}, AUC ${fixed(best.scores[0])}, then ${next.name.toLowerCase()}, ${fixed(next.scores[0])}. You marked nothing.`;
  const place = ranked.findIndex(({ name }) => name === EYE) + 1,
    other = place === 1 ? next : best;
  return `Your eye: ${plural(guess.size, "patch", "patches")}, ${scoreText({ labels, ...view }, guess.scores)}, ${place === 1 ? "the best of six" : `place ${place} of 6`}. ${place === 1 ? "Then" : "Best is"} ${other.name.toLowerCase()}, AUC ${fixed(other.scores[0])}.`;
}

export function noteSentence({ labels, chance: [near, mass] }) {
  const kinds = labels
    ? `AUC: how often a patch of its region comes before another one, a tie counting half; chance 0.50. Mass: how much of the weight is in its region; chance ${fixed(mass)}.`
    : `Near: the share of the weight within three patches; ${fixed(near)} if all got the same. Over: about how many patches the weight is spread over.`;
  return `${kinds} The patch that asks is left out. Marked patches get the weight 1, all others 0. Here: this patch. All: the mean over all patches.`;
}

// What the pointer is over.

export function toldSentence(view, hovered) {
  if (hovered === null) return "Brighter patches come earlier in a relation's order. Point at one to read its places.";
  const { labels, selected } = view,
    name = capital(patchText(view, hovered));
  if (hovered === selected) return `${name}: the one that asks, in no order.`;
  return labels
    ? `${name}: ${labels[hovered] === labels[selected] ? "the same region" : "another region"}.`
    : `${name}.`;
}

// Under each map: how it comes about, or the place of what the pointer is over.
export function underTexts({ answers, guess, marked, selected, count }, hovered) {
  if (hovered === null || hovered === selected) return { ...HOW, eye: guess ? HOW.eye : "" };
  const ahead = (row) => row.reduce((sum, weight, patch) => sum + (patch !== selected && weight > row[hovered]), 0);
  const places = Object.entries(answers).map(([family, { row }]) => [
    family,
    row[hovered] === 0 ? "not reached" : `place ${1 + ahead(row)} of ${count - 1}`,
  ]);
  return { ...Object.fromEntries(places), eye: guess ? (marked.includes(hovered) ? "marked" : "not marked") : "" };
}
