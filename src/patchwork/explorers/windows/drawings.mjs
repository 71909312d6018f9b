// The window explorer's drawings. Each gets what it shows and draws it into (width, height); none keeps anything.

import { between, channels, DARK, gridCells, gridLines, outline, pixelCanvas } from "../common/canvas.mjs";
import { curve, dot, FONT, label, legend } from "../common/charts.mjs";
import { clamped } from "../common/controls.mjs";
import { attentionCost, maskRow, shiftedToken } from "./formulas.mjs";

const REGIONS = ["#56b4e9", "#f0e442", "#009e73", "#cc79a7"]; // Okabe and Ito's that dark digits show on
const VEIL = 0.74,
  FALSE_VEIL = 0.45; // how much paper lies over what has no part, and over what is masked

// Where a token is drawn: in its own place, or where the cyclic shift put it.
function layout({ grid, shift, moved }, width, height) {
  const { wide, high, cell } = gridCells(grid, width, height);
  return { wide, high, cell: moved ? (token) => cell(shiftedToken(token, grid, shift)) : cell };
}

export function drawStep(context, width, height, { view, hovered, answerer, colors }) {
  const {
      grid: [rows, columns],
      windowSize,
      shift,
      step,
      moved,
      query,
      tokens,
    } = view,
    { wide, high, cell } = layout(view, width, height);
  const [right, down] = moved ? [shift * wide, shift * high] : [0, 0],
    masked = step === "mask" || step === "unshift";
  drawRolled(context, view.photo.canvas, { width, height, right, down });
  gridLines(
    context,
    { tops: between(rows, high), lefts: between(columns, wide), width, height },
    wide > 14 ? 0.5 : 0.2,
  );
  if (masked) veil(context, tokens.map(cell), { width, height }, colors);
  if (moved) drawSeams(context, { width, height, right, down, hatched: !masked });
  if (step === "windows" || masked)
    drawWindowLines(context, { width, height, wide, high, windowSize, offset: moved ? 0 : shift });
  if (masked) drawFalse(context, view, cell, colors);
  frameRegions(context, view, cell);
  if (moved && !masked) nameStrips(context, { width, height, right, down });
  if (answerer !== query && masked) outline(context, cell(answerer), DARK, 1);
  if (hovered !== null && hovered !== query) outline(context, cell(hovered), colors.ink, 1.5);
  outline(context, cell(query), colors.accent, wide < 14 ? 2 : 3);
}

// The picture moved by (right, down) to the left and up; what leaves comes round.
function drawRolled(context, picture, { width, height, right, down }) {
  for (const left of right ? [-right, width - right] : [0]) {
    for (const top of down ? [-down, height - down] : [0]) context.drawImage(picture, left, top, width, height);
  }
}

// What came round keeps a hatch; a dashed seam parts it from the rest.
function drawSeams(context, { width, height, right, down, hatched }) {
  if (!right) return;
  const x = width - right,
    y = height - down;
  if (hatched)
    hatch(
      context,
      [
        [0, y, width, down],
        [x, 0, right, y],
      ],
      width + height,
    );
  for (const [style, offset] of [
    ["#ffffff", 0],
    [DARK, 5],
  ]) {
    context.save();
    Object.assign(context, { strokeStyle: style, lineWidth: 2, lineDashOffset: offset });
    context.setLineDash([5, 5]);
    context.stroke(
      path([
        [0, y, width, y],
        [x, 0, x, height],
      ]),
    );
    context.restore();
  }
}

function nameStrips(context, { width, height, right, down }) {
  if (down >= 16) plate(context, "from the top", (width - right) / 2, height - down / 2);
  if (right >= 16) plate(context, "from the left", width - right / 2, (height - down) / 2, true);
}

function path(lines) {
  const drawn = new Path2D();
  for (const [fromX, fromY, toX, toY] of lines) {
    drawn.moveTo(fromX, fromY);
    drawn.lineTo(toX, toY);
  }
  return drawn;
}

