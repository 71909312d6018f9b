// The convolution explorer's drawings. Each gets what it shows and draws it into (width, height); none keeps anything.
// Pixels are gray, weights have a color: orange above zero, blue below.

import { between, blankPixels, channels, cividis, DARK, gridCells, packed } from "../common/canvas.mjs";
import { axes, curve, dot, legend } from "../common/charts.mjs";
import { neighborPlaces } from "./formulas.mjs";
import { GROWTH, GROWTH_CAPTION } from "./words.mjs";

const PLUS = [224, 138, 0],
  MINUS = [47, 134, 209];
const VEIL = 0.78; // how much paper lies over what has no part

// A weight's color on paper: the largest is full.
function weightColor(weight, largest, paper) {
  const share = weight === 0 ? 0 : 0.25 + (0.75 * Math.abs(weight)) / largest;
  return (weight > 0 ? PLUS : MINUS).map((full, channel) =>
    Math.round(paper[channel] + share * (full - paper[channel])),
  );
}

function drawPixels(context, picture, width, height) {
  context.imageSmoothingEnabled = false;
  context.drawImage(picture, 0, 0, width, height);
}

function frame(context, { left, top, width, height }, dash = []) {
  context.save();
  for (const [strokeStyle, lineWidth, pattern] of [
    [DARK, 3.5, []],
    ["#ffffff", 1.75, dash],
  ]) {
    Object.assign(context, { strokeStyle, lineWidth });
    context.setLineDash(pattern);
    context.strokeRect(left, top, width, height);
  }
  context.restore();
}

// The parts of a span around a place that lie inside: from the other side too where the boundary is circular.
function spans(place, radius, length, circular) {
  const [from, to] = [place - radius, place + radius],
    parts = [[Math.max(from, 0), Math.min(to, length - 1)]];
  if (circular && from < 0) parts.push([from + length, length - 1]);
  if (circular && to >= length) parts.push([0, to - length]);
  return parts;
}

// An outline that lies around a box and leaves all of it to be seen, except at the canvas's own edge.
function ring(context, { left, top, width, height }, color, thickness = 1.5) {
  const { clientWidth, clientHeight } = context.canvas,
    room = thickness / 2 + 1.25,
    edge = thickness / 2;
  const [from, above] = [left - room, top - room].map((start) => Math.max(start, edge)),
    to = Math.min(left + width + room, clientWidth - edge),
    below = Math.min(top + height + room, clientHeight - edge);
  for (const [strokeStyle, lineWidth] of [
    [DARK, thickness + 2.5],
    ["#ffffff", thickness + 1.25],
    [color, thickness],
  ]) {
    Object.assign(context, { strokeStyle, lineWidth });
    context.strokeRect(from, above, to - from, below - above);
  }
}

function ringNeighborhood(context, { grid: [rows, columns], query, size, boundary }, { wide, high }, { accent }) {
  const across = (place, length) => spans(place, (size - 1) / 2, length, boundary === "circular"),
    box = ([top, bottom], [left, right]) => ({
      left: left * wide,
      top: top * high,
      width: (right - left + 1) * wide,
      height: (bottom - top + 1) * high,
    });
  for (const tops of across(Math.floor(query / columns), rows)) {
    for (const lefts of across(query % columns, columns)) ring(context, box(tops, lefts), accent);
  }
}

export function drawInput(context, width, height, { view, hovered, colors }) {
  const layout = gridCells(view.grid, width, height);
  drawPixels(context, view.picture, width, height);
  ringNeighborhood(context, view, layout, colors);
  ringHovered(context, layout, view, hovered, colors);
}

export function drawOutput(context, width, height, { view, hovered, colors }) {
  const layout = gridCells(view.grid, width, height);
  drawPixels(context, view.answered, width, height);
  ring(context, layout.cell(view.query), colors.accent);
  ringHovered(context, layout, view, hovered, colors);
}

function ringHovered(context, { cell }, { query }, hovered, { ink }) {
  if (hovered !== null && hovered !== query) ring(context, cell(hovered), ink, 1);
}

// The row of A as a map: each weight over the pixel it asks for; the rest of the picture is not heard.
export function drawRow(context, width, height, { view, hovered, colors }) {
  const layout = gridCells(view.grid, width, height),
    paper = channels(colors.raised);
  drawPixels(context, view.picture, width, height);
  Object.assign(context, { globalAlpha: VEIL, fillStyle: colors.raised });
  context.fillRect(0, 0, width, height);
  context.globalAlpha = 1;
  view.places.forEach((pixel, index) => {
    if (pixel === null) return;
    const { left, top } = layout.cell(pixel);
    context.fillStyle = `rgb(${weightColor(view.kernel[index], view.largest, paper)})`;
    context.fillRect(left, top, layout.wide + 0.3, layout.high + 0.3);
  });
  ringNeighborhood(context, view, layout, colors);
  ringHovered(context, layout, view, hovered, colors);
}

