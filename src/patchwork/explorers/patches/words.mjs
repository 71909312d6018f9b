// What a reader is told about patches: whole sentences, and what the parts of the page are called.

import { fixed, grouped, placeText, plural, text } from "../common/words.mjs";
import { elementPlace } from "./formulas.mjs";

export const LABEL = "Patch explorer";
export const SLIDERS = { photo: "Patch of the image", patch: "Pixel of the patch", vector: "Number of the vector" };
export const TRACK = "Place in the sequence";
export const CONTROLS = { patchSize: "Patch size P", stride: "Stride", shuffled: "Shuffle the patches" };
export const WHY_NOT_SHUFFLED = "without overlap only";
export const CHANNELS = ["red", "green", "blue"];

const patches = (count) => plural(count, "patch", "patches");

export const patchSizeText = (patchSize) => `${patchSize} × ${patchSize}`;
export const strideText = (stride, patchSize) => (stride === patchSize ? `${stride}, no overlap` : `${stride}`);

// Titles.

export function imageTitle({ grid: [rows, columns], shuffled }) {
  if (shuffled) return "Put together from the shuffled sequence";
  return `The image: ${plural(rows, "row")} × ${plural(columns, "column")}`;
}

export const sequenceTitle = ({ count, shuffled }) =>
  shuffled ? `The same ${patches(count)}, shuffled` : `The sequence: ${patches(count)}, row after row`;

export const vectorTitle = ({ dim }, selected) => `Patch ${selected} as a vector of ${grouped(dim)} numbers`;

export const stripLabel = (selected) => `The patches around patch ${selected}, as they follow in the sequence`;

// What a cut costs: a letter, and what it is.

export function countLines(view) {
  const { dim, weights, bytes, patchSize } = view;
  return [
    ["N", patchCountText(view)],
    ["D", `3 × ${patchSize} × ${patchSize} = ${grouped(dim)} numbers each`],
    ["N · D", numberCountText(view)],
    ["A", `N² = ${plural(weights, "weight")}, ${bytesText(bytes)} in float32`],
  ];
}

function patchCountText({ grid: [rows, columns], count, patchSize, stride, height }) {
  const product = `${rows} × ${columns} = ${patches(count)}`;
  return stride === patchSize ? product : `${product}, ${rows} = (${height} − ${patchSize}) / ${stride} + 1`;
}

function numberCountText({ numbers, width, height }) {
  const image = 3 * width * height;
  if (numbers === image) return `${grouped(numbers)} numbers, exactly as many as the image`;
  return `${grouped(numbers)} numbers, ${fixed(numbers / image, 1)} times the image’s ${grouped(image)}`;
}

const UNITS = ["B", "kB", "MB", "GB"];

function bytesText(bytes) {
  const power = Math.min(Math.floor(Math.log10(bytes) / 3), UNITS.length - 1),
    amount = bytes / 1000 ** power;
  return `${fixed(amount, amount < 10 && power ? 1 : 0)} ${UNITS[power]}`;
}

// Sentences.

export const cutSentence = ({ grid: [rows, columns], count }) => `${rows} × ${columns} = ${patches(count)}.`;

export function patchSentence({ grid, places, shuffled }, selected) {
  const place = places[selected],
    [, columns] = grid;
  if (shuffled)
    return `Patch ${selected} now stands at place ${place} (${placeText(place, grid)}). Its vector is the same.`;
  return text`Patch ${selected} is in ${placeText(place, grid)}: ${Math.floor(place / columns)} × ${columns} +
    ${place % columns} = ${selected}.`;
}

export const trackText = ({ places, count }, selected) =>
  `place ${places[selected]} of 0 to ${count - 1}: patch ${selected}`;

export function numberSentence({ patchSize }, selected, element, vector) {
  const { channel, row, column } = elementPlace(element, patchSize);
  return text`x[${selected}, ${element}] = ${fixed(vector[element])} · ${CHANNELS[channel]}, row ${row}, column
    ${column}`;
}

// In the drawings.

export const rowText = (row) => `row ${row}`;
export const channelLetter = (channel) => channel[0].toUpperCase();
