// The patch explorer's drawings. Each gets what it shows and draws it into (width, height); none keeps anything.

import { between, DARK, gridLines, outline } from "../common/canvas.mjs";
import { FONT } from "../common/charts.mjs";
import { patchCorner } from "../common/formulas.mjs";
import { fixed } from "../common/words.mjs";
import { elementPlace } from "./formulas.mjs";
import { CHANNELS, channelLetter, rowText } from "./words.mjs";

const ROW_FONT = `12px ${FONT}`;

// The image.

export function drawPhoto(context, width, height, { view, place, hoveredPlace, colors }) {
  const { grid, patchSize, stride, picture, order } = view,
    [rows, columns] = grid;
  const pitch = (stride * width) / view.width,
    side = (patchSize * width) / view.width,
    numbered = pitch >= 36 && stride === patchSize;
  const cell = (each) => {
    const [top, left] = patchCorner(each, grid, pitch);
    return { left, top, width: side, height: side };
  };
  const name = (each, paint) => {
    if (!numbered) tag(context, cell(each), order[each], { ...paint, width });
  };
  context.imageSmoothingEnabled = !view.shuffled;
  context.drawImage(picture, 0, 0, width, height);
  const lines = { tops: between(rows, pitch), lefts: between(columns, pitch), width, height };
  gridLines(context, lines, pitch > 14 ? 0.6 : 0.28);
  markRow(context, { top: cell(place).top, width, height: side }, colors);
  if (numbered) numberCells(context, order, cell);
  if (stride < patchSize && (place + 1) % columns) dashed(context, cell(place + 1));
  if (hoveredPlace !== null && hoveredPlace !== place) {
    outline(context, cell(hoveredPlace), colors.ink, 1.5);
    name(hoveredPlace, { back: "#ffffff", front: DARK });
  }
  outline(context, cell(place), colors.accent, side < 12 ? 2 : 3);
  name(place, { back: colors.accent, front: colors.paper });
}

// The row of the mark: a line above and below it; the pixels between keep their colors.
function markRow(context, { top, width, height }, { accent }) {
  const layers = [
    ["rgb(255 255 255 / 0.7)", height > 14 ? 3 : 0],
    [accent, 1.5],
  ];
  for (const [style, thickness] of layers) {
    context.fillStyle = style;
    for (const line of [top, top + height]) context.fillRect(0, line - thickness / 2, width, thickness);
  }
}

function numberCells(context, order, cell) {
  Object.assign(context, {
    font: `600 11px ${FONT}`,
    textAlign: "left",
    textBaseline: "top",
    lineJoin: "round",
    lineWidth: 3,
    strokeStyle: "rgb(0 0 0 / 0.75)",
    fillStyle: "#ffffff",
  });
  order.forEach((patch, place) => {
    const { left, top } = cell(place);
    context.strokeText(patch, left + 4, top + 4);
    context.fillText(patch, left + 4, top + 4);
  });
}

function dashed(context, { left, top, width, height }) {
  context.save();
  context.lineWidth = 1.5;
  context.setLineDash([4, 4]);
  for (const [style, offset] of [
    ["#ffffff", 0],
    [DARK, 4],
  ]) {
    Object.assign(context, { strokeStyle: style, lineDashOffset: offset });
    context.strokeRect(left, top, width, height);
  }
  context.restore();
}

// A patch's number on a small plate, above its cell or, in the first rows, below.
function tag(context, cell, text, { back, front, width }) {
  Object.assign(context, { font: `700 12px ${FONT}`, textAlign: "center", textBaseline: "middle", fillStyle: back });
  const plate = context.measureText(text).width + 10;
  const left = Math.min(Math.max(cell.left + cell.width / 2 - plate / 2, 2), width - plate - 2);
  const top = cell.top > 24 ? cell.top - 21 : cell.top + cell.height + 4;
  context.beginPath();
  context.roundRect(left, top, plate, 17, 4);
  context.fill();
  context.fillStyle = front;
  context.fillText(text, left + plate / 2, top + 9);
}

// The sequence.

// The slots of the sequence that fit: the chosen place stays in the middle, its neighbors slide past.
export function slots(width, place, count) {
  const pitch = width < 480 ? 46 : 54,
    half = Math.floor((width / pitch - 1) / 2);
  const first = Math.max(place - half - 1, 0),
    last = Math.min(place + half + 1, count - 1);
  return { pitch, first, last, left: (slot) => width / 2 + (slot - place - 0.5) * pitch };
}

export function drawSequence(context, width, height, { view, place, hoveredPlace, colors }) {
  const columns = view.grid[1],
    { pitch, first, last, left } = slots(width, place, view.count);
  washRow(context, Math.floor(place / columns), columns, left, { width, height }, colors);
  for (let slot = first; slot <= last; slot++) {
    const state = { chosen: slot === place, hovered: slot === hoveredPlace };
    drawThumb(context, view, view.order[slot], left(slot), pitch, state, colors);
    if (slot % columns === 0) drawRowStart(context, left(slot), { width, height }, slot / columns, colors);
  }
  nameFirstRow(context, Math.max(Math.floor(place + 0.5 - width / 2 / pitch), 0), columns, left, colors);
}

