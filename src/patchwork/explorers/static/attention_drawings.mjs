// The attention explorer's drawings. Each gets what it shows and draws it into (width, height); none keeps anything.

import { cividis, outline, pixelCanvas } from "./canvas.mjs";

const STRIP = 0.2, GAP = 0.04, HEAT = 0.7; // shares of the width for the tokens before the patches; strength of the heat

// How high a map is for each pixel of its width.
export const mapAspect = ({ picture, prefix }) => (picture.height / picture.width) * (prefix ? 1 - STRIP - GAP : 1);

// Where each token stands: the patches over the picture, those before them in a strip at its left.
function places(width, height, { grid: [rows, columns], prefix }) {
  const left = prefix ? (STRIP + GAP) * width : 0, wide = (width - left) / columns, high = height / rows;
  const side = prefix ? Math.min(STRIP * width, height / prefix - 4) : 0;
  const cell = (token) => {
    if (token < prefix) return { left: 0, top: token * (side + 4), width: side, height: side };
    const patch = token - prefix;
    return { left: left + (patch % columns) * wide, top: Math.floor(patch / columns) * high, width: wide, height: high };
  };
  return { left, side, wide, high, cell };
}

export function tokenAt(x, y, width, height, scene) {
  const { grid: [rows, columns], prefix } = scene, { left, side, wide, high } = places(width, height, scene);
  const within = (at, count) => Math.min(Math.max(Math.floor(at), 0), count - 1);
  if (x < left - (GAP * width) / 2) return within(y / (side + 4), prefix);
  return prefix + within(y / high, rows) * columns + within((x - left) / wide, columns);
}

export function drawMap(context, width, height, { view: { scene, query, top }, weights, marked, colors }) {
  const { grid: [rows, columns], prefix, picture, crisp } = scene, { left, cell } = places(width, height, scene);
  const heat = weights.map((weight) => weight / top);
  context.imageSmoothingEnabled = !crisp;
  context.drawImage(picture.canvas, left, 0, width - left, height);
  context.imageSmoothingEnabled = false;
  context.globalAlpha = HEAT;
  context.drawImage(heatCanvas(heat.subarray(prefix), rows, columns), left, 0, width - left, height);
  context.globalAlpha = 1;
  for (let token = 0; token < prefix; token++) drawPrefix(context, cell(token), heat[token], token, colors);
  if (scene.labels) drawBorders(context, scene, (patch) => cell(patch + prefix));
  if (marked !== query) outline(context, cell(marked), "#1b2430", 1.5);
  outline(context, cell(query), colors.accent, 3);
}

function heatCanvas(heat, rows, columns) {
  const pixels = new Uint8ClampedArray(4 * rows * columns);
  heat.forEach((value, patch) => pixels.set([...cividis(value), 255], 4 * patch));
  return pixelCanvas(pixels, columns, rows);
}

function drawPrefix(context, { left, top, width, height }, heat, token, { ink }) {
  context.fillStyle = `rgb(${cividis(heat).join(" ")})`;
  context.fillRect(left, top, width, height);
  context.font = "11px system-ui, sans-serif";
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.fillStyle = heat > 0.5 ? "#1b2430" : "#ffffff";
  context.fillText(token === 0 ? "class" : `r${token}`, left + width / 2, top + height / 2);
}

// The borders between regions: white, on a dark one, so that they show on any heat.
function drawBorders(context, { labels, grid: [, columns] }, cell) {
  const lines = new Path2D();
  labels.forEach((label, patch) => {
    const { left, top, width, height } = cell(patch);
    if ((patch + 1) % columns && labels[patch + 1] !== label) { lines.moveTo(left + width, top); lines.lineTo(left + width, top + height); }
    if (patch + columns < labels.length && labels[patch + columns] !== label) { lines.moveTo(left, top + height); lines.lineTo(left + width, top + height); }
  });
  context.lineCap = "square";
  for (const [style, thickness] of [["rgb(0 0 0 / 0.55)", 3], ["#ffffff", 1.25]]) {
    context.strokeStyle = style;
    context.lineWidth = thickness;
    context.stroke(lines);
  }
}