function hatch(context, boxes, reach, gap = 9) {
  const area = new Path2D(),
    lines = [];
  for (const box of boxes) area.rect(...box);
  for (let at = 0; at < reach; at += gap) lines.push([at, 0, at - reach, reach]);
  context.save();
  context.clip(area);
  for (const [style, lineWidth] of [
    ["rgb(0 0 0 / 0.5)", 3],
    ["rgb(255 255 255 / 0.85)", 1.25],
  ]) {
    Object.assign(context, { strokeStyle: style, lineWidth });
    context.stroke(path(lines));
  }
  context.restore();
}

// Words on a small plate around (x, y), upright or turned.
function plate(context, text, x, y, turned = false) {
  context.save();
  context.translate(x, y);
  if (turned) context.rotate(-Math.PI / 2);
  Object.assign(context, {
    font: `600 12px ${FONT}`,
    textAlign: "center",
    textBaseline: "middle",
    fillStyle: "#ffffff",
  });
  const wide = context.measureText(text).width + 10;
  context.beginPath();
  context.roundRect(-wide / 2, -8.5, wide, 17, 4);
  context.fill();
  context.fillStyle = DARK;
  context.fillText(text, 0, 0.5);
  context.restore();
}

function veil(context, boxes, { width, height }, { paper }) {
  const around = new Path2D();
  around.rect(0, 0, width, height);
  for (const box of boxes) around.rect(box.left, box.top, box.width, box.height);
  context.save();
  Object.assign(context, { globalAlpha: VEIL, fillStyle: paper });
  context.fill(around, "evenodd");
  context.restore();
}

function drawWindowLines(context, { width, height, wide, high, windowSize, offset }) {
  const along = (length, pitch) => {
    const first = (offset || windowSize) * pitch,
      step = windowSize * pitch;
    return Array.from({ length: Math.ceil((length - first - 1) / step) }, (_, line) => first + line * step);
  };
  const lines = path([
    ...along(width, wide).map((x) => [x, 0, x, height]),
    ...along(height, high).map((y) => [0, y, width, y]),
  ]);
  for (const [style, lineWidth] of [
    ["rgb(0 0 0 / 0.65)", 4],
    ["#ffffff", 2],
  ]) {
    Object.assign(context, { strokeStyle: style, lineWidth });
    context.stroke(lines);
  }
}

// Tokens of the same window that may not answer: paler, and crossed out.
function drawFalse(context, { tokens, may }, cell, { paper }) {
  tokens.forEach((token, place) => {
    if (may[place]) return;
    const { left, top, width, height } = cell(token),
      inset = Math.min(width, height) * 0.22;
    Object.assign(context, { globalAlpha: FALSE_VEIL, fillStyle: paper });
    context.fillRect(left, top, width, height);
    context.globalAlpha = 1;
    const [right, bottom] = [left + width - inset, top + height - inset];
    const cross = path([
      [left + inset, top + inset, right, bottom],
      [left + inset, bottom, right, top + inset],
    ]);
    for (const [style, lineWidth] of width > 9
      ? [
          ["#ffffff", 4],
          [DARK, 2],
        ]
      : [[DARK, 1]]) {
      Object.assign(context, { strokeStyle: style, lineWidth });
      context.stroke(cross);
    }
  });
}

// One frame for each region of the window, numbered where there is room.
function frameRegions(context, { tokens, regions, query }, cell) {
  for (let region = Math.max(...regions); region >= 0; region--) {
    const members = tokens.filter((_, place) => regions[place] === region);
    const [first, last] = [cell(members[0]), cell(members.at(-1))],
      inset = 1.5;
    const box = [
      first.left + inset,
      first.top + inset,
      last.left + last.width - first.left - 2 * inset,
      last.top + last.height - first.top - 2 * inset,
    ];
    for (const [style, lineWidth] of [
      [DARK, 5],
      [REGIONS[region], 3],
    ]) {
      Object.assign(context, { strokeStyle: style, lineWidth });
      context.strokeRect(...box);
    }
    if (first.width >= 16 && members.length > 1) numberRegion(context, region, members.at(-1) === query ? first : last);
  }
}

