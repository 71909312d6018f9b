// The real network explorer's drawings. Each gets what it shows and draws it into (width, height); none keeps anything.

import { blankPixels, cividis, DARK, drawBorders, gridCells, outline, packed, pixelCanvas } from "../common/canvas.mjs";
import { axes, curve, dot, label } from "../common/charts.mjs";
import limits from "./limits.json" with { type: "json" };
import * as words from "./words.mjs";

const COLORS = Array.from({ length: 256 }, (_, level) => cividis(level / 255)),
  COVER = 0.72; // of the photograph that its map covers
const LAST = limits.counts.depth[1];

// A cosine between the ends of the others; of a weight the root, so that one large weight doesn't hide the rest.
const warmth = ({ head, ends: [least, most] }, value) =>
  head === null ? (value - least) / (most - least || 1) : Math.sqrt(value / (most || 1));
const heat = (share) => COLORS[Math.round(255 * Math.min(Math.max(share, 0), 1))];

function mapPicture(view) {
  const { words: pixels, done } = blankPixels(...view.grid);
  view.row.forEach((value, patch) => {
    pixels[patch] = packed(heat(warmth(view, value)));
  });
  return done();
}

function drawOver(context, width, height, { view, hovered, colors }, covered) {
  const { cell } = gridCells(view.grid, width, height);
  context.imageSmoothingEnabled = true;
  context.drawImage(view.picture.canvas, 0, 0, width, height);
  if (covered) {
    Object.assign(context, { imageSmoothingEnabled: false, globalAlpha: COVER });
    context.drawImage(mapPicture(view), 0, 0, width, height);
    context.globalAlpha = 1;
  }
  if (view.labels) drawBorders(context, view.pairs, view.labels, { cell });
  if (hovered !== null && hovered !== view.selected) outline(context, cell(hovered), DARK, 1);
  outline(context, cell(view.selected), colors.accent, width < 260 ? 2 : 3);
}

export const drawPhoto = (context, width, height, drawn) => drawOver(context, width, height, drawn, false);
export const drawMap = (context, width, height, drawn) => drawOver(context, width, height, drawn, true);

export function drawLegend(context, width, height, { view, colors: { ink } }) {
  const bytes = new Uint8ClampedArray(4 * 256);
  for (let level = 0; level < 256; level++) {
    const share = view.head === null ? level / 255 : Math.sqrt(level / 255);
    bytes.set([...heat(share), 255], 4 * level);
  }
  context.drawImage(pixelCanvas(bytes, 256, 1), 0, 0, width, 12);
  const [least, most] = words.endTexts(view);
  label(context, least, 0, height - 8, { color: ink });
  label(context, most, width, height - 8, { color: ink, align: "right" });
}

const box = (width, height) => ({ left: 34, right: width - 10, high: 10, low: height - 36 });

// Which depth of the chart is at x.
export function depthAt(x, width) {
  const { left, right } = box(width, 0);
  return Math.min(Math.max(Math.round(((x - left - 8) / (right - left - 16)) * LAST), 0), LAST);
}

export function drawCurve(context, width, height, { view, colors }) {
  const { left, right, high, low } = box(width, height),
    { curve: features, headCurve, depth, head, labels, even } = view;
  const top = labels ? 1 : Math.ceil(Math.max(...features, ...headCurve.flat(), even)),
    x = (at) => left + 8 + (at / LAST) * (right - left - 16),
    y = (value) => low - (value / top) * (low - high);
  const ticks = features.map((_, at) => [x(at), String(at)]),
    levels = [0, top / 2, top].map((value) => [y(value), String(value)]);
  axes(context, { left, right, bottom: low }, { levels, ticks, caption: words.CAPTION }, colors);
  const chance = y(labels ? 0.5 : even);
  curve(
    context,
    [
      [left, chance],
      [right, chance],
    ],
    colors.ink,
    { dash: [5, 3], lineWidth: 1 },
  );
  curve(
    context,
    [
      [x(depth), high - 4],
      [x(depth), low],
    ],
    colors.accent,
    { lineWidth: 1.5 },
  );
  headCurve.forEach((values, layer) => {
    for (const value of values) dot(context, [x(layer + 1), y(value)], 2.75, colors.edge, colors);
  });
  const points = features.map((value, at) => [x(at), y(value)]);
  curve(context, points, colors.blue);
  for (const point of points) dot(context, point, 3.5, colors.blue, colors);
  const now = head === null ? features[depth] : headCurve[depth - 1][head];
  dot(context, [x(depth), y(now)], 6, colors.accent, colors);
  label(context, labels ? "chance" : "any patch", right, chance - 8, {
    color: colors.quiet,
    align: "right",
    halo: colors.paper,
  });
}
