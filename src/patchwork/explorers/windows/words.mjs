// What a reader is told about windows: whole sentences, and what the parts of the page are called.

import { fixed, listed, percent, placeText, plural, text } from "../common/words.mjs";
import { placesApart, shiftedToken } from "./formulas.mjs";
import limits from "./limits.json" with { type: "json" };

const [, MOST_BLOCKS] = limits.counts.blocks;

export const LABEL = "Window explorer";
export const STEP = "Step";
export const STEPS = { tokens: "Tokens", shift: "Shift", windows: "Windows", mask: "Mask", unshift: "Shift back" };
export const BUTTONS = { previous: "Previous", next: "Next" };
export const CHOICES = { windowSize: "Window size M", shift: "Shift u" };
export const CANVASES = { photo: "Token that asks", window: "Token of its window", reach: "Token that listens" };
export const SLIDERS = { blocks: "Blocks L", side: "Side of the grid, in tokens" };
export const TOGGLES = { shifted: "Shift every second block", merging: "Merge 2 × 2 after every two blocks" };
export const MASK = "Its mask: row asks, column answers";
export const FORMULA = `Global 4ND² + 2N²D, windows 4ND² + 2M²ND; D\u00a0=\u00a0${limits.dim}.`;

export const sidesText = (sides) => sides.join(" × ");

export function shiftText(shift, windowSize) {
  if (shift === 0) return "0, none";
  return 2 * shift === windowSize ? `${shift}, half of M` : `${shift}`;
}

const named = (token, grid) => `Token ${token} (${placeText(token, grid)})`;

const STEP_SENTENCES = {
  tokens({ grid, query, tokens, kinds }) {
    const asks = `${named(query, grid)} asks.`;
    if (kinds === 1)
      return text`${asks} The frame holds the ${tokens.length} tokens of its window, which lie together in the
        photograph too.`;
    return text`${asks} The frames hold the ${tokens.length} tokens of its window, from ${kinds} regions of the
      photograph.`;
  },
  shift({ grid, query, shift }) {
    if (shift === 0) return `${named(query, grid)} stays where it is: nothing moves by a shift of 0.`;
    const place = placeText(shiftedToken(query, grid, shift), grid);
    return text`${named(query, grid)} now stands at ${place}: the grid moved up and left by ${shift}, around the
      border.`;
  },
  windows({ grid, query, window, windowSize, kinds }) {
    const tokens = `${named(query, grid)} is in window ${window}: ${windowSize} × ${windowSize} tokens`;
    if (kinds === 1) return `${tokens} which lie together in the photograph too.`;
    return `${tokens} from ${kinds} regions of the photograph.`;
  },
  mask({ grid, query, window, tokens: { length }, kinds, answers }) {
    const tokens = `${named(query, grid)} is in window ${window}, with ${length} tokens`;
    if (kinds === 1)
      return `${tokens} which lie together in the photograph too: all ${length} answer, nothing is masked.`;
    return text`${tokens} from ${kinds} regions of the photograph: ${answers} of ${length}
      ${answers === 1 ? "answers" : "answer"}, ${length - answers} are false neighbors and masked.`;
  },
  unshift({ grid, query, tokens: { length }, kinds, answers }) {
    const back = `${named(query, grid)} is back in its place:`,
      elsewhere = `the ${length - answers} false neighbors on other sides of the photograph`;
    if (kinds === 1) return `${back} all ${length} that answer lie around it.`;
    if (answers === 1) return `${back} it answers alone, ${elsewhere}.`;
    return `${back} the ${answers} that answer lie around it, ${elsewhere}.`;
  },
};

export const stepSentence = (view) => STEP_SENTENCES[view.step](view);

const STEP_TITLES = {
  tokens: () => "1. The tokens, in place",
  shift: ({ shift }) => (shift ? `2. Shifted up and left by ${shift}` : "2. Shifted by 0: nothing moves"),
  windows: ({ windowSize }) => `3. Cut into windows of ${windowSize} × ${windowSize}`,
  mask: () => "4. Masked: its own region answers",
  unshift: () => "5. Shifted back, each in its place",
};