function numberRegion(context, region, { left, top, width, height }) {
  const side = Math.min(Math.max(width * 0.62, 13), 18),
    [x, y] = [left + width - side - 1, top + height - side - 1];
  context.fillStyle = REGIONS[region];
  context.fillRect(x, y, side, side);
  Object.assign(context, { font: `700 13px ${FONT}`, textAlign: "center", textBaseline: "middle", fillStyle: DARK });
  context.fillText(region + 1, x + side / 2, y + side / 2 + 0.5);
}

// The window itself, enlarged: its tokens as they stand side by side after the shift.
export function drawWindow(context, width, height, { view, hovered, answerer, colors }) {
  const {
    grid: [rows, columns],
    windowSize,
    shift,
    tokens,
    query,
    photo,
  } = view;
  const { wide, high, cell: place } = gridCells([windowSize, windowSize], width, height),
    cell = (token) => place(tokens.indexOf(token));
  const first = shiftedToken(tokens[0], view.grid, shift),
    [left, top] = [(first % columns) * wide, Math.floor(first / columns) * high];
  context.save();
  context.translate(-left, -top);
  drawRolled(context, photo.canvas, {
    width: columns * wide,
    height: rows * high,
    right: shift * wide,
    down: shift * high,
  });
  context.restore();
  gridLines(context, { tops: between(windowSize, high), lefts: between(windowSize, wide), width, height }, 0.6);
  drawFalse(context, view, cell, colors);
  frameRegions(context, view, cell);
  if (answerer !== query) outline(context, cell(answerer), DARK, 1);
  if (hovered !== null && hovered !== query && tokens.includes(hovered))
    outline(context, cell(hovered), colors.ink, 1.5);
  outline(context, cell(query), colors.accent, wide < 14 ? 2 : 3);
}

// The mask has a strip of region colors at its top and left.
const strip = (width, count) => Math.min(Math.max(width / count, 14), 22);

// The row and column of the mask at (x, y).
export function pairAt(x, y, width, count) {
  const edge = strip(width, count),
    pitch = (width - edge) / count;
  return [y, x].map((at) => clamped(Math.floor((at - edge) / pitch), count - 1));
}

export function drawMask(context, width, _, { view: { regions, row, tokens }, hovered, answerer, colors }) {
  const count = regions.length,
    edge = strip(width, count),
    pitch = (width - edge) / count,
    column = tokens.indexOf(answerer);
  context.imageSmoothingEnabled = false;
  context.drawImage(maskPicture(regions, colors), edge, edge, width - edge, width - edge);
  if (pitch >= 5) crossPairs(context, regions, { edge, pitch }, colors);
  regions.forEach((region, at) => {
    context.fillStyle = REGIONS[region];
    context.fillRect(edge + at * pitch, 0, pitch, edge - 2);
    context.fillRect(0, edge + at * pitch, edge - 2, pitch);
  });
  numberRuns(context, regions, { edge, pitch });
  const lines = Array.from({ length: count + 1 }, (_, line) => edge + line * pitch);
  Object.assign(context, { strokeStyle: colors.rule, lineWidth: 1 });
  if (pitch >= 5)
    context.stroke(
      path(
        lines.flatMap((at) => [
          [at, edge, at, width],
          [edge, at, width, at],
        ]),
      ),
    );
  outline(
    context,
    { left: edge, top: edge + row * pitch, width: width - edge, height: pitch },
    colors.accent,
    pitch < 6 ? 1.5 : 2.5,
  );
  const pair = { left: edge + column * pitch, top: edge + row * pitch, width: pitch, height: pitch };
  outline(context, pair, DARK, 1);
  const under = tokens.indexOf(hovered);
  if (under >= 0) outline(context, { ...pair, left: edge + under * pitch }, colors.ink, 1.5);
}

// Every token of a region has the same row.
function maskPicture(regions, { raised }) {
  const count = regions.length,
    paper = [...channels(raised), 255],
    pixels = new Uint8ClampedArray(4 * count ** 2);
  const rows = REGIONS.map((color, region) => {
    const may = maskRow(regions, regions.indexOf(region)),
      own = [...channels(color), 255];
    return may.flatMap((answers) => (answers ? own : paper));
  });
  regions.forEach((region, row) => {
    pixels.set(rows[region], 4 * count * row);
  });
  return pixelCanvas(pixels, count, count);
}

