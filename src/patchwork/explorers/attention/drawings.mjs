// The attention explorer's drawings. Each gets what it shows and draws it into (width, height); none keeps anything.

import { cividis, DARK, drawBorders, outline, pixelCanvas } from "../common/canvas.mjs";
import { clamped } from "../common/controls.mjs";
import * as words from "./words.mjs";

const STRIP = 0.2,
  GAP = 0.04; // of the width, for the tokens before the patches
const HEAT = { photo: 0.8, crisp: 0.65 }; // its strength over the picture, which stays in sight
const SIDE = 0.24; // of the height, at least, for the answers of either side

// Colors grow with the square root of a weight: one large weight doesn't hide the others.
const warmth = (weight, top) => Math.sqrt(weight / top);

// How high a map is for each pixel of its width.
export const mapAspect = ({ picture, prefix }) => (picture.height / picture.width) * (prefix ? 1 - STRIP - GAP : 1);

// Where each token stands: the patches over the picture, those before them in a strip at its left.
function places(width, height, { grid: [rows, columns], prefix }) {
  const left = prefix ? (STRIP + GAP) * width : 0,
    wide = (width - left) / columns,
    high = height / rows;
  const side = prefix ? Math.min(STRIP * width, height / prefix - 4) : 0;
  const cell = (token) => {
    if (token < prefix) return { left: 0, top: token * (side + 4), width: side, height: side };
    const patch = token - prefix;
    return {
      left: left + (patch % columns) * wide,
      top: Math.floor(patch / columns) * high,
      width: wide,
      height: high,
    };
  };
  return { left, side, wide, high, cell };
}

export function tokenAt(x, y, width, height, scene) {
  const {
      grid: [rows, columns],
      prefix,
    } = scene,
    { left, side, wide, high } = places(width, height, scene);
  const within = (position, count) => clamped(Math.floor(position), count - 1);
  if (x < left - (GAP * width) / 2) return within(y / (side + 4), prefix);
  return prefix + within(y / high, rows) * columns + within((x - left) / wide, columns);
}

export function drawMap(context, width, height, { view: { scene, query, top }, weights, marked, colors }) {
  const {
      grid: [rows, columns],
      prefix,
      picture,
      crisp,
    } = scene,
    { left, cell } = places(width, height, scene);
  const heat = weights.map((weight) => warmth(weight, top));
  context.imageSmoothingEnabled = !crisp;
  context.drawImage(picture.canvas, left, 0, width - left, height);
  context.imageSmoothingEnabled = false;
  context.globalAlpha = crisp ? HEAT.crisp : HEAT.photo;
  context.drawImage(heatCanvas(heat.subarray(prefix), rows, columns), left, 0, width - left, height);
  context.globalAlpha = 1;
  for (let token = 0; token < prefix; token++) drawPrefix(context, cell(token), heat[token], token);
  if (scene.labels) drawBorders(context, scene.pairs, scene.labels, { cell: (patch) => cell(patch + prefix) });
  if (marked !== query) outline(context, cell(marked), DARK, 1);
  outline(context, cell(query), colors.accent, cell(query).width < 14 ? 2 : 3);
}

// The colors from 0 to the top weight, RGBA.
const COLORS = Uint8ClampedArray.from({ length: 4 * 256 }, (_, byte) => [...cividis((byte >> 2) / 255), 255][byte & 3]);

function heatCanvas(heat, rows, columns) {
  const pixels = new Uint8ClampedArray(4 * rows * columns);
  heat.forEach((value, patch) => {
    const level = 4 * Math.round(255 * Math.min(value, 1));
    pixels.set(COLORS.subarray(level, level + 4), 4 * patch);
  });
  return pixelCanvas(pixels, columns, rows);
}

function drawPrefix(context, { left, top, width, height }, heat, token) {
  context.fillStyle = `rgb(${cividis(heat).join(" ")})`;
  context.fillRect(left, top, width, height);
  context.font = "11px system-ui, sans-serif";
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.fillStyle = heat > 0.5 ? DARK : "#ffffff";
  context.fillText(words.prefixText(token, width < 48), left + width / 2, top + height / 2);
}

