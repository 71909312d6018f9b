// The answers explorer's drawings. Each gets what it shows and draws it into (width, height); none keeps anything.

import { between, channels, cividis, DARK, drawBorders, gridCells, gridLines, outline } from "../common/canvas.mjs";
import { curve, dot, label, legend } from "../common/charts.mjs";
import { percent } from "../common/words.mjs";
import { BLOCKS } from "./formulas.mjs";
import * as words from "./words.mjs";

const TINTS = ["#cc79a7", "#009e73"].map(channels),
  SIDES = ["#d55e00", "#56b4e9"].map(channels); // Okabe and Ito's: brick, grass; not left, left
const RIGHT = channels("#0072b2"),
  WRONG = channels("#e69f00");
const TINT = 0.42,
  FAINT = 0.72,
  FAINTER = 0.86; // how strong a texture's tint is; how much paper covers the color of a patch without news
// The mark, then after one block, two, three, and at the end by the mean.
const STEPS = [1, 0.9, 0.62, 0.34, 0.05].map(cividis);
const LEAST = 0.4; // share at the foot of the chart

const mixed = (color, other, share) => color.map((each, channel) => Math.round(each + share * (other[channel] - each)));
const claims = (question) => (question === "same" ? TINTS : SIDES);
const css = (color) => `rgb(${color})`;

// The color of a patch under a network, on the page's paper.
const TONES = {
  right: ({ right, steps }, patch, paper) =>
    mixed(right[patch] ? RIGHT : WRONG, paper, steps[patch] === null ? FAINT : 0),
  answers: ({ sure, claimed, question }, patch, paper) =>
    mixed(claims(question)[claimed[patch]], paper, 2 - 2 * sure[patch]),
  steps: ({ steps }, patch, paper) =>
    steps[patch] === null ? mixed(STEPS[BLOCKS + 1], paper, FAINTER) : STEPS[steps[patch]],
};

// Cells end on whole pixels, without a seam.
function drawCells(context, width, height, { view, network, colors }) {
  const {
      grid: [rows, columns],
      distances,
      question,
    } = view,
    paper = channels(colors.paper),
    tone = TONES[view.view],
    named = { ...network, question };
  const [across, down] = [
    [columns, width],
    [rows, height],
  ].map(([count, length]) => Array.from({ length: count + 1 }, (_, line) => Math.round((line * length) / count)));
  distances.forEach((asked, patch) => {
    const [row, column] = [Math.floor(patch / columns), patch % columns];
    context.fillStyle = css(asked || view.view === "steps" ? tone(named, patch, paper) : paper);
    context.fillRect(across[column], down[row], across[column + 1] - across[column], down[row + 1] - down[row]);
  });
}

// The patches in the colors of their textures.
export function drawMarked(context, width, height, { view, hovered, read, colors }) {
  const { grid, textures, picture, selected } = view,
    { cell, wide, high } = gridCells(grid, width, height);
  context.imageSmoothingEnabled = true;
  context.drawImage(picture, 0, 0, width, height);
  context.globalAlpha = TINT;
  textures.forEach((texture, patch) => {
    const { left, top } = cell(patch);
    context.fillStyle = css(TINTS[texture]);
    context.fillRect(left, top, wide, high);
  });
  context.globalAlpha = 1;
  gridLines(context, { tops: between(grid[0], high), lefts: between(grid[1], wide), width, height }, 0.35);
  const told = hovered ?? read;
  if (told !== selected) outline(context, cell(told), colors.ink, 1);
  outline(context, cell(selected), colors.accent, 3);
}

// One network's map, large: the news stops at the line, and where it arrives a wrong answer is crossed.
export function drawLarge(context, width, height, drawn) {
  const { view, hovered, read, colors } = drawn,
    { grid, chosen, selected, pairs } = view,
    layout = gridCells(grid, width, height);
  drawCells(context, width, height, { ...drawn, network: chosen });
  gridLines(context, { tops: between(grid[0], layout.high), lefts: between(grid[1], layout.wide), width, height }, 0.2);
  if (view.view === "right") drawCrosses(context, view, layout);
  drawBorders(
    context,
    pairs,
    chosen.steps.map((step) => step !== null),
    layout,
  );
  const told = hovered ?? read;
  if (told !== selected) outline(context, layout.cell(told), colors.ink, 1);
  outline(context, layout.cell(selected), colors.accent, 3);
}

