// The window explorer's drawings over the photograph. Each gets what it shows and draws it into (width, height); none
// keeps anything.

import { between, DARK, gridCells, gridLines, outline } from "../common/canvas.mjs";
import { FONT } from "../common/charts.mjs";
import { shiftedToken } from "./formulas.mjs";
import { ROUND } from "./words.mjs";

export const REGIONS = ["#56b4e9", "#f0e442", "#009e73", "#cc79a7"]; // Okabe and Ito's that dark digits show on
const VEIL = 0.74,
  FALSE_VEIL = 0.45; // how much paper lies over what has no part, and over what is masked

// Pens, [style, line width], one over the other.
const HATCH_PENS = [
  ["rgb(0 0 0 / 0.5)", 3],
  ["rgb(255 255 255 / 0.85)", 1.25],
];
const WINDOW_PENS = [
  ["rgb(0 0 0 / 0.65)", 4],
  ["#ffffff", 2],
];
const CROSS_PENS = [
  ["#ffffff", 4],
  [DARK, 2],
];
const FRAME_PENS = [
  [DARK, 4],
  ["#ffffff", 2],
];

function linesPath(lines) {
  const path = new Path2D();
  for (const [fromX, fromY, toX, toY] of lines) {
    path.moveTo(fromX, fromY);
    path.lineTo(toX, toY);
  }
  return path;
}

export function strokeLines(context, lines, pens) {
  const path = linesPath(lines);
  for (const [strokeStyle, lineWidth] of pens) {
    Object.assign(context, { strokeStyle, lineWidth });
    context.stroke(path);
  }
}

function strokeBox(context, box, pens) {
  for (const [strokeStyle, lineWidth] of pens) {
    Object.assign(context, { strokeStyle, lineWidth });
    context.strokeRect(...box);
  }
}

// Light dashes beside dark ones: draw() strokes once.
function strokeDashes(context, length, draw) {
  context.save();
  context.setLineDash([length, length]);
  for (const [strokeStyle, lineDashOffset] of [
    ["#ffffff", 0],
    [DARK, length],
  ]) {
    Object.assign(context, { strokeStyle, lineWidth: 2, lineDashOffset });
    draw();
  }
  context.restore();
}

export function write(context, words, x, y, weight, size, color) {
  Object.assign(context, {
    font: `${weight} ${size}px ${FONT}`,
    textAlign: "center",
    textBaseline: "middle",
    fillStyle: color,
  });
  context.fillText(words, x, y);
}

// The grid of tokens over a canvas: where each is drawn, in its own place or where the cyclic shift by `right` and
// `down` put it.
function layout({ grid, shift, moved }, width, height) {
  const { wide, high, cell } = gridCells(grid, width, height);
  if (!moved) return { grid, width, height, wide, high, cell, right: 0, down: 0 };
  const shifted = (token) => cell(shiftedToken(token, grid, shift));
  return { grid, width, height, wide, high, cell: shifted, right: shift * wide, down: shift * high };
}

export function drawStep(context, width, height, { view, hovered, answerer, colors }) {
  const { windowSize, shift, step, moved, query, tokens } = view,
    placed = layout(view, width, height),
    masked = step === "mask" || step === "unshift";
  drawRolled(context, view.photo.canvas, placed);
  drawTokenLines(context, placed, placed.wide > 14 ? 0.5 : 0.2);
  if (masked) veil(context, tokens.map(placed.cell), placed, colors);
  if (moved) drawSeams(context, placed, { hatched: !masked });
  if (step === "windows" || masked) drawWindowLines(context, placed, windowSize, moved ? 0 : shift);
  if (masked) drawFalse(context, view, placed, colors);
  frameRegions(context, view, placed);
  if (moved && !masked) nameStrips(context, placed);
  outlineTokens(context, placed, { query, answerer: masked ? answerer : null, hovered }, colors);
}

// The picture moved to the left by `right` and up by `down`; what leaves comes round.
function drawRolled(context, picture, { width, height, right, down }) {
  for (const left of right ? [-right, width - right] : [0]) {
    for (const top of down ? [-down, height - down] : [0]) context.drawImage(picture, left, top, width, height);
  }
}

function drawTokenLines(context, { grid: [rows, columns], width, height, wide, high }, strength) {
  gridLines(context, { tops: between(rows, high), lefts: between(columns, wide), width, height }, strength);
}