// All answers, the largest first. With regions: up for the query's own, down for the others, so a side is seen by place
// too.
export function drawAnswers(context, width, height, { view, weights, order, marked, colors }) {
  const { same, tokens } = view,
    { base, unit } = axis(view, height),
    pitch = width / tokens;
  const below = (token) => same !== null && !same[token];
  drawBars(context, { view, weights, order, below, base, unit, pitch }, colors);
  context.fillStyle = colors.edge;
  context.fillRect(0, base - 0.5, width, 1);
  drawUniform(context, width, { base, level: unit / tokens, both: same, tokens }, colors);
  if (same) nameSides(context, width, height, colors);
  const x = Math.min(Math.max((order.indexOf(marked) + 0.5) * pitch, 5), width - 5),
    tall = weights[marked] * unit;
  markAnswer(context, x, below(marked) ? base + tall : base - tall, height, colors);
}

// The query's own bar comes last: where bars are thinner than a pixel, it still shows.
function drawBars(context, { view: { query }, weights, order, below, base, unit, pitch }, { blue, quiet, accent }) {
  const wide = pitch > 4 ? pitch - 1.5 : pitch;
  const bar = (token, rank, color) => {
    const tall = weights[token] * unit;
    context.fillStyle = color;
    context.fillRect(rank * pitch, below(token) ? base : base - tall, wide, tall);
  };
  order.forEach((token, rank) => {
    if (token !== query) bar(token, rank, below(token) ? quiet : blue);
  });
  bar(query, order.indexOf(query), accent);
}

// Where weight 0 lies and how many pixels a weight of 1 takes, the same for every model: the two sides share the
// height.
function axis({ largest: { same, others } }, height) {
  const room = height - 10,
    share = others === null ? 0 : Math.min(Math.max(others / (same + others), SIDE), 1 - SIDE);
  const base = 5 + (1 - share) * room;
  return { base, unit: Math.min((base - 5) / same, others === null ? Infinity : (share * room) / others) };
}

function drawUniform(context, width, { base, level, both, tokens }, { ink, paper }) {
  context.save();
  context.strokeStyle = ink;
  context.lineWidth = 1;
  context.setLineDash([5, 3]);
  for (const height of both ? [base - level, base + level] : [base - level]) {
    context.beginPath();
    context.moveTo(0, height);
    context.lineTo(width, height);
    context.stroke();
  }
  context.restore();
  write(context, words.uniformText(tokens), width, base - level - 4, { ink, paper });
}

function nameSides(context, width, height, { quiet, paper }) {
  write(context, words.SAME_REGION, width, 11, { ink: quiet, paper });
  write(context, words.OTHER_REGIONS, width, height - 4, { ink: quiet, paper });
}

function write(context, text, right, bottom, { ink, paper }) {
  context.font = "11px system-ui, sans-serif";
  context.textAlign = "right";
  context.textBaseline = "alphabetic";
  context.lineJoin = "round";
  context.lineWidth = 3;
  context.strokeStyle = paper;
  context.strokeText(text, right, bottom);
  context.fillStyle = ink;
  context.fillText(text, right, bottom);
}

function markAnswer(context, x, y, height, { ink, paper }) {
  context.fillStyle = ink;
  context.globalAlpha = 0.35;
  context.fillRect(x - 0.75, 0, 1.5, height);
  context.globalAlpha = 1;
  context.beginPath();
  context.arc(x, y, 4, 0, 2 * Math.PI);
  context.fill();
  context.strokeStyle = paper;
  context.lineWidth = 1.5;
  context.stroke();
}

export const rankAt = (x, width, tokens) => clamped(Math.floor((x / width) * tokens), tokens - 1);

// The colors of the weights from 0 to the largest, with the uniform weight marked.
export function drawLegend(context, width, height, { view, colors: { ink } }) {
  const texts = words.legendTexts(view),
    uniform = width * warmth(1 / view.tokens, view.top);
  context.drawImage(pixelCanvas(COLORS, 256, 1), 0, 0, width, 14);
  for (const [color, tall] of [
    [ink, 18],
    ["#ffffff", 14],
  ]) {
    context.fillStyle = color;
    context.fillRect(uniform - 1, 0, 2, tall);
  }
  context.font = "12px system-ui, sans-serif";
  context.textBaseline = "alphabetic";
  context.fillStyle = ink;
  const [zero, half, most] = [texts.nothing, texts.uniform, texts.top].map((text) => context.measureText(text).width);
  const least = zero + 8 + half / 2,
    far = width - most - 8 - half / 2;
  for (const [align, text, x] of [
    ["left", texts.nothing, 0],
    ["center", texts.uniform, Math.min(Math.max(uniform, least), far)],
    ["right", texts.top, width],
  ]) {
    context.textAlign = align;
    context.fillText(text, x, height - 3);
  }
}