// All answers, the largest first. With regions: up for the query's own, down for the others, so class is seen by place too.
export function drawAnswers(context, width, height, { view: { scene, query, top, same, tokens }, weights, order, marked, colors }) {
  const base = same ? height / 2 : height - 2, unit = (base - 4) / top, pitch = width / tokens, bar = pitch > 4 ? pitch - 1.5 : pitch;
  const kinds = { own: [], up: [], down: [] };
  order.forEach((token, rank) => {
    const kind = token === query ? "own" : !same || same[token] ? "up" : "down", tall = weights[token] * unit;
    kinds[kind].push([rank * pitch, kind === "down" ? base : base - tall, bar, tall]);
  });
  for (const [kind, color] of [["up", colors.blue], ["down", colors.quiet], ["own", colors.accent]]) {
    context.fillStyle = color;
    for (const box of kinds[kind]) context.fillRect(...box);
  }
  context.fillStyle = colors.edge;
  context.fillRect(0, base - 0.5, width, 1);
  drawUniform(context, width, { base, level: unit / tokens, both: same, tokens }, colors);
  if (same) nameSides(context, width, height, colors);
  markAnswer(context, (order.indexOf(marked) + 0.5) * pitch, { height, base, tall: weights[marked] * unit, down: same && !same[marked] && marked !== query }, colors);
}

function drawUniform(context, width, { base, level, both, tokens }, { ink, paper }) {
  context.save();
  context.strokeStyle = ink;
  context.lineWidth = 1;
  context.setLineDash([5, 3]);
  for (const at of both ? [base - level, base + level] : [base - level]) {
    context.beginPath();
    context.moveTo(0, at);
    context.lineTo(width, at);
    context.stroke();
  }
  context.restore();
  write(context, `uniform 1/${tokens}`, width, base - level - 4, { ink, paper });
}

function nameSides(context, width, height, { quiet, paper }) {
  write(context, "same region", width, 11, { ink: quiet, paper });
  write(context, "other regions", width, height - 4, { ink: quiet, paper });
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

function markAnswer(context, x, { height, base, tall, down }, { ink, paper }) {
  context.fillStyle = ink;
  context.globalAlpha = 0.35;
  context.fillRect(x - 0.75, 0, 1.5, height);
  context.globalAlpha = 1;
  context.beginPath();
  context.arc(x, down ? base + tall : base - tall, 4, 0, 2 * Math.PI);
  context.fill();
  context.strokeStyle = paper;
  context.lineWidth = 1.5;
  context.stroke();
}

export const rankAt = (x, width, tokens) => Math.min(Math.max(Math.floor((x / width) * tokens), 0), tokens - 1);

// The scale of the heat: 0, the uniform weight, the most.
export function drawLegend(context, width, height, { view: { top, tokens }, texts, colors }) {
  const bar = new Uint8ClampedArray(4 * 256);
  for (let at = 0; at < 256; at++) bar.set([...cividis(at / 255), 255], 4 * at);
  context.drawImage(pixelCanvas(bar, 256, 1), 0, 0, width, 14);
  const uniform = width / tokens / top;
  context.fillStyle = colors.ink;
  context.fillRect(uniform - 1, 0, 2, 18);
  context.fillStyle = "#ffffff";
  context.fillRect(uniform - 1, 0, 2, 14);
  context.fillStyle = colors.ink;
  context.font = "12px system-ui, sans-serif";
  context.textBaseline = "alphabetic";
  context.textAlign = "left";
  if (uniform > 16) context.fillText("0", 0, height - 2);
  context.fillText(texts.uniform, Math.max(uniform - 1, 0), height - 2);
  context.textAlign = "right";
  context.fillText(texts.top, width, height - 2);
}