function crossPairs(context, regions, { edge, pitch }, { edge: ink }) {
  const lines = [],
    inset = 0.3 * pitch;
  regions.forEach((_, row) => {
    maskRow(regions, row).forEach((answers, column) => {
      const [top, left] = [row, column].map((place) => edge + place * pitch);
      if (!answers) lines.push([left + inset, top + pitch - inset, left + pitch - inset, top + inset]);
    });
  });
  Object.assign(context, { strokeStyle: ink, lineWidth: 1 });
  context.stroke(path(lines));
}

// A number for each run of one region in the strips.
function numberRuns(context, regions, { edge, pitch }) {
  Object.assign(context, { font: `700 11px ${FONT}`, textAlign: "center", textBaseline: "middle", fillStyle: DARK });
  const starts = regions.flatMap((region, at) => (region === regions[at - 1] ? [] : [at]));
  starts.forEach((start, run) => {
    const end = starts[run + 1] ?? regions.length,
      along = edge + ((start + end) / 2) * pitch,
      across = edge / 2 - 1;
    if ((end - start) * pitch < 9) return;
    context.fillText(regions[start] + 1, along, across + 0.5);
    context.fillText(regions[start] + 1, across, along + 0.5);
  });
}

// What the token has heard of, a rectangle for each block that added to it; with merging, the token that it has become
// part of.
export function drawReach(context, width, height, { view, colors }) {
  const {
      grid: [rows, columns],
      reach,
      blocks,
      query,
      stride,
    } = view,
    { wide, high, cell } = layout({ ...view, moved: false }, width, height);
  const box = ([[top, bottom], [left, right]]) => ({
    left: left * wide,
    top: top * high,
    width: (right - left + 1) * wide,
    height: (bottom - top + 1) * high,
  });
  context.drawImage(view.photo.canvas, 0, 0, width, height);
  gridLines(
    context,
    { tops: between(rows, high), lefts: between(columns, wide), width, height },
    wide > 14 ? 0.4 : 0.15,
  );
  veil(context, [box(reach[blocks].spans)], { width, height }, colors);
  const grown = reach.slice(0, blocks + 1).filter(({ heard }, block) => block > 0 && heard > reach[block - 1].heard);
  const frames = grown.map(({ block, spans }) => ({ block, ...within(box(spans), { width, height }) }));
  [...frames].reverse().forEach((frame) => {
    drawFrame(context, frame);
  });
  if (stride > 1) frameMerged(context, view, { width, height, wide, high });
  numberFrames(context, frames);
  outline(context, cell(query), colors.accent, wide < 14 ? 2 : 3);
}

const within = ({ left, top, width, height }, canvas) => ({
  left: Math.max(left, 2),
  top: Math.max(top, 2),
  right: Math.min(left + width, canvas.width - 2),
  bottom: Math.min(top + height, canvas.height - 2),
});

function drawFrame(context, { left, top, right, bottom }) {
  for (const [style, lineWidth] of [
    [DARK, 4],
    ["#ffffff", 2],
  ]) {
    Object.assign(context, { strokeStyle: style, lineWidth });
    context.strokeRect(left, top, right - left, bottom - top);
  }
}

// Each frame's block stands in one of its corners, the first that no frame inside it took.
function numberFrames(context, frames) {
  const taken = new Set(),
    wide = 16,
    high = 17;
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
    Object.assign(context, {
      font: `700 12px ${FONT}`,
      textAlign: "center",
      textBaseline: "middle",
      fillStyle: "#ffffff",
    });
    context.fillText(block, x + wide / 2 - 1, y + high / 2);
  }
}

