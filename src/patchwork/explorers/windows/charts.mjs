// The window explorer's charts: how far a token hears, and what attention costs.

import { axes, curve, dot, label, legend } from "../common/charts.mjs";
import { strokeLines } from "./drawings.mjs";
import * as words from "./words.mjs";

const DASH = [5, 4];

// How much has been heard of after each block, with shifted blocks and without; the present number of blocks is marked.
export function drawGrowth(context, width, height, { view: { growth, blocks, shifted, count }, colors }) {
  const box = { left: 46, right: width - 12, top: 34, bottom: height - 34 },
    { left, right, top, bottom } = box,
    last = growth.shifted.length - 1;
  const x = (block) => left + (block / last) * (right - left),
    y = (heard) => bottom - (heard / count) * (bottom - top),
    points = (values) => values.map((heard, block) => [x(block), y(heard)]);
  const levels = [0, 0.5, 1].map((share) => [y(share * count), words.shareText(share)]),
    ticks = growth.shifted.map((_, block) => [x(block), block]);
  axes(context, box, { levels, ticks, caption: words.SHARES }, colors);
  curve(context, points(growth.still), colors.ink, { dash: DASH });
  curve(context, points(growth.shifted), colors.blue);
  for (const point of points(growth.shifted)) dot(context, point, 3, colors.blue, colors);
  drawLegend(context, words.GROWTH.shifted, words.GROWTH.still, colors);
  const present = points(shifted ? growth.shifted : growth.still)[blocks];
  curve(context, [[present[0], bottom], present], colors.accent, { lineWidth: 1.5 });
  dot(context, present, 6, colors.accent, colors);
}

function drawLegend(context, solid, dashed, colors) {
  const entries = [
    { text: solid, color: colors.blue, dash: [] },
    { text: dashed, color: colors.ink, dash: DASH },
  ];
  legend(context, entries, 9, colors);
}

const BARS = [
  { name: "whole", top: 20 },
  { name: "windows", top: 66 },
];

// Two bars: what projections cost both ways alike, and hatched what the products of queries, keys and values add.
export function drawBars(context, width, _, { view: { cost }, colors }) {
  for (const { name, top } of BARS) {
    const { projections, products, total } = cost[name],
      [solid, hatched] = [projections, products].map((part) => (part / cost.whole.total) * (width - 2));
    label(context, words.barText(words.COSTS[name], total), 0, top - 9, { color: colors.ink, bold: true });
    context.fillStyle = colors.blue;
    context.fillRect(0, top, solid, 20);
    drawHatched(context, [solid, top, Math.max(hatched, 1.5), 20], colors);
  }
  const y = 104;
  context.fillStyle = colors.blue;
  context.fillRect(0, y - 6, 14, 12);
  label(context, words.PARTS.projections, 19, y, { color: colors.ink });
  drawHatched(context, [100, y - 6, 14, 12], colors);
  label(context, words.PARTS.products, 119, y, { color: colors.ink });
}

function drawHatched(context, box, { blue, paper }) {
  const [left, top, width, height] = box,
    area = new Path2D(),
    lines = [];
  area.rect(...box);
  for (let x = left - height; x < left + width; x += 5) lines.push([x, top + height, x + height, top]);
  context.save();
  context.clip(area);
  context.fillStyle = paper;
  context.fillRect(...box);
  strokeLines(context, lines, [[blue, 2]]);
  context.restore();
  Object.assign(context, { strokeStyle: blue, lineWidth: 1.5 });
  context.strokeRect(left + 0.75, top + 0.75, Math.max(width - 1.5, 0), height - 1.5);
}

// Both costs against the side of a square grid, on logarithmic axes; where they part, and where pairs outweigh
// projections.
export function drawCurve(context, width, height, { view, colors }) {
  const { windowSize, dim, cost, side } = view,
    box = { left: 48, right: width - 10, top: 34, bottom: height - 34 },
    { whole, windows, x, y, lengths, doubles, powers } = costScales(view, box),
    point = (total, length) => [x(length), y(total(length))],
    points = (total) => lengths.map((length) => point(total, length));
  const levels = powers.map((total) => [y(total), words.powerText(total)]),
    ticks = doubles.map((length) => [x(length), length]);
  axes(context, box, { levels, ticks, caption: words.SIDES }, colors);
  curve(context, points(whole), colors.ink, { dash: DASH });
  curve(context, points(windows), colors.blue);
  drawLegend(context, words.COSTS.windows, words.COSTS.whole, colors);
  const even = Math.sqrt(2 * dim), // where N = 2D
    equal = point(whole, windowSize),
    present = Object.values(cost).map(({ total }) => [x(side), y(total)]);
  dot(context, equal, 4, colors.ink, colors);
  if (even > windowSize) markEven(context, point(whole, even), [box.left + 8, box.top + 4], colors);
  curve(context, [[x(side), box.bottom], present[0]], colors.accent, { lineWidth: 1.5 });
  for (const each of present) dot(context, each, 5, colors.accent, colors);
  label(context, words.equalText(windowSize), equal[0] + 10, equal[1] + 9, { color: colors.ink, halo: colors.paper });
}

// Both costs of a square grid by its side, and where sides and costs lie in a box; sides to draw through, and what
// stands at the axes: the window's side and its doubles, and powers of ten.
function costScales({ windowSize, largestSide, dim }, { left, right, top, bottom }) {
  const cost = (count, heard) => 4 * count * dim ** 2 + 2 * heard * count * dim,
    whole = (length) => cost(length ** 2, length ** 2),
    windows = (length) => cost(length ** 2, windowSize ** 2);
  const [first, last] = [windowSize, largestSide].map(Math.log2),
    [least, most] = [Math.log10(whole(windowSize)) - 0.8, Math.log10(whole(largestSide))];
  const steps = (count) => Array.from({ length: count }, (_, step) => step);
  return {
    whole,
    windows,
    x: (length) => left + ((Math.log2(length) - first) / (last - first)) * (right - left),
    y: (total) => bottom - ((Math.log10(total) - least) / (most - least)) * (bottom - top),
    lengths: steps(41).map((step) => 2 ** (first + (step / 40) * (last - first))),
    doubles: steps(Math.floor(last - first) + 1).map((step) => windowSize * 2 ** step),
    powers: steps(Math.floor(most) - Math.ceil(least) + 1).map((step) => 10 ** (Math.ceil(least) + step)),
  };
}

function markEven(context, point, [x, y], colors) {
  curve(context, [[Math.min(point[0], x + 30), y + 24], point], colors.ink, { lineWidth: 1 });
  dot(context, point, 4, colors.ink, colors);
  words.BEYOND.forEach((line, index) => {
    label(context, line, x, y + 15 * index, { color: colors.ink });
  });
}