// Paper over everything but some boxes.
function veil(context, boxes, { width, height }, { paper }) {
  const around = new Path2D();
  around.rect(0, 0, width, height);
  for (const box of boxes) around.rect(box.left, box.top, box.width, box.height);
  context.save();
  Object.assign(context, { globalAlpha: VEIL, fillStyle: paper });
  context.fill(around, "evenodd");
  context.restore();
}

// What came round may keep a hatch; a dashed seam parts it from the rest.
function drawSeams(context, { width, height, right, down }, { hatched }) {
  if (!right) return;
  const [x, y] = [width - right, height - down],
    strips = [
      [0, y, width, down],
      [x, 0, right, y],
    ],
    seams = [
      [0, y, width, y],
      [x, 0, x, height],
    ];
  if (hatched) hatch(context, strips, width + height);
  strokeDashes(context, 5, () => context.stroke(linesPath(seams)));
}

function hatch(context, boxes, length, gap = 9) {
  const area = new Path2D(),
    lines = [];
  for (const box of boxes) area.rect(...box);
  for (let start = 0; start < length; start += gap) lines.push([start, 0, start - length, length]);
  context.save();
  context.clip(area);
  strokeLines(context, lines, HATCH_PENS);
  context.restore();
}

function drawWindowLines(context, { width, height, wide, high }, windowSize, offset) {
  const along = (length, pitch) => {
    const first = (offset || windowSize) * pitch,
      step = windowSize * pitch;
    return Array.from({ length: Math.ceil((length - first - 1) / step) }, (_, line) => first + line * step);
  };
  const lefts = along(width, wide).map((x) => [x, 0, x, height]),
    tops = along(height, high).map((y) => [0, y, width, y]);
  strokeLines(context, [...lefts, ...tops], WINDOW_PENS);
}

// Tokens of the same window that may not answer: paler, and crossed out.
function drawFalse(context, { tokens, may }, { cell }, { paper }) {
  tokens.forEach((token, place) => {
    if (may[place]) return;
    const { left, top, width, height } = cell(token);
    Object.assign(context, { globalAlpha: FALSE_VEIL, fillStyle: paper });
    context.fillRect(left, top, width, height);
    context.globalAlpha = 1;
    crossOut(context, cell(token));
  });
}

function crossOut(context, { left, top, width, height }) {
  const inset = Math.min(width, height) * 0.22,
    [from, above, to, below] = [left + inset, top + inset, left + width - inset, top + height - inset];
  const cross = [
    [from, above, to, below],
    [from, below, to, above],
  ];
  strokeLines(context, cross, width > 9 ? CROSS_PENS : [[DARK, 1]]);
}

// One frame for each region of the window, numbered where there is room.
function frameRegions(context, { tokens, regions, query }, { cell }) {
  for (let region = Math.max(...regions); region >= 0; region--) {
    const members = tokens.filter((_, place) => regions[place] === region),
      [first, last] = [cell(members[0]), cell(members.at(-1))];
    const box = [
      first.left + 1.5,
      first.top + 1.5,
      last.left + last.width - first.left - 3,
      last.top + last.height - first.top - 3,
    ];
    strokeBox(context, box, [
      [DARK, 5],
      [REGIONS[region], 3],
    ]);
    if (first.width >= 16 && members.length > 1) numberRegion(context, region, members.at(-1) === query ? first : last);
  }
}

function numberRegion(context, region, { left, top, width, height }) {
  const side = Math.min(Math.max(width * 0.62, 13), 18),
    [x, y] = [left + width - side - 1, top + height - side - 1];
  context.fillStyle = REGIONS[region];
  context.fillRect(x, y, side, side);
  write(context, region + 1, x + side / 2, y + side / 2 + 0.5, 700, 13, DARK);
}

function nameStrips(context, { width, height, right, down }) {
  if (down >= 16) plate(context, ROUND.top, (width - right) / 2, height - down / 2);
  if (right >= 16) plate(context, ROUND.left, width - right / 2, (height - down) / 2, true);
}

// Words on a small plate around (x, y), upright or turned.
function plate(context, words, x, y, turned = false) {
  context.save();
  context.translate(x, y);
  if (turned) context.rotate(-Math.PI / 2);
  Object.assign(context, { font: `600 12px ${FONT}`, fillStyle: "#ffffff" });
  const wide = context.measureText(words).width + 10;
  context.beginPath();
  context.roundRect(-wide / 2, -8.5, wide, 17, 4);
  context.fill();
  write(context, words, 0, 0.5, 600, 12, DARK);
  context.restore();
}

