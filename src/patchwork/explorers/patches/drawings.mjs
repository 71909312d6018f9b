// The patch explorer's drawings. Each gets what it shows and draws it into (width, height); none keeps anything.

import { between, DARK, gridLines, outline } from "../common/canvas.mjs";
import { patchCorner } from "../common/formulas.mjs";
import { elementPlace } from "./formulas.mjs";

export function drawPhoto(context, width, height, { view, place, hoveredPlace, colors }) {
  const {
    grid: [rows, columns],
    patchSize,
    stride,
    picture,
    order,
  } = view;
  const scale = width / view.width,
    pitch = stride * scale,
    side = patchSize * scale;
  const cell = (at) => ({
    left: (at % columns) * pitch,
    top: Math.floor(at / columns) * pitch,
    width: side,
    height: side,
  });
  context.imageSmoothingEnabled = !view.shuffled;
  context.drawImage(picture, 0, 0, width, height);
  const chosen = cell(place);
  gridLines(
    context,
    { tops: between(rows, pitch), lefts: between(columns, pitch), width, height },
    pitch > 14 ? 0.6 : 0.28,
  );
  markRow(context, { top: chosen.top, width, height: side }, colors);
  const numbered = pitch >= 36 && stride === patchSize;
  if (numbered) numberCells(context, order, cell);
  if (stride < patchSize && (place + 1) % columns) dashed(context, cell(place + 1));
  if (hoveredPlace !== null && hoveredPlace !== place) {
    outline(context, cell(hoveredPlace), colors.ink, 1.5);
    if (!numbered) tag(context, cell(hoveredPlace), order[hoveredPlace], { back: "#ffffff", front: DARK, width });
  }
  outline(context, chosen, colors.accent, side < 12 ? 2 : 3);
  if (!numbered) tag(context, chosen, order[place], { back: colors.accent, front: colors.paper, width });
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
  context.font = "600 11px system-ui, sans-serif";
  context.textAlign = "left";
  context.textBaseline = "top";
  context.lineJoin = "round";
  context.lineWidth = 3;
  context.strokeStyle = "rgb(0 0 0 / 0.75)";
  context.fillStyle = "#ffffff";
  order.forEach((patch, place) => {
    const { left, top } = cell(place);
    context.strokeText(patch, left + 4, top + 4);
    context.fillText(patch, left + 4, top + 4);
  });
}

function dashed(context, { left, top, width, height }) {
  context.save();
  for (const [style, offset] of [
    ["#ffffff", 0],
    [DARK, 4],
  ]) {
    context.strokeStyle = style;
    context.lineWidth = 1.5;
    context.setLineDash([4, 4]);
    context.lineDashOffset = offset;
    context.strokeRect(left, top, width, height);
  }
  context.restore();
}

// A patch's number on a small plate, above its cell or, in the first rows, below.
function tag(context, cell, text, { back, front, width }) {
  context.font = "700 12px system-ui, sans-serif";
  context.textAlign = "center";
  context.textBaseline = "middle";
  const plate = context.measureText(text).width + 10;
  const left = Math.min(Math.max(cell.left + cell.width / 2 - plate / 2, 2), width - plate - 2);
  const top = cell.top > 24 ? cell.top - 21 : cell.top + cell.height + 4;
  context.fillStyle = back;
  context.beginPath();
  context.roundRect(left, top, plate, 17, 4);
  context.fill();
  context.fillStyle = front;
  context.fillText(text, left + plate / 2, top + 9);
}

// The slots of the sequence that fit: the chosen place stays in the middle, its neighbors slide past.
export function slots(width, place, count) {
  const pitch = width < 480 ? 46 : 54,
    half = Math.floor((width / pitch - 1) / 2);
  const first = Math.max(place - half - 1, 0),
    last = Math.min(place + half + 1, count - 1);
  return { pitch, first, last, left: (at) => width / 2 + (at - place - 0.5) * pitch };
}

