// The graph explorer's drawings. Each gets what it shows and draws it into (width, height); none keeps anything.

import {
  blankPixels,
  channels,
  cividis,
  DARK,
  drawBorders,
  gridCells,
  outline,
  packed,
  pixelCanvas,
} from "../common/canvas.mjs";
import { curve, dot, label } from "../common/charts.mjs";
import limits from "./limits.json" with { type: "json" };

// Okabe and Ito's.
const CLUSTERS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#f0e442", "#f2f2f2"].map(channels);
const PLUS = [178, 24, 43],
  MINUS = [33, 102, 172]; // a pattern above and below 0
const DIM = 0.62,
  COVER = 0.66; // how much of the picture the ground of the edges, and what a view shows, covers
const CROWD = 0.6; // of the picture that lines may cover before they are drawn thinner
const LEVELS = 12,
  FAINT = 0.04; // of an edge's color; one of less weight, against the largest, is left out
const COLORS = Array.from({ length: 256 }, (_, level) => cividis(level / 255)),
  GROUND = `rgb(${COLORS[0]})`;

function drawPicture(context, picture, width, height) {
  context.imageSmoothingEnabled = true;
  context.drawImage(picture, 0, 0, width, height);
}

const middles = ({ grid, count }, width, height) => {
  const { cell, wide, high } = gridCells(grid, width, height);
  return Array.from({ length: count }, (_, patch) => {
    const { left, top } = cell(patch);
    return [left + wide / 2, top + high / 2];
  });
};

function line(path, [from, to], points) {
  path.moveTo(...points[from]);
  path.lineTo(...points[to]);
  return Math.hypot(points[from][0] - points[to][0], points[from][1] - points[to][1]);
}

// All edges, the heaviest last and brightest, and those of the chosen patch over them; a dot as large as the patch's
// degree.
export function drawEdges(context, width, height, { view, hovered, colors }) {
  const { graph, grid, picture, selected } = view,
    points = middles(view, width, height),
    { cell, wide, high } = gridCells(grid, width, height);
  drawPicture(context, picture, width, height);
  Object.assign(context, { globalAlpha: DIM, fillStyle: GROUND });
  context.fillRect(0, 0, width, height);
  Object.assign(context, { globalAlpha: 1, lineCap: "round" });
  drawAllEdges(context, graph, points, width * height);
  drawOwnEdges(context, view, points, colors);
  drawDegrees(context, view, points, Math.min(wide, high));
  if (hovered !== null && hovered !== selected) outline(context, cell(hovered), colors.ink, 1);
  outline(context, cell(selected), colors.accent, 3);
}

function drawAllEdges(context, { edges, weights, heaviest }, points, area) {
  const paths = Array.from({ length: LEVELS }, (_, level) => ({
    path: new Path2D(),
    share: (level + 0.5) / LEVELS,
    length: 0,
  }));
  edges.forEach((ends, edge) => {
    const share = weights[edge] / heaviest,
      level = paths[Math.min(Math.floor(Math.sqrt(share) * LEVELS), LEVELS - 1)];
    if (share >= FAINT) level.length += line(level.path, ends, points);
  });
  const widths = paths.map(({ share }) => 0.6 + 1.6 * share ** 2),
    covered = paths.reduce((sum, { length }, level) => sum + length * widths[level], 0) / area;
  paths.forEach(({ path, share }, level) => {
    Object.assign(context, {
      strokeStyle: `rgb(${COLORS[Math.round(255 * share)]})`,
      lineWidth: widths[level] * Math.min(1, CROWD / covered),
    });
    context.stroke(path);
  });
}

function drawOwnEdges(context, { graph, selected }, points, { accent }) {
  const own = graph.edges.map((_, edge) => edge).filter((edge) => graph.edges[edge].includes(selected));
  for (const [strokeStyle, wider] of [
    [DARK, 3],
    ["#ffffff", 1.5],
    [accent, 0],
  ]) {
    for (const edge of own) {
      const path = new Path2D();
      line(path, graph.edges[edge], points);
      Object.assign(context, { strokeStyle, lineWidth: 1 + (2.5 * graph.weights[edge]) / graph.heaviest + wider });
      context.stroke(path);
    }
  }
}

function drawDegrees(context, { graph: { degrees, largest } }, points, pitch) {
  for (const [grown, color] of [
    [1, DARK],
    [0, "#ffffff"],
  ]) {
    context.fillStyle = color;
    context.beginPath();
    degrees.forEach((degree, patch) => {
      const radius = pitch * 0.19 * Math.sqrt(degree / largest) + grown,
        [x, y] = points[patch];
      context.moveTo(x + radius, y);
      context.arc(x, y, radius, 0, 2 * Math.PI);
    });
    context.fill();
  }
}

// The colors of what a view shows, one for each patch.
const mixed = (share) => (share > 0 ? PLUS : MINUS).map((full) => Math.round(255 + Math.abs(share) * (full - 255)));
const heat = (share) => COLORS[Math.round(255 * Math.min(Math.max(share, 0), 1))];
const TONES = {
  degrees:
    ({ graph: { largest } }) =>
    (degree) =>
      heat(degree / largest),
  pattern:
    ({ most }) =>
    (number) =>
      mixed(number / most),
  clusters: () => (cluster) => CLUSTERS[cluster],
  diffusion:
    ({ most }) =>
    (share) =>
      heat(Math.sqrt(share / most)),
};

