// The similarity explorer's drawings. Each gets what it shows and draws it into (width, height); none keeps anything.
// Colors are ranks: the brightest patch is the most related, the brightest edge sets its neighbors apart the most.

import { blankPixels, cividis, DARK, drawBorders, gridCells, outline, packed, pixelCanvas } from "../common/canvas.mjs";
import { curve, label } from "../common/charts.mjs";
import { seamOf } from "./formulas.mjs";
import { endTexts, flatText } from "./words.mjs";

const HEAT = 0.78,
  DIM = 0.6; // how much of the picture the heat, and the ground of the edges, covers
const LEVELS = 16,
  FAINT = 4; // of an edge's color; the faintest are left out
const COLORS = Array.from({ length: 256 }, (_, level) => cividis(level / 255)),
  GROUND = `rgb(${COLORS[0]})`;

// The heat of all maps, one below the other in one canvas: making many takes longer than filling them.
export function heatPictures(maps, [rows, columns]) {
  const { words, done } = blankPixels(maps.length * rows, columns);
  maps.forEach(({ shares }, map) => {
    shares.forEach((share, patch) => {
      words[map * rows * columns + patch] = packed(COLORS[Math.round(255 * share)]);
    });
  });
  return done();
}

function drawHeat(context, { heat, maps, grid: [rows, columns] }, map, width, height) {
  context.drawImage(heat, 0, maps.indexOf(map) * rows, columns, rows, 0, 0, width, height);
}

// Edges in few colors, each stroked at once, the strongest last: color and width grow with the rank.
function drawEdges(context, edges, shares, grid, width, height, most) {
  const { cell } = gridCells(grid, width, height),
    paths = Array.from({ length: LEVELS }, () => new Path2D());
  edges.forEach(([patch, other], edge) => {
    const { left, top, width: wide, height: high } = cell(patch),
      path = paths[Math.min(Math.floor(shares[edge] * LEVELS), LEVELS - 1)];
    if (other === patch + 1) {
      path.moveTo(left + wide, top);
      path.lineTo(left + wide, top + high);
    } else {
      path.moveTo(left, top + high);
      path.lineTo(left + wide, top + high);
    }
  });
  context.lineCap = "butt";
  paths.forEach((path, level) => {
    const share = (level + 0.5) / LEVELS;
    if (level < FAINT) return;
    Object.assign(context, {
      strokeStyle: `rgb(${COLORS[Math.round(255 * share ** 2)]})`,
      lineWidth: 0.75 + most * share ** 6,
    });
    context.stroke(path);
  });
}

// One of the twelve maps, small.
export function drawTile(context, width, height, { view, map, colors }) {
  const { grid, edges, selected, mode } = view;
  context.imageSmoothingEnabled = false;
  if (mode === "neighbors") {
    context.fillStyle = GROUND;
    context.fillRect(0, 0, width, height);
    drawEdges(context, edges, map.shares, grid, width, height, 2);
  } else {
    drawHeat(context, view, map, width, height);
    outline(context, gridCells(grid, width, height).cell(selected), colors.accent, 1.5);
  }
  if (map.flat)
    label(context, flatText(map), width / 2, height / 2, { color: "#ffffff", align: "center", bold: true, halo: DARK });
}

// The chosen one, over the picture.
export function drawLarge(context, width, height, { view, hovered, colors }) {
  const { grid, edges, labels, selected, mode, picture, chosen, nearest } = view,
    layout = gridCells(grid, width, height);
  context.imageSmoothingEnabled = true;
  context.drawImage(picture, 0, 0, width, height);
  context.imageSmoothingEnabled = false;
  context.globalAlpha = mode === "patch" ? HEAT : DIM;
  if (mode === "patch") drawHeat(context, view, chosen, width, height);
  else {
    context.fillStyle = GROUND;
    context.fillRect(0, 0, width, height);
  }
  context.globalAlpha = 1;
  if (mode === "neighbors") drawEdges(context, edges, chosen.shares, grid, width, height, 4.5);
  else if (labels) drawBorders(context, edges, labels, layout);
  if (view.described !== view.even) drawSeam(context, layout.wide * seamOf(grid[1]), height);
  for (const patch of nearest) outline(context, layout.cell(patch), DARK, 1.5);
  if (hovered !== null && hovered !== selected) outline(context, layout.cell(hovered), colors.ink, 1);
  outline(context, layout.cell(selected), colors.accent, 3);
}

// Where the other exposure begins.
function drawSeam(context, x, height) {
  curve(
    context,
    [
      [x, 0],
      [x, height],
    ],
    DARK,
    { lineWidth: 3 },
  );
  curve(
    context,
    [
      [x, 0],
      [x, height],
    ],
    "#ffffff",
    { lineWidth: 1.5, dash: [6, 5] },
  );
}

// The colors from the lowest rank to the highest, and the values that stand at the ends and in the middle.
export function drawLegend(context, width, height, { view, colors: { ink } }) {
  const bytes = new Uint8ClampedArray(4 * 256);
  COLORS.forEach((color, level) => {
    bytes.set([...(view.mode === "patch" ? color : COLORS[Math.round(level ** 2 / 255)]), 255], 4 * level);
  });
  context.drawImage(pixelCanvas(bytes, 256, 1), 0, 0, width, 12);
  endTexts(view.chosen).forEach((text, index) => {
    label(context, text, (index / 2) * width, height - 8, { color: ink, align: ["left", "center", "right"][index] });
  });
}
