// What a reader is told about attention: whole sentences, and what the parts of the page are called.

import { capital, fixed, percent, placeText } from "../common/words.mjs";

export const LABEL = "Attention explorer";
export const CHOICES = { scene: "Picture", block: "Block", head: "Head", model: "Model" };
export const SCALE = "Scale of the logits, 1 / (temperature · √d)";
export const USUAL = "1/√d";
export const UNSCALED = "no scaling";
export const SIDE_BY_SIDE = "side by side";
export const RESET = "Reset";
export const NOTHING = "weight 0";
export const SAME_REGION = "same region";
export const OTHER_REGIONS = "other regions";

export const meanOfAll = (heads) => `mean of all ${heads}`;
export const scaleEnds = (power) => [`1/${2 ** power}`, `× ${2 ** power}`];
export const askingLabel = (model) => `Token that asks, ${model}`;
export const answersLabel = (model) => `Answers by weight, ${model}`;
export const prefixText = (token, short) => (token > 0 ? `r${token}` : short ? "cls" : "class");
export const uniformText = (tokens) => `uniform 1/${tokens}`;

const SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹";
const shareText = (share) => percent(share, share < 0.0995 ? 1 : 0);

export function weightText(weight) {
  if (weight === 0 || weight >= 1e-4) return String(Number(weight.toPrecision(weight > 0.0995 ? 3 : 2)));
  const [digits, power] = weight.toExponential(1).split("e-");
  return `${digits} · 10⁻${[...power].map((digit) => SUPERSCRIPTS[digit]).join("")}`;
}

function times(factor) {
  if (factor < 0.995) return String(Number(factor.toPrecision(2)));
  return factor < 9.95 ? factor.toFixed(1) : String(Math.round(factor));
}

// Which token it is, with its place, and in short.

function tokenText({ prefix, grid }, token) {
  const patch = token - prefix;
  if (patch < 0) return token === 0 ? "the class token" : `register ${token}`;
  const place = placeText(patch, grid);
  return prefix ? `patch ${patch} (token ${token}, ${place})` : `patch ${patch} (${place})`;
}

function tokenName({ prefix }, token) {
  if (token >= prefix) return `Patch ${token - prefix}`;
  return token === 0 ? "Class token" : `Register ${token}`;
}

export function scaleSentence({ temperature, scale, dim }) {
  if (temperature === 1) return `scale = 1/√d = 1/√${dim} = ${times(scale)}`;
  const factor = times(1 / temperature);
  if (Math.abs(scale - 1) < 1e-9) return `scale = 1/√d · ${factor} = 1: no scaling`;
  return `scale = 1/√d · ${factor} = ${times(scale)}`;
}

// Who asks, and under each model how far its answers are spread.

export function askingSentence({ scene, query, tokens }) {
  const asker = capital(tokenText(scene, query));
  return scene.prefix ? `${asker} asks, ${tokens} tokens answer.` : `${asker} asks, ${tokens} patches answer.`;
}

export const toldSentence = (view) =>
  `${askingSentence(view)} ${view.columns.map((column) => summary(column, view)).join("; ")}`;

function summary(column, view) {
  const spread = `${column.name}: ${spreadText(column, view)}`;
  return column.region ? `${spread}, ${shareText(column.region.mass)} in its region` : spread;
}

const spreadText = ({ entropy }, { tokens }) => `as if spread over ${times(Math.exp(entropy))} of ${tokens}`;

// What one model's answers come to: a title and what it says, line by line. The last is about the marked token.

export function findings(column, view, marked) {
  const { entropy, largest } = column,
    lines = [
      ["Entropy", `${fixed(entropy)} nats: ${spreadText(column, view)}`],
      ["Largest weight", `${weightText(largest)} = ${times(largest * view.tokens)} × uniform`],
      pair(column, view, marked),
    ];
  return view.scene.labels ? [["Mass in its region", regionText(column)], ...lines] : lines;
}

const regionText = ({ region }) => (region ? `${shareText(region.mass)}, chance ${shareText(region.chance)}` : "—");

function pair({ products, rows, weights }, { scene, query, head, scale }, token) {
  const name = tokenName(scene, token),
    title = token === query ? `${name}, itself` : name,
    weight = `weight ${weightText(weights[token])}`;
  if (head !== null || rows.length === 1) {
    const product = products[0][token];
    return [title, `q·k = ${fixed(product)}, logit ${fixed(product * scale)}, ${weight}`];
  }
  const byHead = rows.map((row) => row[token]),
    [least, most] = [Math.min(...byHead), Math.max(...byHead)].map(weightText);
  return [title, `${weight}, the mean of ${least} …\u00a0${most}`];
}

export const pairSentence = ([title, text]) => `${title}: ${text}`;

// What the colors mean, at no weight, at the uniform one, and at the top.

export const legendTexts = ({ tokens, top, columns }) => ({
  nothing: NOTHING,
  uniform: `${uniformText(tokens)} = ${weightText(1 / tokens)}`,
  top: columns.some(({ largest }) => largest > top) ? `≥ ${weightText(top)}` : weightText(top),
});

export const legendLabel = (view) => `Colors from weight 0 to ${weightText(view.top)}; ${legendTexts(view).uniform}`;