// The token that asks, over one that answers and one under the pointer, where there are such.
function outlineTokens(context, { cell, wide }, { query, answerer = null, hovered = null }, colors) {
  if (answerer !== null && answerer !== query) outline(context, cell(answerer), DARK, 1);
  if (hovered !== null && hovered !== query) outline(context, cell(hovered), colors.ink, 1.5);
  outline(context, cell(query), colors.accent, wide < 14 ? 2 : 3);
}

// The window itself, enlarged: its tokens as they stand side by side after the shift.
export function drawWindow(context, width, height, { view, hovered, answerer, colors }) {
  const { windowSize, tokens, query } = view,
    square = [windowSize, windowSize],
    { wide, high, cell: place } = gridCells(square, width, height);
  const placed = { grid: square, width, height, wide, high, cell: (token) => place(tokens.indexOf(token)) };
  drawEnlarged(context, view, placed);
  drawTokenLines(context, placed, 0.6);
  drawFalse(context, view, placed, colors);
  frameRegions(context, view, placed);
  outlineTokens(context, placed, { query, answerer, hovered: tokens.includes(hovered) ? hovered : null }, colors);
}

// The whole picture, shifted, so large and so far off that the window fills the canvas.
function drawEnlarged(context, { grid, shift, tokens, photo }, { wide, high }) {
  const [rows, columns] = grid,
    first = shiftedToken(tokens[0], grid, shift);
  context.save();
  context.translate(-(first % columns) * wide, -Math.floor(first / columns) * high);
  const whole = { width: columns * wide, height: rows * high, right: shift * wide, down: shift * high };
  drawRolled(context, photo.canvas, whole);
  context.restore();
}

// What the token has heard of, a rectangle for each block that added to it; with merging, the token that it has become
// part of.
export function drawReach(context, width, height, { view, colors }) {
  const { reach, blocks, query, stride } = view,
    placed = layout({ ...view, moved: false }, width, height);
  context.drawImage(view.photo.canvas, 0, 0, width, height);
  drawTokenLines(context, placed, placed.wide > 14 ? 0.4 : 0.15);
  veil(context, [spansBox(reach[blocks], placed)], placed, colors);
  const grown = reach.slice(1, blocks + 1).filter(({ block, heard }) => heard > reach[block - 1].heard),
    frames = grown.map((each) => ({ block: each.block, ...inside(spansBox(each, placed), placed) }));
  for (const { left, top, right, bottom } of [...frames].reverse())
    strokeBox(context, [left, top, right - left, bottom - top], FRAME_PENS);
  if (stride > 1) frameMerged(context, view, placed);
  numberFrames(context, frames);
  outlineTokens(context, placed, { query }, colors);
}

function spansBox({ spans: [[top, bottom], [left, right]] }, { wide, high }) {
  return { left: left * wide, top: top * high, width: (right - left + 1) * wide, height: (bottom - top + 1) * high };
}

const inside = ({ left, top, width, height }, canvas) => ({
  left: Math.max(left, 2),
  top: Math.max(top, 2),
  right: Math.min(left + width, canvas.width - 2),
  bottom: Math.min(top + height, canvas.height - 2),
});

// Each frame's block stands in one of its corners, the first that no frame inside it took.
function numberFrames(context, frames) {
  const taken = new Set(),
    [wide, high] = [16, 17];
  for (const { block, left, top, right, bottom } of frames) {
    const corners = [
      [left, top],
      [right - wide + 2, top],
      [right - wide + 2, bottom - high + 2],
      [left, bottom - high + 2],
    ];
    const [x, y] = corners.find((corner) => !taken.has(String(corner))) ?? corners[0];
    taken.add(String([x, y]));
    context.fillStyle = DARK;
    context.fillRect(x - 1, y - 1, wide, high);
    write(context, block, x + wide / 2 - 1, y + high / 2, 700, 12, "#ffffff");
  }
}

function frameMerged(context, { grid: [, columns], query, stride }, { width, height, wide, high }) {
  const [left, top] = [query % columns, Math.floor(query / columns)].map((place) => place - (place % stride));
  strokeDashes(context, 4, () =>
    context.strokeRect(
      left * wide + 4.5,
      top * high + 4.5,
      Math.min(stride * wide, width - left * wide) - 9,
      Math.min(stride * high, height - top * high) - 9,
    ),
  );
}
