// What a reader is told about the answers: whole sentences, and what the parts of the page are called.

import { capital, fixed, percent, placeText, text } from "../common/words.mjs";
import limits from "./limits.json" with { type: "json" };

const { grid: GRID, blocks: BLOCKS } = limits,
  COUNT = GRID[0] * GRID[1];
const TEXTURES = ["brick", "grass"];

export const LABEL = "Answers explorer";
export const MARKED = "Marked patch";
export const LARGE = "Patch that answers";
export const RESET = "Reset";
export const NETWORK = "Network";
export const SHOW = "Show";
export const VIEWS = { right: "right or wrong", answers: "the answers", steps: "when the news arrives" };
export const COUNTED = { reached: "news ", others: "none " };
export const READ = "Below each map: how many answer rightly, first of those the news reaches, then of the others.";
export const DISTANCE = "distance from the mark, in patches";
export const RIGHT = "right, over all marks";
export const CEILING = "ceiling";

const RELATIONS = {
  own: "each hears itself",
  convolution: "a 3 × 3 kernel",
  local: "attention in 3 × 3",
  window: "attention in windows",
  shifted: "windows that shift",
  global: "attention to all",
  grid: "a graph, 4 that touch",
  knn: "a graph, 8 most alike",
};

// What an answer is called, no and yes, and what it says of the patch, in the order of the colors.
const ANSWERS = { same: ["different", "same"], left: ["not left", "left"] };
const KINDS = { same: ["“I am brick”", "“I am grass”"], left: ["“not left”", "“left”"] };

export const networkName = (name) => (name === "knn" ? "kNN" : name);
const networkTitle = (name) => (name === "knn" ? "kNN" : capital(name));
const textureOf = ({ textures }, patch) => TEXTURES[textures[patch]];

// What parts of the page are titled.

const isPlain = ({ name, relation }) => name === relation;

const networkSentence = (map) =>
  isPlain(map) ? `${networkTitle(map.name)}: ${RELATIONS[map.relation]}` : networkTitle(map.name);

export const titles = ({ chosen, maps }) => ({
  marked: "The scene, and the mark",
  large: networkSentence(chosen),
  networks: maps.every(isPlain) ? "Every network: one for each relation" : "Every network",
  curve: "Right answers by distance",
});

export const countText = ([right, all]) => (all ? `${right}/${all}` : "–");

export const tileLabel = ({ name, reached: [right, all], others: [guessed, rest] }) =>
  `${name}: ${right} of ${all} with news are right, ${guessed} of ${rest} without`;

// The mark, and what is asked.

export function placeSentence(view) {
  const { selected, question, textures, distances } = view,
    texture = textureOf(view, selected),
    place = `The mark: ${placeText(selected, GRID)}, ${texture}.`,
    asked = distances.filter(Boolean).length;
  if (question === "left") return `${place} ${asked} patches are asked whether it lies in a column left of theirs.`;
  const alike = textures.filter((each) => each === textures[selected]).length - 1;
  return `${place} Each other patch is asked: are you ${texture} too? ${alike} of ${asked} are.`;
}

// Whom the news reaches, what that tells, and what the others answer.

export const shownSentence = (view) =>
  [reachSentence(view.chosen), hintSentence(view), guessSentence(view)].filter(Boolean).join(" ");

function reachSentence({ reached: [right, all], pooling }) {
  if (!all) return "The news reaches nobody else.";
  if (pooling) return `The news reaches ${all} in three blocks and a mean: ${right} answer rightly.`;
  return `The news reaches ${all} in three blocks: ${right} answer rightly.`;
}

// To be reached by the graph of the most alike is an answer itself.
const reachTells = ({ chosen: { relation, pooling }, question }) =>
  relation === "knn" && !pooling && question === "same";

function hintSentence(view) {
  const { chosen, question, textures, selected } = view;
  if (reachTells(view)) {
    const reached = textures.filter((_, patch) => chosen.steps[patch] !== null && patch !== selected),
      alike = reached.filter((texture) => texture === textures[selected]).length;
    return text`${alike} of the ${reached.length} are ${textureOf(view, selected)} like the mark: to be reached is an
      answer itself.`;
  }
  if (question === "left" && chosen.reached[1])
    return "To be reached is not enough here: where the news came from must be heard too.";
  return null;
}

function guessSentence(view) {
  const {
      chosen: { reached, others },
      guessed,
    } = view,
    [right, all] = others,
    over = `${percent(guessed)} over all marks`;
  if (!all) return null;
  if (reachTells(view)) return `So is not to be: ${right} of ${all} others are right, ${over}.`;
  if (reached[1]) return `${right} of ${all} others are right, ${over}: without news that is a guess.`;
  return `${right} of ${all} patches are right, ${over}: without news that is a guess.`;
}

// How far right answers go.

export function chartSentence({ accuracy, ceiling, chosen }) {
  const shareAt = (distance) => {
    const share = `${percent(accuracy[distance - 1])} at distance ${distance}`;
    return ceiling ? `${share} (ceiling ${percent(ceiling[distance - 1])})` : share;
  };
  const shares = [1, 4, 8].filter((distance) => accuracy[distance - 1] !== null).map(shareAt),
    told = `${networkTitle(chosen.name)}, over all ${COUNT} marks of this scene: right are ${shares.join(", ")}.`;
  return ceiling ? told : `${told} It has no ceiling by distance: its graph depends on the patches.`;
}

export function chartLabel(view) {
  const shares = view.accuracy.map((share) => (share === null ? "–" : percent(share)));
  return `${chartSentence(view)} Right at distances 1 to ${shares.length}: ${shares.join(", ")}.`;
}

// One patch, its answer, and whether the news arrives.

export function toldSentence(view, patch) {
  const { chosen, selected, distances, question } = view,
    where = capital(placeText(patch, GRID)),
    texture = textureOf(view, patch),
    said = `${answerSentence(view, patch)} ${newsSentence(chosen, patch)}`;
  if (patch === selected) return `${where}: the mark itself, ${texture}.`;
  if (!distances[patch]) return `${where}: not asked. ${newsSentence(chosen, patch)}`;
  if (question === "left") return `${where}, distance ${distances[patch]}. ${said}`;
  return `${where}, distance ${distances[patch]}: ${texture}, the mark is ${textureOf(view, selected)}. ${said}`;
}

function answerSentence({ chosen: { name, yes, sure, digits, right }, question }, patch) {
  const answer = ANSWERS[question][Number(yes[patch] > 0.5)],
    verdict = right[patch] ? "right" : "wrong";
  return `${networkTitle(name)} says “${answer}”, probability ${fixed(sure[patch], digits)}: ${verdict}.`;
}

function newsSentence({ steps }, patch) {
  if (steps[patch] === null) return "The news can't arrive in three blocks.";
  if (steps[patch] > BLOCKS) return "The news arrives by the mean at the end.";
  return `The news arrives after block ${steps[patch]} of ${BLOCKS}.`;
}

// What the colors mean, in their order.

const KEYS = {
  right: ({ question }) =>
    question === "left" ? ["right", "wrong", "faint: no news", "not asked"] : ["right", "wrong", "faint: no news"],
  answers: ({ question }) => [...KINDS[question], "faint: unsure"],
  steps: ({ chosen }) => ["block 1", "2", "3", chosen.pooling ? "the mean" : "never"],
};

export const keyTexts = (view) => KEYS[view.view](view);
export const keyLabel = (view) => `Colors: ${keyTexts(view).join(", ")}`;