function washRow(context, row, columns, left, { width, height }, colors) {
  const from = Math.max(left(row * columns), 0),
    to = Math.min(left((row + 1) * columns), width);
  context.fillStyle = colors["accent-wash"];
  context.fillRect(from, 16, to - from, height - 16);
}

// One patch with its number below; the chosen one a little larger.
function drawThumb(context, { photo, grid, patchSize, stride }, patch, left, pitch, { chosen, hovered }, colors) {
  const [fromTop, fromLeft] = patchCorner(patch, grid, stride),
    top = 24,
    grown = chosen ? 3 : 0,
    side = pitch - 10;
  const cell = { left: left + 5 - grown, top: top - grown, width: side + 2 * grown, height: side + 2 * grown };
  const target = [cell.left, cell.top, cell.width, cell.height];
  context.imageSmoothingEnabled = false;
  context.drawImage(photo.canvas, fromLeft, fromTop, patchSize, patchSize, ...target);
  if (chosen) outline(context, cell, colors.accent, 3);
  else if (hovered) outline(context, cell, colors.ink, 1.5);
  Object.assign(context, {
    font: chosen ? `700 13px ${FONT}` : `12px ${FONT}`,
    textAlign: "center",
    textBaseline: "alphabetic",
    fillStyle: chosen ? colors.accent : colors.ink,
  });
  context.fillText(patch, left + pitch / 2, top + side + 19);
}

// The row that began out of sight is named at the edge, unless the next one begins before there is room.
function nameFirstRow(context, first, columns, left, colors) {
  const row = Math.floor(first / columns);
  context.font = ROW_FONT;
  const end = context.measureText(rowText(row)).width + 12;
  if (left(row * columns) < 0 && left((row + 1) * columns) >= end) nameRow(context, 0, row, colors);
}

function drawRowStart(context, left, { width, height }, row, colors) {
  context.fillStyle = colors.edge;
  context.fillRect(left - 0.75, 2, 1.5, height - 2);
  context.font = ROW_FONT;
  if (left >= 0 && left + 5 + context.measureText(rowText(row)).width <= width) nameRow(context, left, row, colors);
}

function nameRow(context, left, row, { quiet }) {
  Object.assign(context, { font: ROW_FONT, textAlign: "left", textBaseline: "alphabetic", fillStyle: quiet });
  context.fillText(rowText(row), left + 5, 12);
}

// The whole sequence, one column of mean color a patch; the marker is the range input that lies over it.
export function drawTrack(context, width, height, { view, place, hoveredPlace, colors }) {
  const {
      grid: [rows, columns],
      means,
      count,
    } = view,
    pitch = width / count,
    row = Math.floor(place / columns);
  context.imageSmoothingEnabled = pitch < 1;
  context.drawImage(means, 0, 8, width, height - 16);
  if (columns * pitch > 5) {
    context.fillStyle = colors.paper;
    for (let line = 1; line < rows; line++) context.fillRect(line * columns * pitch - 0.5, 8, 1, height - 16);
  }
  context.fillStyle = colors.accent;
  for (const top of [2, height - 5]) context.fillRect(row * columns * pitch, top, columns * pitch, 3);
  if (hoveredPlace === null) return;
  context.fillStyle = colors.ink;
  context.fillRect((hoveredPlace + 0.5) * pitch - 1, 0, 2, height);
}

// One patch, and its numbers.

export function drawPatch(context, width, height, { view, selected, shown, colors }) {
  const { patchSize, stride, grid, photo } = view,
    [top, left] = patchCorner(selected, grid, stride),
    { row, column } = elementPlace(shown, patchSize);
  const pixel = width / patchSize,
    lines = between(patchSize, pixel),
    cell = { left: column * pixel, top: row * pixel, width: pixel, height: pixel };
  context.imageSmoothingEnabled = false;
  context.drawImage(photo.canvas, left, top, patchSize, patchSize, 0, 0, width, height);
  if (pixel >= 4) gridLines(context, { tops: lines, lefts: lines, width, height }, pixel > 10 ? 0.4 : 0.18);
  markRow(context, { top: cell.top, width, height: pixel }, colors);
  outline(context, cell, colors.accent, pixel < 8 ? 2 : 3);
}

const RUN = { left: 18, height: 40, gap: 14 };

// Which number of the vector lies at (x, y): the run by y, the place in it by x.
export function elementAt(x, y, width, patchSize) {
  const channel = Math.min(Math.max(Math.floor(y / (RUN.height + RUN.gap)), 0), 2);
  const within = Math.floor(((x - RUN.left) / (width - RUN.left)) * patchSize ** 2);
  return channel * patchSize ** 2 + Math.min(Math.max(within, 0), patchSize ** 2 - 1);
}

