// What a reader is told about a kernel: whole sentences, and what the parts of the page are called.

import { fixed, grouped, minus, percent, placeText, plural, text } from "../common/words.mjs";
import limits from "./limits.json" with { type: "json" };

const [, MOST_LAYERS] = limits.counts.layers;
const { largest_weight: LARGEST_WEIGHT } = limits;
const HELD = `${percent(limits.held)} of the influence`;

export const LABEL = "Convolution explorer";
export const CHOICES = { name: "Kernel", size: "Size K", boundary: "Boundary", dilation: "Dilation" };
export const OWN_KERNEL = "your own";
export const BOUNDARIES = { zero: "zero outside", circular: "circular" };
export const DILATIONS = { 1: "1", 2: "2 in every layer", doubling: "doubling: 1, 2, 4, …" };
export const LAYERS = "Layers L";
export const STRIDES = "Stride 2 in layer";
export const strideLabel = (layer) => `${STRIDES} ${layer}`;
export const CANVASES = { input: "Pixel that asks", output: "Its answer", field: "Output that listens" };
export const KERNEL_NOTE = text`Each weight, −${LARGEST_WEIGHT} to ${LARGEST_WEIGHT}, lies over the pixel it multiplies:
  a correlation, as in F.conv2d, the kernel is not flipped.`;
export const FIELD_NOTE = text`Color: the share of all paths through the layers that start at a pixel. For random
  weights this is its share in the expected squared gradient. Frame: all they see, the receptive field; dashed:
  ${percent(limits.held)}.`;

const square = (side) => `${grouped(side)} × ${grouped(side)}`;
export const sizeText = square;

export const titles = ({ query, size, layers }) => ({
  input: "Pixels, in gray",
  output: "All answers: the feature map",
  kernel: `The kernel, ${plural(size ** 2, "weight")}`,
  sum: "One answer: pixels × weights",
  row: `Row ${query} of A, as a map`,
  matrix: "The whole A, on a small picture",
  depth: layers === 1 ? "How far 1 layer sees" : `How far ${layers} layers see`,
});

// Numbers.

// What rounds to −0 is 0.
const value = (number, digits = 3) => fixed(Number(number.toFixed(digits)) + 0, digits);
const cellDigits = (number) => (Math.abs(number) < 9.9995 ? 3 : 2); // what a cell has room for

// A weight as it is read: one too small for its digits keeps its order.
function weightText(weight) {
  const rounded = Number(weight.toFixed(cellDigits(weight))) + 0;
  if (rounded !== 0 || weight === 0) return minus(String(rounded));
  return weight.toExponential(0).replaceAll("-", "−");
}

// A weight as its field holds it.
export const typedWeight = (weight) => Number(weight.toFixed(4)) || Number(weight.toPrecision(2));

export function offsetLabel(index, size) {
  const [down, right] = [Math.floor(index / size), index % size].map((place) => minus(`${place - (size - 1) / 2}`));
  return `Weight at offset (${down}, ${right})`;
}

// A pixel, the weight over it, and their product.
export const pixelText = (pixel) => (pixel === null ? "outside" : value(pixel));
export const timesText = (weight) => `× ${weightText(weight)}`;
export const productText = (product) => `= ${value(product, cellDigits(product))}`;

// Sentences.

const named = (pixel, grid) => `Pixel ${pixel} (${placeText(pixel, grid)})`;

export const placeSentence = ({ query, grid, gray, answers }) =>
  `${named(query, grid)} is ${value(gray[query])}; its answer is ${value(answers[query])}.`;

export function graySentence({ signed, most, kernel }) {
  if (signed) return `Zero is the middle gray, black ${value(-most)}, white ${value(most)}.`;
  if (kernel.every((weight) => weight === 0)) return "Every weight is 0, and so is every answer: black.";
  return `Black is 0, white ${value(most)}, the sum of the weights.`;
}

export function totalSentence({ products, places }) {
  const sum = (keep) => value(products.filter(keep).reduce((total, each) => total + each, 0)),
    outside = places.filter((place) => place === null).length;
  const total = text`Products above zero ${sum((each) => each > 0)}, below ${sum((each) => each < 0)}: the answer is
    ${sum(() => true)}.`;
  if (outside === 0) return total;
  return outside === 1
    ? `${total} 1 neighbor outside counts as 0.`
    : `${total} ${outside} neighbors outside count as 0.`;
}

export function rowSentence({ query, count, places, kernel }) {
  const heard = places.filter((place, index) => place !== null && kernel[index] !== 0).length,
    row = `Row ${query} of A: ${heard} of ${grouped(count)} weights`,
    every = "Every row holds the same kernel, at its own place.";
  return heard === 1 ? `${row} is not zero. ${every}` : `${row} are not zero. ${every}`;
}

// What the pointer is over: its part in the row.
export function pairSentence({ grid, query, places, kernel, gray }, pixel) {
  const index = places.indexOf(pixel),
    name = named(pixel, grid);
  if (index < 0) return `${name} is not in the neighborhood: its weight in row ${query} is 0.`;
  return `${name} is ${value(gray[pixel])}; its weight in row ${query} is ${weightText(kernel[index])}.`;
}

export function matrixSentence({ boundary, small: { side, row } }) {
  const rows = text`On ${side} × ${side} pixels A has ${side ** 2} rows. Row ${row} is outlined: this place. Each row is
    the one above, one pixel further`;
  if (boundary === "circular") return `${rows}; at the edges the bands go on from the other side.`;
  return `${rows}; at the edges what would lie outside is missing.`;
}

export function fieldSentence({ layers, field, size, grid }) {
  const { size: side, held, jump, taps } = field,
    [see, ask] = layers === 1 ? ["sees", "asks"] : ["see", "ask"];
  const all = `${plural(layers, "layer")} of ${square(size)} ${see} ${square(side)} pixels`,
    beyond = side > Math.max(...grid) ? `${all}, more than the picture` : all,
    asked = taps < side ? `${beyond}, and ${ask} only ${grouped(taps ** 2)} of them` : beyond;
  return `${asked}; ${square(held)} hold ${HELD}. Outputs stand ${plural(jump, "pixel")} apart.`;
}

export function growthLabel({ growth }) {
  const sizes = (name) =>
    growth
      .slice(1)
      .map((field) => field[name])
      .join(", ");
  return text`After 1 to ${MOST_LAYERS} layers. All they see: ${sizes("size")} pixels. ${HELD}: ${sizes("held")}
    pixels.`;
}

// In the pictures.

export const GROWTH = { size: "all it sees", held: HELD };
export const GROWTH_CAPTION = "layers";