function frameMerged(context, { grid: [, columns], query, stride }, { width, height, wide, high }) {
  const [left, top] = [(query % columns) * wide, Math.floor(query / columns) * high].map((at, axis) => {
    const pitch = stride * (axis ? high : wide);
    return Math.floor(at / pitch + 1e-9) * pitch;
  });
  context.save();
  for (const [style, offset] of [
    ["#ffffff", 0],
    [DARK, 4],
  ]) {
    Object.assign(context, { strokeStyle: style, lineWidth: 2, lineDashOffset: offset });
    context.setLineDash([4, 4]);
    context.strokeRect(
      left + 4.5,
      top + 4.5,
      Math.min(stride * wide, width - left) - 9,
      Math.min(stride * high, height - top) - 9,
    );
  }
  context.restore();
}

// Charts.

// How much has been heard of after each block, with shifted blocks and without; the present number of blocks is marked.
export function drawGrowth(context, width, height, { view: { growth, blocks, shifted, count }, colors }) {
  const left = 46,
    right = width - 12,
    top = 34,
    bottom = height - 34,
    last = growth.shifted.length - 1;
  const x = (block) => left + (block / last) * (right - left),
    y = (heard) => bottom - (heard / count) * (bottom - top);
  curve(
    context,
    [
      [left, bottom],
      [right, bottom],
    ],
    colors.edge,
    { lineWidth: 1 },
  );
  for (const share of [0.5, 1])
    curve(
      context,
      [
        [left, y(share * count)],
        [right, y(share * count)],
      ],
      colors.rule,
      { lineWidth: 1 },
    );
  for (const share of [0, 0.5, 1])
    label(context, share ? `${100 * share}%` : "0", left - 9, y(share * count), {
      color: colors.quiet,
      align: "right",
    });
  for (let block = 0; block <= last; block++)
    label(context, block, x(block), bottom + 12, { color: colors.quiet, align: "center" });
  label(context, "share of tokens heard, by blocks", (left + right) / 2, bottom + 27, {
    color: colors.quiet,
    align: "center",
  });
  const line = (values) => values.map((heard, block) => [x(block), y(heard)]);
  curve(context, line(growth.still), colors.ink, { dash: [5, 4] });
  curve(context, line(growth.shifted), colors.blue);
  line(growth.shifted).forEach((point) => {
    dot(context, point, 3, colors.blue, colors);
  });
  legend(
    context,
    [
      { text: "with shift", color: colors.blue, dash: [] },
      { text: "without shift", color: colors.ink, dash: [5, 4] },
    ],
    9,
    colors,
  );
  const heard = (shifted ? growth.shifted : growth.still)[blocks],
    point = [x(blocks), y(heard)];
  curve(context, [[point[0], bottom], point], colors.accent, { lineWidth: 1.5 });
  dot(context, point, 6, colors.accent, colors);
}

const short = (number) => {
  const [power, unit] = number >= 1e9 ? [1e9, "G"] : number >= 1e6 ? [1e6, "M"] : [1e3, "k"];
  return [number / power, unit];
};
const exact = (number) =>
  short(number)
    .map((part) => (Number(part) ? part.toPrecision(3) : part))
    .join("\u202f");

// Two bars: what projections cost both ways alike, and hatched what the products of queries, keys and values add.
export function drawBars(
  context,
  width,
  _,
  {
    view: {
      cost: { whole, windows },
    },
    colors,
  },
) {
  const bars = [
      ["global", whole, 20],
      ["windows", windows, 66],
    ],
    room = width - 2;
  for (const [name, { projections, products, total }, top] of bars) {
    const [solid, hatched] = [projections, products].map((part) => (part / whole.total) * room);
    label(context, `${name}: ${exact(total)}`, 0, top - 9, { color: colors.ink, bold: true });
    context.fillStyle = colors.blue;
    context.fillRect(0, top, solid, 20);
    drawHatched(context, [solid, top, Math.max(hatched, 1.5), 20], colors);
  }
  const y = 104;
  context.fillStyle = colors.blue;
  context.fillRect(0, y - 6, 14, 12);
  label(context, "projections", 19, y, { color: colors.ink });
  drawHatched(context, [100, y - 6, 14, 12], colors);
  label(context, "pairs: QKᵀ and AV", 119, y, { color: colors.ink });
}

