// The convolution explorer's drawings. Each gets what it shows and draws it into (width, height); none keeps anything.
// Pixels are gray, weights have a color: orange above zero, blue below.

import { between, blankPixels, channels, cividis, DARK, gridCells, packed } from "../common/canvas.mjs";
import { curve, dot, label, legend } from "../common/charts.mjs";
import { neighborPlaces } from "./formulas.mjs";

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

function frame(context, { left, top, width, height }, { dash = [], color = "#ffffff" } = {}) {
  context.save();
  for (const [style, lineWidth, pattern] of [
    [DARK, 3.5, []],
    [color, 1.75, dash],
  ]) {
    Object.assign(context, { strokeStyle: style, lineWidth });
    context.setLineDash(pattern);
    context.strokeRect(left, top, width, height);
  }
  context.restore();
}

// The parts of a span around a place that lie inside: from the other side too where the boundary is circular.
function spans(at, radius, length, circular) {
  const [from, to] = [at - radius, at + radius],
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
  const [from, above] = [Math.max(left - room, edge), Math.max(top - room, edge)];
  const [to, below] = [
    Math.min(left + width + room, clientWidth - edge),
    Math.min(top + height + room, clientHeight - edge),
  ];
  for (const [style, lineWidth] of [
    [DARK, thickness + 2.5],
    ["#ffffff", thickness + 1.25],
    [color, thickness],
  ]) {
    Object.assign(context, { strokeStyle: style, lineWidth });
    context.strokeRect(from, above, to - from, below - above);
  }
}

function ringNeighborhood(context, { grid, query, size, boundary }, { wide, high }, { accent }) {
  const [rows, columns] = grid,
    radius = (size - 1) / 2,
    circular = boundary === "circular";
  for (const [top, bottom] of spans(Math.floor(query / columns), radius, rows, circular)) {
    for (const [left, right] of spans(query % columns, radius, columns, circular)) {
      ring(
        context,
        { left: left * wide, top: top * high, width: (right - left + 1) * wide, height: (bottom - top + 1) * high },
        accent,
      );
    }
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
  view.places.forEach((pixel, at) => {
    if (pixel === null) return;
    const { left, top } = layout.cell(pixel);
    context.fillStyle = `rgb(${weightColor(view.kernel[at], view.largest, paper)})`;
    context.fillRect(left, top, layout.wide + 0.3, layout.high + 0.3);
  });
  ringNeighborhood(context, view, layout, colors);
  ringHovered(context, layout, view, hovered, colors);
}

// The whole matrix A of a picture of side × side pixels, with one row outlined: side × side blocks.
export function drawMatrix(context, width, height, { view, colors }) {
  const { side, row } = view.small,
    count = side ** 2,
    pitch = width / count,
    paper = channels(colors.raised);
  drawPixels(context, matrixPicture(view, paper), width, height);
  for (const at of between(side, side * pitch)) {
    curve(
      context,
      [
        [at, 0],
        [at, height],
      ],
      colors.rule,
      { lineWidth: 1 },
    );
    curve(
      context,
      [
        [0, at],
        [width, at],
      ],
      colors.rule,
      { lineWidth: 1 },
    );
  }
  Object.assign(context, { strokeStyle: colors.edge, lineWidth: 1 });
  context.strokeRect(0.5, 0.5, width - 1, height - 1);
  ring(context, { left: 0, top: row * pitch, width, height: pitch }, colors.accent);
}

function matrixPicture({ small: { side }, size, boundary, kernel, largest }, paper) {
  const count = side ** 2,
    { words, done } = blankPixels(count, count),
    inks = kernel.map((weight) => packed(weightColor(weight, largest, paper)));
  words.fill(packed(paper));
  for (let row = 0; row < count; row++) {
    neighborPlaces(row, [side, side], size, boundary).forEach((column, at) => {
      if (column !== null) words[row * count + column] = inks[at];
    });
  }
  return done();
}

// What the chosen layers see around one output: heat by influence, the whole field framed, the part that holds most of
// it dashed.
export function drawField(context, width, height, { view, colors }) {
  const { grid, query, field } = view,
    layout = gridCells(grid, width, height),
    { wide, high, cell } = layout;
  drawPixels(context, view.picture, width, height);
  Object.assign(context, { globalAlpha: 0.62, fillStyle: colors.paper });
  context.fillRect(0, 0, width, height);
  context.globalAlpha = 0.92;
  drawPixels(context, heatPicture(view), width, height);
  context.globalAlpha = 1;
  const [row, column] = [Math.floor(query / grid[1]), query % grid[1]];
  const around = (side) => ({
    left: (column - (side - 1) / 2) * wide,
    top: (row - (side - 1) / 2) * high,
    width: side * wide,
    height: side * high,
  });
  if (field.jump > 1) dotOutputs(context, view, layout);
  frame(context, around(field.size));
  if (field.held < field.size) frame(context, around(field.held), { dash: [4, 4] });
  ring(context, cell(query), colors.accent, 1);
}

// Each pixel's share of the influence, against the largest; pixels from which no path leads stay clear.
function heatPicture({ grid: [rows, columns], query, field: { shares, peak } }) {
  const { words, done } = blankPixels(rows, columns),
    center = (shares.length - 1) / 2;
  const along = (length, at) => Array.from({ length }, (_, each) => (shares[center + each - at] ?? 0) / peak);
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
    for (let column = (query % columns) % jump; column < columns; column += jump) {
      const at = [(column + 0.5) * wide, (row + 0.5) * high];
      for (const [grown, color] of [
        [1, DARK],
        [0, "#ffffff"],
      ]) {
        context.fillStyle = color;
        context.beginPath();
        context.arc(...at, radius + grown, 0, 2 * Math.PI);
        context.fill();
      }
    }
  }
}

// Both sizes after each number of layers; the present number is marked.
export function drawGrowth(context, width, height, { view: { growth, layers }, colors }) {
  const left = 42,
    right = width - 12,
    top = 34,
    bottom = height - 34,
    last = growth.length - 1,
    most = growth[last].size;
  const x = (layer) => left + (layer / last) * (right - left),
    y = (size) => bottom - (size / most) * (bottom - top);
  curve(
    context,
    [
      [left, bottom],
      [right, bottom],
    ],
    colors.edge,
    { lineWidth: 1 },
  );
  for (const size of new Set([Math.ceil(most / 2), most])) {
    curve(
      context,
      [
        [left, y(size)],
        [right, y(size)],
      ],
      colors.rule,
      { lineWidth: 1 },
    );
    label(context, size, left - 5, y(size), { color: colors.quiet, align: "right" });
  }
  label(context, "0", left - 5, bottom, { color: colors.quiet, align: "right" });
  growth.forEach((_, layer) => {
    label(context, layer, x(layer), bottom + 12, { color: colors.quiet, align: "center" });
  });
  label(context, "layers", (left + right) / 2, bottom + 27, { color: colors.quiet, align: "center" });
  const line = (name) => growth.map((each, layer) => [x(layer), y(each[name])]);
  curve(context, line("size"), colors.ink, { dash: [5, 4] });
  curve(context, line("held"), colors.blue);
  legend(
    context,
    [
      { text: "all it sees", color: colors.ink, dash: [5, 4] },
      { text: "95\u202f% of the influence", color: colors.blue, dash: [] },
    ],
    9,
    colors,
  );
  curve(
    context,
    [
      [x(layers), bottom],
      [x(layers), y(growth[layers].size)],
    ],
    colors.accent,
    { lineWidth: 1.5 },
  );
  for (const name of ["size", "held"]) dot(context, line(name)[layers], 5, colors.accent, colors);
}