// The vector as three runs of bars, one for each channel, one under the other.
export function drawVector(context, width, _height, drawn) {
  for (const channel of CHANNELS.keys()) drawRun(context, width, channel, drawn);
}

function drawRun(context, width, channel, { view: { patchSize }, vector, shown, colors }) {
  const name = CHANNELS[channel],
    area = patchSize ** 2,
    first = channel * area,
    top = channel * (RUN.height + RUN.gap),
    below = top + RUN.height;
  const { channel: chosen, row } = elementPlace(shown, patchSize),
    pitch = (width - RUN.left) / area,
    within = shown % area;
  context.fillStyle = colors[name];
  drawBars(context, vector.subarray(first, first + area), { left: RUN.left, top, width: width - RUN.left });
  Object.assign(context, { font: `700 13px ${FONT}`, textAlign: "left", textBaseline: "middle" });
  context.fillText(channelLetter(name), 0, top + RUN.height / 2);
  drawRunEnds(context, { first, last: first + area - 1, top: below, width }, colors);
  context.fillStyle = colors.accent;
  context.fillRect(RUN.left + row * patchSize * pitch, below, Math.max(patchSize * pitch, 1.5), 3);
  const bar = { left: RUN.left + within * pitch, top, width: pitch, value: vector[first + within] };
  markNumber(context, bar, channel === chosen ? colors.accent : colors.edge);
}

// A wide bar keeps its height under the mark; a narrow one gets a line.
function markNumber(context, { left, top, width, value }, color) {
  context.fillStyle = color;
  if (width < 4) return context.fillRect(left + width / 2 - 1, top, 2, RUN.height);
  context.globalAlpha = 0.25;
  context.fillRect(left, top, width, RUN.height);
  context.globalAlpha = 1;
  context.fillRect(left, top + (1 - value) * RUN.height, width, value * RUN.height);
}

// Bars from 0 to 1. Where several numbers share a pixel column: solid up to the least of them, faint up to the largest.
function drawBars(context, values, { left, top, width }) {
  const columns = Math.min(Math.floor(width), values.length),
    step = width / columns,
    wide = step > 4 ? step - 1 : step;
  const solid = new Path2D(),
    faint = new Path2D();
  for (let column = 0; column < columns; column++) {
    const from = Math.floor((column * values.length) / columns),
      to = Math.ceil(((column + 1) * values.length) / columns);
    const { least, largest } = ends(values, from, to),
      x = left + column * step;
    solid.rect(x, top + (1 - least) * RUN.height, wide, least * RUN.height);
    faint.rect(x, top + (1 - largest) * RUN.height, wide, (largest - least) * RUN.height);
  }
  context.fill(solid);
  context.globalAlpha = 0.4;
  context.fill(faint);
  context.globalAlpha = 1;
  context.fillRect(left, top + RUN.height - 0.5, width, 1);
}

// The least and the largest of values from 0 to 1.
function ends(values, from, to) {
  let least = 1,
    largest = 0;
  for (let index = from; index < to; index++) {
    least = Math.min(least, values[index]);
    largest = Math.max(largest, values[index]);
  }
  return { least, largest };
}

function drawRunEnds(context, { first, last, top, width }, { quiet }) {
  Object.assign(context, { font: `11px ${FONT}`, textAlign: "left", textBaseline: "top", fillStyle: quiet });
  context.fillText(first, RUN.left, top + 4);
  context.textAlign = "right";
  context.fillText(last, width, top + 4);
}

// The numbers themselves, around the one shown: [… 0.60 0.62 0.58 …].
export const NUMBER_PITCH = 42;

export function drawNumbers(context, width, _height, { vector, shown, colors }) {
  const half = Math.max(Math.floor((width / NUMBER_PITCH - 2) / 2), 1),
    middle = width / 2,
    side = (half + 0.8) * NUMBER_PITCH;
  Object.assign(context, { textAlign: "center", textBaseline: "middle" });
  for (let element = shown - half; element <= shown + half; element++) {
    const x = middle + (element - shown) * NUMBER_PITCH;
    if (element in vector) drawNumber(context, x, vector[element], element, element === shown, colors);
  }
  Object.assign(context, { font: `16px ${FONT}`, fillStyle: colors.quiet });
  context.fillText(shown - half > 0 ? "…" : "[", middle - side, 12);
  context.fillText(shown + half < vector.length - 1 ? "…" : "]", middle + side, 12);
}

function drawNumber(context, x, value, element, chosen, colors) {
  if (chosen) {
    context.fillStyle = colors["accent-wash"];
    context.fillRect(x - NUMBER_PITCH / 2, 0, NUMBER_PITCH, 38);
  }
  context.font = chosen ? `700 14px ${FONT}` : `13px ${FONT}`;
  context.fillStyle = chosen ? colors.accent : colors.ink;
  context.fillText(fixed(value), x, 13);
  context.font = chosen ? `700 11px ${FONT}` : `11px ${FONT}`;
  context.fillStyle = chosen ? colors.accent : colors.quiet;
  context.fillText(element, x, 29);
}