function drawHatched(context, box, { blue, paper }) {
  const [left, top, width, height] = box,
    area = new Path2D(),
    lines = [];
  area.rect(...box);
  for (let at = left - height; at < left + width; at += 5) lines.push([at, top + height, at + height, top]);
  context.save();
  context.clip(area);
  context.fillStyle = paper;
  context.fillRect(...box);
  Object.assign(context, { strokeStyle: blue, lineWidth: 2 });
  context.stroke(path(lines));
  context.restore();
  Object.assign(context, { strokeStyle: blue, lineWidth: 1.5 });
  context.strokeRect(left + 0.75, top + 0.75, Math.max(width - 1.5, 0), height - 1.5);
}

// Both costs against the side of a square grid, on logarithmic axes; where they part, and where pairs outweigh
// projections.
export function drawCurve(context, width, height, { view: { windowSize, dim, cost, side, largestSide }, colors }) {
  const left = 48,
    right = width - 10,
    top = 34,
    bottom = height - 34,
    sides = [windowSize, largestSide].map(Math.log2);
  const at = (side, size) => attentionCost([side, side], dim, size).total;
  const least = Math.log10(at(windowSize, null)) - 0.8,
    most = Math.log10(at(largestSide, null));
  const x = (side) => left + ((Math.log2(side) - sides[0]) / (sides[1] - sides[0])) * (right - left);
  const y = (total) => bottom - ((Math.log10(total) - least) / (most - least)) * (bottom - top);
  for (let power = Math.ceil(least); power <= most; power++) {
    curve(
      context,
      [
        [left, y(10 ** power)],
        [right, y(10 ** power)],
      ],
      colors.rule,
      { lineWidth: 1 },
    );
    label(context, short(10 ** power).join("\u202f"), left - 9, y(10 ** power), {
      color: colors.quiet,
      align: "right",
    });
  }
  curve(
    context,
    [
      [left, bottom],
      [right, bottom],
    ],
    colors.edge,
    { lineWidth: 1 },
  );
  for (let tick = windowSize; tick <= largestSide; tick *= 2)
    label(context, tick, x(tick), bottom + 12, { color: colors.quiet, align: "center" });
  label(context, "multiply-adds, by side of the grid", (left + right) / 2, bottom + 27, {
    color: colors.quiet,
    align: "center",
  });
  const steps = Array.from({ length: 41 }, (_, step) => 2 ** (sides[0] + (step / 40) * (sides[1] - sides[0])));
  const along = (total) => steps.map((side) => [x(side), y(total(side))]);
  curve(
    context,
    along((side) => 4 * side ** 2 * dim ** 2 + 2 * side ** 4 * dim),
    colors.ink,
    { dash: [5, 4] },
  );
  curve(
    context,
    along((side) => 4 * side ** 2 * dim ** 2 + 2 * windowSize ** 2 * side ** 2 * dim),
    colors.blue,
  );
  legend(
    context,
    [
      { text: "windows", color: colors.blue, dash: [] },
      { text: "global", color: colors.ink, dash: [5, 4] },
    ],
    9,
    colors,
  );
  const even = Math.sqrt(2 * dim);
  dot(context, [x(windowSize), y(at(windowSize, null))], 4, colors.ink, colors);
  if (even > windowSize)
    markEven(context, [x(even), y(4 * even ** 2 * dim ** 2 + 2 * even ** 4 * dim)], [left + 8, top + 4], colors);
  curve(
    context,
    [
      [x(side), bottom],
      [x(side), y(cost.whole.total)],
    ],
    colors.accent,
    { lineWidth: 1.5 },
  );
  for (const { total } of Object.values(cost)) dot(context, [x(side), y(total)], 5, colors.accent, colors);
  label(context, `equal at M = ${windowSize}`, x(windowSize) + 10, y(at(windowSize, null)) + 9, {
    color: colors.ink,
    halo: colors.paper,
  });
}

function markEven(context, point, [x, y], colors) {
  curve(context, [[Math.min(point[0], x + 30), y + 24], point], colors.ink, { lineWidth: 1 });
  dot(context, point, 4, colors.ink, colors);
  label(context, "beyond N = 2D, pairs", x, y, { color: colors.ink });
  label(context, "outweigh projections", x, y + 15, { color: colors.ink });
}