export function drawSequence(context, width, height, { view, place, hoveredPlace, colors }) {
  const {
      grid: [, columns],
      patchSize,
      stride,
      photo,
      order,
      count,
    } = view,
    { pitch, first, last, left } = slots(width, place, count);
  const row = Math.floor(place / columns),
    thumb = pitch - 10,
    top = 24;
  const from = Math.max(left(row * columns), 0),
    to = Math.min(left((row + 1) * columns), width);
  context.fillStyle = colors["accent-wash"];
  context.fillRect(from, 16, to - from, height - 16);
  context.imageSmoothingEnabled = false;
  context.textAlign = "center";
  for (let at = first; at <= last; at++) {
    const patch = order[at],
      [fromTop, fromLeft] = patchCorner(patch, view.grid, stride),
      chosen = at === place;
    const grown = chosen ? 3 : 0,
      cell = { left: left(at) + 5 - grown, top: top - grown, width: thumb + 2 * grown, height: thumb + 2 * grown };
    context.drawImage(
      photo.canvas,
      fromLeft,
      fromTop,
      patchSize,
      patchSize,
      cell.left,
      cell.top,
      cell.width,
      cell.height,
    );
    if (chosen) outline(context, cell, colors.accent, 3);
    else if (at === hoveredPlace) outline(context, cell, colors.ink, 1.5);
    context.textBaseline = "alphabetic";
    context.font = chosen ? "700 13px system-ui, sans-serif" : "12px system-ui, sans-serif";
    context.fillStyle = chosen ? colors.accent : colors.ink;
    context.fillText(patch, left(at) + pitch / 2, top + thumb + 19);
    if (at % columns === 0) rowStart(context, left(at), { width, height }, at / columns, colors);
  }
  nameFirstRow(context, Math.max(Math.floor(place + 0.5 - width / 2 / pitch), 0), columns, left, colors);
}

// The row that began out of sight is named at the edge, unless the next one begins before there is room.
function nameFirstRow(context, first, columns, left, colors) {
  const row = Math.floor(first / columns);
  context.font = ROW_FONT;
  const end = context.measureText(`row ${row}`).width + 12;
  if (left(row * columns) < 0 && left((row + 1) * columns) >= end) rowName(context, 0, row, colors);
}

function rowStart(context, left, { width, height }, row, colors) {
  context.fillStyle = colors.edge;
  context.fillRect(left - 0.75, 2, 1.5, height - 2);
  context.font = ROW_FONT;
  if (left >= 0 && left + 5 + context.measureText(`row ${row}`).width <= width) rowName(context, left, row, colors);
}

const ROW_FONT = "12px system-ui, sans-serif";