export const titles = (view) => ({
  step: STEP_TITLES[view.step](view),
  window: `Window ${view.window}, enlarged`,
  reach: `How far token ${view.query} hears`,
  cost: `What attention costs: everyone, or ${view.tokens.length} tokens at a time`,
});

const apartText = (one, other, columns) =>
  listed(
    placesApart(one, other, columns).flatMap((count, axis) => (count ? plural(count, ["row", "column"][axis]) : [])),
  );

// How a token answers the query, or why it doesn't.
export function pairSentence({ grid, query, tokens, regions, kinds, row, may, window, windowSize }, token) {
  if (token === query) return `Token ${token} answers itself.`;
  const place = tokens.indexOf(token),
    name = named(token, grid);
  if (place < 0) return `${name} is in another window: it is not asked.`;
  const region = regions[place] + 1;
  if (may[place] && kinds === 1) return `${name} answers: same window.`;
  if (may[place]) return `${name} answers: same window, region ${region} like token ${query}.`;
  const near = apartText(place, row, windowSize),
    far = apartText(token, query, grid[1]);
  return text`${name}, region ${region}, is a false neighbor: ${near} away in window ${window}, ${far} in the
    photograph.`;
}

export const maskLabel = ({ window, tokens: { length }, query, answers }, pair) =>
  `The mask of window ${window}, ${length} × ${length}: token ${query} is answered by ${answers}. ${pair}`;

export function heardSentence({ query, blocks, reach, count, stride, growth, shifted }) {
  const after = `After ${plural(blocks, "block")} token ${query}`,
    heard = `has heard of ${reach[blocks].heard} of ${count} tokens`;
  const told =
    stride > 1 ? `${after}, as part of a merged token of ${stride} × ${stride}, ${heard}` : `${after} ${heard}`;
  return shifted ? `${told}; without shift ${growth.still[blocks]}.` : `${told}; with shift ${growth.shifted[blocks]}.`;
}

export const growthLabel = ({ growth: { shifted, still } }) =>
  text`Tokens heard after 0 to ${MOST_BLOCKS} blocks. Shifted: ${shifted.join(", ")}. Not shifted:
    ${still.join(", ")}.`;

const UNITS = [
  [1e9, "G", "billion"],
  [1e6, "M", "million"],
  [1e3, "k", "thousand"],
];

function scaled(number) {
  const [power, letter, word] = UNITS.find(([least]) => number >= least) ?? UNITS.at(-1);
  return { share: number / power, letter, word };
}

// A number of multiply-adds: on an axis, over a bar, and in a sentence.
export function powerText(number) {
  const { share, letter } = scaled(number);
  return `${share}\u202f${letter}`;
}
export function amountText(number) {
  const { share, letter } = scaled(number);
  return `${share.toPrecision(3)}\u202f${letter}`;
}
function amountWords(number) {
  const { share, word } = scaled(number);
  return `${share.toPrecision(3)} ${word}`;
}

export function costSentence({ cost: { whole, windows }, sides, windowSize }) {
  const global = `${sidesText(sides)} tokens: global attention takes ${amountWords(whole.total)} multiply-adds`,
    local = `windows of ${windowSize} × ${windowSize} with ${amountWords(windows.total)}`;
  if (whole.total === windows.total) return `${global}, as many as ${local}.`;
  return `${global}, ${fixed(whole.total / windows.total, 1)} times as many as ${local}.`;
}

export const curveLabel = ({ windowSize }, cost) =>
  `Both costs against the side of the grid, equal at ${windowSize} tokens. ${cost}`;

// In the pictures.

export const ROUND = { top: "from the top", left: "from the left" };
export const SHARES = "share of tokens heard, by blocks";
export const shareText = (share) => (share === 0 ? "0" : percent(share));
export const GROWTH = { shifted: "with shift", still: "without shift" };
export const barText = (name, total) => `${name}: ${amountText(total)}`;
export const PARTS = { projections: "projections", products: "pairs: QKᵀ and AV" };
export const COSTS = { whole: "global", windows: "windows" };
export const SIDES = "multiply-adds, by side of the grid";
export const BEYOND = ["beyond N = 2D, pairs", "outweigh projections"];
export const equalText = (windowSize) => `equal at M = ${windowSize}`;
