// The relations explorer's drawings. Each gets what it shows and draws it into (width, height); none keeps anything.

import {
  between,
  blankPixels,
  cividis,
  DARK,
  drawBorders,
  gridCells,
  gridLines,
  outline,
  packed,
  pixelCanvas,
} from "../common/canvas.mjs";
import { label } from "../common/charts.mjs";
import { COLOR_ENDS } from "./words.mjs";

const COVER = 0.7; // how much of the picture the heat covers
const MARK = "#56b4e9";
const COLORS = Array.from({ length: 256 }, (_, level) => packed(cividis(level / 255)));

function drawPicture(context, { picture }, width, height) {
  context.imageSmoothingEnabled = true;
  context.drawImage(picture, 0, 0, width, height);
}

// The picture with what is marked on it, while the relations are not shown.
export function drawGuess(context, width, height, { view, hovered, cursor, colors }) {
  const { grid, selected, marked } = view,
    { cell, wide, high } = gridCells(grid, width, height);
  drawPicture(context, view, width, height);
  gridLines(context, { tops: between(grid[0], high), lefts: between(grid[1], wide), width, height }, 0.25);
  for (const patch of marked) drawMark(context, cell(patch));
  const pointed = hovered ?? cursor;
  outline(context, cell(selected), colors.accent, 3);
  if (pointed !== null) outline(context, cell(pointed), colors.ink, 1);
}

function drawMark(context, { left, top, width, height }) {
  Object.assign(context, { globalAlpha: 0.5, fillStyle: MARK });
  context.fillRect(left, top, width, height);
  context.globalAlpha = 1;
  for (const [strokeStyle, lineWidth, inset] of [
    [DARK, 3, 2],
    ["#ffffff", 1.5, 2],
  ]) {
    Object.assign(context, { strokeStyle, lineWidth });
    context.strokeRect(left + inset, top + inset, width - 2 * inset, height - 2 * inset);
  }
}

// One map: the brighter, the earlier a patch comes. Without shares it is the picture itself.
export function drawMap(context, width, height, { view, shares, hovered, colors }) {
  const { grid, selected, labels, pairs } = view,
    layout = gridCells(grid, width, height);
  drawPicture(context, view, width, height);
  if (shares) {
    context.imageSmoothingEnabled = false;
    context.globalAlpha = COVER;
    context.drawImage(heatPicture(shares, grid), 0, 0, width, height);
    context.globalAlpha = 1;
  }
  if (labels) drawBorders(context, pairs, labels, layout);
  if (hovered !== null && hovered !== selected) outline(context, layout.cell(hovered), colors.ink, 1);
  outline(context, layout.cell(selected), colors.accent, 2);
}

const heats = new WeakMap(); // a pointer that moves on draws the same maps again
function heatPicture(shares, grid) {
  if (!heats.has(shares)) {
    const { words, done } = blankPixels(...grid);
    shares.forEach((share, patch) => {
      words[patch] = COLORS[Math.round(255 * share)];
    });
    heats.set(shares, done());
  }
  return heats.get(shares);
}

// What the colors mean.
export function drawLegend(context, width, height, { colors: { ink } }) {
  const bytes = new Uint8ClampedArray(4 * 256);
  new Uint32Array(bytes.buffer).set(COLORS);
  context.drawImage(pixelCanvas(bytes, 256, 1), 0, 0, width, 12);
  const [last, first] = COLOR_ENDS;
  label(context, last, 0, height - 8, { color: ink });
  label(context, first, width, height - 8, { color: ink, align: "right" });
}