function rowName(context, left, row, { quiet }) {
  context.fillStyle = quiet;
  context.font = ROW_FONT;
  context.save();
  context.textAlign = "left";
  context.fillText(`row ${row}`, left + 5, 12);
  context.restore();
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

export function drawPatch(context, width, height, { view, selected, shown, colors }) {
  const { patchSize, stride, grid, photo } = view,
    [top, left] = patchCorner(selected, grid, stride);
  const pixel = width / patchSize,
    lines = between(patchSize, pixel);
  context.imageSmoothingEnabled = false;
  context.drawImage(photo.canvas, left, top, patchSize, patchSize, 0, 0, width, height);
  if (pixel >= 4) gridLines(context, { tops: lines, lefts: lines, width, height }, pixel > 10 ? 0.4 : 0.18);
  const { row, column } = elementPlace(shown, patchSize);
  markRow(context, { top: row * pixel, width, height: pixel }, colors);
  outline(
    context,
    { left: column * pixel, top: row * pixel, width: pixel, height: pixel },
    colors.accent,
    pixel < 8 ? 2 : 3,
  );
}

export const CHANNELS = ["red", "green", "blue"];
const RUN = { left: 18, height: 40, gap: 14 };

// Which number of the vector lies at (x, y): the run by y, the place in it by x.
export function elementAt(x, y, width, patchSize) {
  const channel = Math.min(Math.max(Math.floor(y / (RUN.height + RUN.gap)), 0), 2);
  const within = Math.floor(((x - RUN.left) / (width - RUN.left)) * patchSize ** 2);
  return channel * patchSize ** 2 + Math.min(Math.max(within, 0), patchSize ** 2 - 1);
}

export function drawVector(context, width, _height, { view: { patchSize }, vector, shown, colors }) {
  const area = patchSize ** 2,
    { channel: chosen, row } = elementPlace(shown, patchSize),
    pitch = (width - RUN.left) / area;
  CHANNELS.forEach((name, channel) => {
    const top = channel * (RUN.height + RUN.gap);
    context.fillStyle = colors[name];
    bars(context, vector.subarray(channel * area, (channel + 1) * area), {
      left: RUN.left,
      top,
      width: width - RUN.left,
    });
    context.font = "700 13px system-ui, sans-serif";
    context.textAlign = "left";
    context.textBaseline = "middle";
    context.fillText(name[0].toUpperCase(), 0, top + RUN.height / 2);
    runEnds(context, { first: channel * area, last: (channel + 1) * area - 1, top: top + RUN.height, width }, colors);
    context.fillStyle = colors.accent;
    context.fillRect(RUN.left + row * patchSize * pitch, top + RUN.height, Math.max(patchSize * pitch, 1.5), 3);
    const left = RUN.left + (shown % area) * pitch,
      value = vector[channel * area + (shown % area)];
    markNumber(context, { left, top, width: pitch, value, color: channel === chosen ? colors.accent : colors.edge });
  });
}

// A wide bar keeps its height under the mark; a narrow one gets a line.
function markNumber(context, { left, top, width, value, color }) {
  context.fillStyle = color;
  if (width < 4) return context.fillRect(left + width / 2 - 1, top, 2, RUN.height);
  context.globalAlpha = 0.25;
  context.fillRect(left, top, width, RUN.height);
  context.globalAlpha = 1;
  context.fillRect(left, top + (1 - value) * RUN.height, width, value * RUN.height);
}

// Bars from 0 to 1. Where several numbers share a pixel column: solid up to the least of them, faint up to the largest.
function bars(context, values, { left, top, width }) {
  const columns = Math.min(Math.floor(width), values.length),
    step = width / columns;
  const solid = new Path2D(),
    faint = new Path2D();
  for (let column = 0; column < columns; column++) {
    let least = 1,
      largest = 0;
    const end = Math.ceil(((column + 1) * values.length) / columns);
    for (let at = Math.floor((column * values.length) / columns); at < end; at++) {
      least = Math.min(least, values[at]);
      largest = Math.max(largest, values[at]);
    }
    const x = left + column * step,
      wide = step > 4 ? step - 1 : step;
    solid.rect(x, top + (1 - least) * RUN.height, wide, least * RUN.height);
    faint.rect(x, top + (1 - largest) * RUN.height, wide, (largest - least) * RUN.height);
  }
  context.fill(solid);
  context.globalAlpha = 0.4;
  context.fill(faint);
  context.globalAlpha = 1;
  context.fillRect(left, top + RUN.height - 0.5, width, 1);
}

function runEnds(context, { first, last, top, width }, { quiet }) {
  context.font = "11px system-ui, sans-serif";
  context.fillStyle = quiet;
  context.textBaseline = "top";
  context.fillText(first, RUN.left, top + 4);
  context.textAlign = "right";
  context.fillText(last, width, top + 4);
}

// The numbers themselves, around the one shown: [… 0.60 0.62 0.58 …].
export const NUMBER_PITCH = 42;

export function drawNumbers(context, width, _, { vector, shown, colors }) {
  const top = 0,
    pitch = NUMBER_PITCH,
    half = Math.max(Math.floor((width / pitch - 2) / 2), 1),
    middle = width / 2;
  context.textAlign = "center";
  context.textBaseline = "middle";
  for (let at = shown - half; at <= shown + half; at++) {
    if (!(at in vector)) continue;
    const x = middle + (at - shown) * pitch,
      chosen = at === shown;
    if (chosen) {
      context.fillStyle = colors["accent-wash"];
      context.fillRect(x - pitch / 2, top, pitch, 38);
    }
    context.fillStyle = chosen ? colors.accent : colors.ink;
    context.font = `${chosen ? "700 14px" : "13px"} system-ui, sans-serif`;
    context.fillText(vector[at].toFixed(2), x, top + 13);
    context.fillStyle = chosen ? colors.accent : colors.quiet;
    context.font = `${chosen ? "700 " : ""}11px system-ui, sans-serif`;
    context.fillText(at, x, top + 29);
  }
  context.fillStyle = colors.quiet;
  context.font = "16px system-ui, sans-serif";
  const reach = (half + 0.8) * pitch;
  context.fillText(shown - half > 0 ? "…" : "[", middle - reach, top + 12);
  context.fillText(shown + half < vector.length - 1 ? "…" : "]", middle + reach, top + 12);
}