// The whole matrix A of a picture of side × side pixels, with one row outlined: side × side blocks.
export function drawMatrix(context, width, height, { view, colors }) {
  const { side, row } = view.small,
    pitch = width / side ** 2;
  drawPixels(context, matrixPicture(view, channels(colors.raised)), width, height);
  drawBlocks(context, between(side, side * pitch), width, height, colors);
  ring(context, { left: 0, top: row * pitch, width, height: pitch }, colors.accent);
}

function drawBlocks(context, places, width, height, { rule, edge }) {
  const ends = (along) => [
    [
      [along, 0],
      [along, height],
    ],
    [
      [0, along],
      [width, along],
    ],
  ];
  for (const line of places.flatMap(ends)) curve(context, line, rule, { lineWidth: 1 });
  Object.assign(context, { strokeStyle: edge, lineWidth: 1 });
  context.strokeRect(0.5, 0.5, width - 1, height - 1);
}

function matrixPicture({ small: { side }, size, boundary, kernel, largest }, paper) {
  const count = side ** 2,
    { words, done } = blankPixels(count, count),
    inks = kernel.map((weight) => packed(weightColor(weight, largest, paper)));
  words.fill(packed(paper));
  for (let row = 0; row < count; row++) {
    neighborPlaces(row, [side, side], size, boundary).forEach((column, index) => {
      if (column !== null) words[row * count + column] = inks[index];
    });
  }
  return done();
}

// What the chosen layers see around one output: heat by influence, the whole field framed, the part that holds most of
// it dashed.
export function drawField(context, width, height, { view, colors }) {
  const { grid, query, field } = view,
    layout = gridCells(grid, width, height);
  drawPixels(context, view.picture, width, height);
  Object.assign(context, { globalAlpha: 0.62, fillStyle: colors.paper });
  context.fillRect(0, 0, width, height);
  context.globalAlpha = 0.92;
  drawPixels(context, heatPicture(view), width, height);
  context.globalAlpha = 1;
  if (field.jump > 1) dotOutputs(context, view, layout);
  frame(context, squareAround(query, field.size, grid, layout));
  if (field.held < field.size) frame(context, squareAround(query, field.held, grid, layout), [4, 4]);
  ring(context, layout.cell(query), colors.accent, 1);
}

function squareAround(pixel, side, [, columns], { wide, high }) {
  const [row, column] = [Math.floor(pixel / columns), pixel % columns],
    half = (side - 1) / 2;
  return { left: (column - half) * wide, top: (row - half) * high, width: side * wide, height: side * high };
}

// Each pixel's share of the influence, against the largest; pixels from which no path leads stay clear.
function heatPicture({ grid: [rows, columns], query, field: { shares, peak } }) {
  const { words, done } = blankPixels(rows, columns),
    center = (shares.length - 1) / 2;
  const along = (length, middle) => Array.from({ length }, (_, place) => (shares[center + place - middle] ?? 0) / peak);
  const [down, across] = [along(rows, Math.floor(query / columns)), along(columns, query % columns)];
  down.forEach((one, row) => {
    across.forEach((other, column) => {
      if (one * other > 0) words[row * columns + column] = packed(cividis(one * other));
    });
  });
  return done();
}

// The other outputs stand one jump apart.
function dotOutputs(context, { grid: [rows, columns], query, field: { jump } }, { wide, high }) {
  const radius = Math.min(Math.max(wide * 0.3, 1), 2.5);
  for (let row = Math.floor(query / columns) % jump; row < rows; row += jump) {
    for (let column = (query % columns) % jump; column < columns; column += jump)
      dotOutput(context, (column + 0.5) * wide, (row + 0.5) * high, radius);
  }
}

function dotOutput(context, x, y, radius) {
  for (const [fillStyle, grown] of [
    [DARK, 1],
    ["#ffffff", 0],
  ]) {
    context.fillStyle = fillStyle;
    context.beginPath();
    context.arc(x, y, radius + grown, 0, 2 * Math.PI);
    context.fill();
  }
}

// Both sizes after each number of layers; the present number is marked.
export function drawGrowth(context, width, height, { view: { growth, layers }, colors }) {
  const box = { left: 42, right: width - 12, top: 34, bottom: height - 34 },
    { left, right, top, bottom } = box,
    last = growth.length - 1,
    most = growth[last].size;
  const x = (layer) => left + (layer / last) * (right - left),
    y = (size) => bottom - (size / most) * (bottom - top),
    points = (name) => growth.map((field, layer) => [x(layer), y(field[name])]);
  const levels = [...new Set([0, Math.ceil(most / 2), most])].map((size) => [y(size), size]),
    ticks = growth.map((_, layer) => [x(layer), layer]);
  axes(context, box, { levels, ticks, caption: GROWTH_CAPTION, gap: 5 }, colors);
  const lines = [
    { name: "size", text: GROWTH.size, color: colors.ink, dash: [5, 4] },
    { name: "held", text: GROWTH.held, color: colors.blue, dash: [] },
  ];
  for (const { name, color, dash } of lines) curve(context, points(name), color, { dash });
  legend(context, lines, 9, colors);
  const [size, held] = lines.map(({ name }) => points(name)[layers]);
  curve(context, [[x(layers), bottom], size], colors.accent, { lineWidth: 1.5 });
  for (const point of [size, held]) dot(context, point, 5, colors.accent, colors);
}