function drawCrosses(context, { chosen, distances }, { cell, wide, high }) {
  context.beginPath();
  chosen.right.forEach((right, patch) => {
    if (right || !distances[patch] || chosen.steps[patch] === null) return;
    const { left, top } = cell(patch),
      [x, y] = [left + wide / 2, top + high / 2],
      arm = 0.16 * Math.min(wide, high);
    for (const side of [1, -1]) {
      context.moveTo(x - arm, y - side * arm);
      context.lineTo(x + arm, y + side * arm);
    }
  });
  Object.assign(context, { strokeStyle: DARK, lineWidth: 1.5, lineCap: "round" });
  context.stroke();
}

export function drawTile(context, width, height, drawn) {
  const { view, colors } = drawn,
    { left, top, width: wide, height: high } = gridCells(view.grid, width, height).cell(view.selected);
  drawCells(context, width, height, drawn);
  for (const [color, grown] of [
    [DARK, 2],
    ["#ffffff", 1.25],
    [colors.accent, 0],
  ]) {
    context.fillStyle = color;
    context.fillRect(left - grown, top - grown, wide + 2 * grown, high + 2 * grown);
  }
}

// The key's colors, in the order of its words: each with a share of paper, and maybe a second one for the other half.
const SWATCHES = {
  right: () => [
    [[RIGHT, 0]],
    [[WRONG, 0]],
    [
      [RIGHT, FAINT],
      [WRONG, FAINT],
    ],
    [[RIGHT, 1]],
  ],
  answers: ({ question }) => [
    ...claims(question).map((color) => [[color, 0]]),
    claims(question).map((color) => [color, FAINT]),
  ],
  steps: ({ chosen }) => [1, 2, 3, 4].map((step) => [[STEPS[step], step > BLOCKS && !chosen.pooling ? FAINTER : 0]]),
};

export function drawKey(context, _width, height, { view, colors: { ink, edge, paper } }) {
  const ground = channels(paper),
    swatches = SWATCHES[view.view](view),
    side = 14,
    top = (height - side) / 2;
  let x = 0;
  words.keyTexts(view).forEach((text, entry) => {
    const [first, second = first] = swatches[entry];
    [first, second].forEach(([color, share], half) => {
      context.fillStyle = css(mixed(color, ground, share));
      context.fillRect(x + (half * side) / 2, top, side / 2, side);
    });
    Object.assign(context, { strokeStyle: edge, lineWidth: 1 });
    context.strokeRect(x + 0.5, top + 0.5, side - 1, side - 1);
    label(context, text, x + side + 5, height / 2, { color: ink });
    x += side + 5 + context.measureText(text).width + 12;
  });
}

// The share of right answers by distance over all marks, beside the ceiling.
export function drawCurve(context, width, height, { view: { accuracy, ceiling }, colors }) {
  const { ink, blue } = colors,
    { x, y } = drawAxes(context, width, height, colors, accuracy.length);
  const points = (shares) => shares.flatMap((share, index) => (share === null ? [] : [[x(index), y(share)]]));
  if (ceiling) curve(context, points(ceiling), ink, { dash: [6, 4] });
  curve(context, points(accuracy), blue, { lineWidth: 1.5 });
  points(accuracy).forEach((point) => {
    dot(context, point, 4.5, blue, colors);
  });
  const entries = [
    { text: words.RIGHT, color: blue },
    { text: words.CEILING, color: ink, dash: [6, 4] },
  ];
  legend(context, ceiling ? entries : entries.slice(0, 1), 12, colors);
}

// Shares up, distances 1 … count across; returns where each lies.
function drawAxes(context, width, height, { quiet, rule, edge }, count) {
  const { left, right, high, low } = { left: 44, right: width - 12, high: 34, low: height - 36 };
  const x = (index) => left + 12 + (index / (count - 1)) * (right - left - 24),
    y = (share) => low - ((Math.max(share, LEAST) - LEAST) / (1 - LEAST)) * (low - high);
  const across = (level, color) => {
    const ends = [left, right].map((end) => [end, level]);
    curve(context, ends, color, { lineWidth: 1 });
  };
  for (const share of [0.5, 0.75, 1]) {
    across(y(share), rule);
    label(context, percent(share), left - 6, y(share), { color: quiet, align: "right" });
  }
  across(low, edge);
  for (let index = 0; index < count; index++)
    label(context, String(index + 1), x(index), low + 13, { color: quiet, align: "center" });
  label(context, words.DISTANCE, (left + right) / 2, height - 9, { color: quiet, align: "center" });
  return { x, y };
}
