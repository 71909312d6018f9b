// The mask of a window, token by token: the row asks, the column answers.

import { channels, DARK, outline, pixelCanvas } from "../common/canvas.mjs";
import { clamped } from "../common/controls.mjs";
import { REGIONS, strokeLines, write } from "./drawings.mjs";
import { maskRow } from "./formulas.mjs";

// The mask as it lies on its canvas: below and beside a strip of the regions' colors.
function maskLayout(width, count) {
  const edge = Math.min(Math.max(width / count, 14), 22);
  return { width, count, edge, pitch: (width - edge) / count };
}

// The row and column of the mask at (x, y).
export function pairAt(x, y, width, count) {
  const { edge, pitch } = maskLayout(width, count);
  return [y, x].map((along) => clamped(Math.floor((along - edge) / pitch), count - 1));
}

export function drawMask(context, width, _, { view: { regions, row, tokens }, hovered, answerer, colors }) {
  const placed = maskLayout(width, regions.length),
    { edge, pitch } = placed;
  context.imageSmoothingEnabled = false;
  context.drawImage(maskPicture(regions, colors), edge, edge, width - edge, width - edge);
  if (pitch >= 5) crossPairs(context, regions, placed, colors);
  drawStrips(context, regions, placed);
  numberRuns(context, regions, placed);
  if (pitch >= 5) drawMaskLines(context, placed, colors);
  outlinePairs(context, placed, { row, answers: tokens.indexOf(answerer), hovers: tokens.indexOf(hovered) }, colors);
}

// Every token of a region has the same row.
function maskPicture(regions, { raised }) {
  const count = regions.length,
    paper = [...channels(raised), 255],
    pixels = new Uint8ClampedArray(4 * count ** 2);
  const rows = REGIONS.map((color, region) => {
    const own = [...channels(color), 255];
    return maskRow(regions, regions.indexOf(region)).flatMap((answers) => (answers ? own : paper));
  });
  regions.forEach((region, row) => {
    pixels.set(rows[region], 4 * count * row);
  });
  return pixelCanvas(pixels, count, count);
}

function crossPairs(context, regions, { edge, pitch }, { edge: ink }) {
  const lines = [],
    inset = 0.3 * pitch;
  regions.forEach((_, row) => {
    maskRow(regions, row).forEach((answers, column) => {
      const [top, left] = [row, column].map((place) => edge + place * pitch);
      if (!answers) lines.push([left + inset, top + pitch - inset, left + pitch - inset, top + inset]);
    });
  });
  strokeLines(context, lines, [[ink, 1]]);
}

function drawStrips(context, regions, { edge, pitch }) {
  regions.forEach((region, place) => {
    context.fillStyle = REGIONS[region];
    context.fillRect(edge + place * pitch, 0, pitch, edge - 2);
    context.fillRect(0, edge + place * pitch, edge - 2, pitch);
  });
}

// A number for each run of one region in the strips.
function numberRuns(context, regions, { edge, pitch }) {
  const starts = regions.flatMap((region, place) => (region === regions[place - 1] ? [] : [place]));
  starts.forEach((start, run) => {
    const end = starts[run + 1] ?? regions.length,
      along = edge + ((start + end) / 2) * pitch,
      across = edge / 2 - 1;
    if ((end - start) * pitch < 9) return;
    write(context, regions[start] + 1, along, across + 0.5, 700, 11, DARK);
    write(context, regions[start] + 1, across, along + 0.5, 700, 11, DARK);
  });
}

function drawMaskLines(context, { width, count, edge, pitch }, { rule }) {
  const places = Array.from({ length: count + 1 }, (_, line) => edge + line * pitch);
  const lines = places.flatMap((along) => [
    [along, edge, along, width],
    [edge, along, width, along],
  ]);
  strokeLines(context, lines, [[rule, 1]]);
}

// The query's row, in it the column of what is read out, and the one under the pointer, −1 where there is none.
function outlinePairs(context, { width, edge, pitch }, { row, answers, hovers }, colors) {
  const whole = { left: edge, top: edge + row * pitch, width: width - edge, height: pitch },
    pair = (column) => ({ ...whole, left: edge + column * pitch, width: pitch });
  outline(context, whole, colors.accent, pitch < 6 ? 1.5 : 2.5);
  outline(context, pair(answers), DARK, 1);
  if (hovers >= 0) outline(context, pair(hovers), colors.ink, 1.5);
}