function cellPicture(view) {
  const { words, done } = blankPixels(...view.grid),
    tone = TONES[view.view](view);
  view.shown.forEach((number, patch) => {
    words[patch] = packed(tone(number));
  });
  return done();
}

export function drawShown(context, width, height, { view, hovered, colors }) {
  const layout = gridCells(view.grid, width, height);
  drawPicture(context, view.picture, width, height);
  context.imageSmoothingEnabled = false;
  context.globalAlpha = COVER;
  context.drawImage(cellPicture(view), 0, 0, width, height);
  context.globalAlpha = 1;
  if (view.labels) drawBorders(context, view.pairs, view.labels, layout);
  if (hovered !== null && hovered !== view.selected) outline(context, layout.cell(hovered), colors.ink, 1);
  outline(context, layout.cell(view.selected), colors.accent, 3);
}

// What the colors mean: a scale with words at its ends and in its middle, or a patch of each color with how many have
// it.
export function drawLegend(context, width, height, { view, colors: { ink, edge } }) {
  if (view.view === "clusters") return drawSizes(context, width, height, view, ink, edge);
  const tone = TONES[view.view]({ graph: { largest: 1 }, most: 1 }),
    least = view.view === "pattern" ? -1 : 0,
    bytes = new Uint8ClampedArray(4 * 256);
  for (let level = 0; level < 256; level++) {
    const share = least + ((1 - least) * level) / 255;
    bytes.set([...tone(view.view === "diffusion" ? share ** 2 : share), 255], 4 * level);
  }
  context.drawImage(pixelCanvas(bytes, 256, 1), 0, 0, width, 12);
  view.ends.forEach((text, index) => {
    label(context, text, (index / (view.ends.length - 1)) * width, height - 8, {
      color: ink,
      align: index === 0 ? "left" : index === view.ends.length - 1 ? "right" : "center",
    });
  });
}

function drawSizes(context, width, height, { sizes }, ink, edge) {
  const pitch = width / sizes.length;
  sizes.forEach((size, cluster) => {
    context.fillStyle = `rgb(${CLUSTERS[cluster]})`;
    context.fillRect(cluster * pitch, 0, pitch - 3, 12);
    Object.assign(context, { strokeStyle: edge, lineWidth: 1 });
    context.strokeRect(cluster * pitch + 0.5, 0.5, pitch - 4, 11);
    label(context, size, cluster * pitch + (pitch - 3) / 2, height - 8, { color: ink, align: "center" });
  });
}

// The smallest eigenvalues, those that count here in the accent, or what diffusion does as its steps grow.
export function drawChart(context, width, height, drawn) {
  (drawn.view.view === "diffusion" ? drawCurve : drawSpectrum)(context, width, height, drawn);
}

function axes(context, width, height, { quiet, rule, edge }, top, names, words) {
  const box = { left: 40, right: width - 14, high: 16, low: height - 36 },
    { left, right, high, low } = box;
  const x = (index) => left + 12 + (index / (names.length - 1)) * (right - left - 24),
    y = (value) => low - (Math.max(value, 0) / top) * (low - high);
  for (const value of [0, top / 2, top]) {
    curve(
      context,
      [
        [left, y(value)],
        [right, y(value)],
      ],
      value ? rule : edge,
      { lineWidth: 1 },
    );
    label(context, String(Number(value.toPrecision(2))), left - 6, y(value), { color: quiet, align: "right" });
  }
  names.forEach((name, index) => {
    label(context, name, x(index), low + 13, { color: quiet, align: "center" });
  });
  label(context, words, (left + right) / 2, height - 9, { color: quiet, align: "center" });
  return { x, y };
}

function drawSpectrum(context, width, height, { view: { values, marked }, colors }) {
  const names = values.map((_, index) => index + 1),
    top = Math.max(values.at(-1), 1e-12);
  const { x, y } = axes(context, width, height, colors, top, names, "number of the eigenvalue");
  values.forEach((value, index) => {
    dot(
      context,
      [x(index), y(value)],
      marked(index + 1) ? 6 : 4.5,
      marked(index + 1) ? colors.accent : colors.blue,
      colors,
    );
  });
}

function drawCurve(context, width, height, { view: { curve: values, steps, labels }, colors }) {
  const names = limits.choices.steps,
    now = names.indexOf(steps);
  const { x, y } = axes(
    context,
    width,
    height,
    colors,
    1,
    names,
    labels ? "steps: adjusted Rand index of the clusters" : "steps: length of the edges that is left",
  );
  const points = values.flatMap((value, place) => (value === null ? [] : [[x(place), y(value)]]));
  curve(context, points, colors.blue);
  points.forEach((point) => {
    dot(context, point, 3.5, colors.blue, colors);
  });
  if (values[now] === null)
    label(context, "All patches are alike.", width / 2, height / 2 - 10, { color: colors.quiet, align: "center" });
  else if (now < values.length) dot(context, [x(now), y(values[now])], 6, colors.accent, colors);
}
