// Image ↔ sequence: a photograph cut into patches, the patches in one row, and one patch as its vector.

import { gridLines, onKeys, onPointer, onThemeChange, outline, pixelCanvas, surface, themeColors } from "./canvas.mjs";
import { button, choice, element, filePicker, labelled, toggle } from "./controls.mjs";
import {
  divides, elementIndex, elementPlace, inversePermutation, meanColors, mergePatches, patchCorner, patchCounts, patchGrid,
  patchVector, samePlace, shuffledOrder,
} from "./math.mjs";
import { decodePhoto, readOwnPhoto } from "./photos.mjs";

const OWN = "your photo", OWN_SIZE = 224, SMALLEST = 4, MOST_PATCHES = 4096;
const CHANNELS = ["red", "green", "blue"];
const SETTINGS = ["photo", "patch_size", "stride", "selected", "shuffled"];

// The cuts that a photograph allows.

function fits({ width, height }, patchSize, stride) {
  if (![width, height].every((side) => patchSize <= side && divides(patchSize, side) && divides(stride, side - patchSize))) return false;
  const [rows, columns] = patchGrid(height, width, patchSize, stride);
  return rows * columns <= MOST_PATCHES;
}

function patchSizes(photo) {
  const sizes = [];
  for (let size = SMALLEST; size <= photo.height; size++) if (fits(photo, size, size)) sizes.push(size);
  return sizes;
}

// No overlap, half, three quarters; a patch as large as the image has nowhere to go.
function strides(photo, patchSize) {
  if (patchSize === photo.width && patchSize === photo.height) return [patchSize];
  return [1, 2, 4].map((part) => patchSize / part).filter((stride) => Number.isInteger(stride) && fits(photo, patchSize, stride));
}

// Everything that follows from the settings, computed once per setting: the grid, the order, the picture put together again.
function cut(photo, patchSize, stride, shuffled) {
  const { width, height, pixels, canvas } = photo, grid = patchGrid(height, width, patchSize, stride);
  const counts = patchCounts(grid, patchSize);
  const order = shuffled ? shuffledOrder(counts.count) : Array.from({ length: counts.count }, (_, index) => index);
  const picture = shuffled ? pixelCanvas(mergePatches(pixels, height, width, patchSize, stride, order), width, height) : canvas;
  const means = pixelCanvas(meanColors(pixels, height, width, patchSize, stride, order), counts.count, 1);
  return { photo, width, height, patchSize, stride, grid, ...counts, order, places: inversePermutation(order), picture, means, shuffled };
}

// Words and numbers.

const grouped = (number) => number.toLocaleString("en-US").replaceAll(",", "\u202f");

export function readableBytes(bytes) {
  const power = Math.min(Math.floor(Math.log10(Math.max(bytes, 1)) / 3), 3), amount = bytes / 1000 ** power;
  return `${amount < 10 && power ? amount.toFixed(1) : Math.round(amount)} ${["B", "kB", "MB", "GB"][power]}`;
}

function countLines({ grid: [rows, columns], count, dim, numbers, weights, bytes, patchSize, stride, width, height }) {
  const cells = stride === patchSize ? "" : `, ${rows} = (${height} − ${patchSize}) / ${stride} + 1`;
  const image = 3 * width * height, times = numbers / image;
  const held = times === 1 ? "exactly as many as the image" : `${times.toFixed(1)} times the image’s ${grouped(image)}`;
  return [
    ["N", `${rows} × ${columns} = ${grouped(count)} ${count === 1 ? "patch" : "patches"}${cells}`],
    ["D", `3 × ${patchSize} × ${patchSize} = ${grouped(dim)} numbers each`],
    ["N · D", `${grouped(numbers)} numbers, ${held}`],
    ["A", `N² = ${grouped(weights)} weights, ${readableBytes(bytes)} per head in float32`],
  ];
}

function patchSentence({ grid: [, columns], places, shuffled }, selected) {
  const place = places[selected], row = Math.floor(place / columns), column = place % columns;
  if (shuffled) return `Patch ${selected} now stands at place ${place} (row ${row}, column ${column}). Its vector is the same.`;
  return `Patch ${selected} is in row ${row}, column ${column}: ${row} × ${columns} + ${column} = ${selected}.`;
}

function numberSentence({ patchSize }, selected, at, vector) {
  const { channel, row, column } = elementPlace(at, patchSize);
  return `x[${selected}, ${at}] = ${vector[at].toFixed(2)} · ${CHANNELS[channel]}, row ${row}, column ${column}`;
}

// Drawings. Each gets what it shows and draws it into (width, height); none keeps anything.

function drawPhoto(context, width, height, { view, place, hoveredPlace, colors }) {
  const { grid: [rows, columns], patchSize, stride, picture, order } = view;
  const scale = width / view.width, pitch = stride * scale, side = patchSize * scale;
  const cell = (at) => ({ left: (at % columns) * pitch, top: Math.floor(at / columns) * pitch, width: side, height: side });
  context.imageSmoothingEnabled = !view.shuffled;
  context.drawImage(picture, 0, 0, width, height);
  const chosen = cell(place), lines = (count) => Array.from({ length: count - 1 }, (_, line) => (line + 1) * pitch);
  gridLines(context, { tops: lines(rows), lefts: lines(columns), width, height }, pitch > 14 ? 0.6 : 0.28);
  tintRow(context, { top: chosen.top, width, height: side }, colors);
  const numbered = pitch >= 36 && stride === patchSize;
  if (numbered) numberCells(context, order, cell);
  if (stride < patchSize && (place + 1) % columns) dashed(context, cell(place + 1));
  if (hoveredPlace !== null && hoveredPlace !== place) {
    outline(context, cell(hoveredPlace), colors.ink, 1.5);
    if (!numbered) tag(context, cell(hoveredPlace), order[hoveredPlace], { back: "#ffffff", front: "#1b2430", width });
  }
  outline(context, chosen, colors.accent, side < 12 ? 2 : 3);
  if (!numbered) tag(context, chosen, order[place], { back: colors.accent, front: colors.paper, width });
}

function tintRow(context, { top, width, height }, { accent }) {
  context.save();
  context.fillStyle = accent;
  context.globalAlpha = 0.2;
  context.fillRect(0, top, width, height);
  context.globalAlpha = 0.9;
  context.fillRect(0, top - 0.75, width, 1.5);
  context.fillRect(0, top + height - 0.75, width, 1.5);
  context.restore();
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
  for (const [style, offset] of [["#ffffff", 0], ["#1b2430", 4]]) {
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
function slots(width, place, count) {
  const pitch = width < 480 ? 46 : 54, half = Math.floor((width / pitch - 1) / 2);
  const first = Math.max(place - half - 1, 0), last = Math.min(place + half + 1, count - 1);
  return { pitch, first, last, left: (at) => width / 2 + (at - place - 0.5) * pitch };
}

function drawSequence(context, width, height, { view, place, hoveredPlace, colors }) {
  const { grid: [, columns], patchSize, stride, photo, order, count } = view, { pitch, first, last, left } = slots(width, place, count);
  const row = Math.floor(place / columns), thumb = pitch - 10, top = 24;
  const from = Math.max(left(row * columns), 0), to = Math.min(left((row + 1) * columns), width);
  context.fillStyle = colors["accent-wash"];
  context.fillRect(from, 16, to - from, height - 16);
  context.imageSmoothingEnabled = false;
  context.textAlign = "center";
  for (let at = first; at <= last; at++) {
    const patch = order[at], [fromTop, fromLeft] = patchCorner(patch, view.grid, stride), chosen = at === place;
    const grown = chosen ? 3 : 0, cell = { left: left(at) + 5 - grown, top: top - grown, width: thumb + 2 * grown, height: thumb + 2 * grown };
    context.drawImage(photo.canvas, fromLeft, fromTop, patchSize, patchSize, cell.left, cell.top, cell.width, cell.height);
    if (chosen) outline(context, cell, colors.accent, 3);
    else if (at === hoveredPlace) outline(context, cell, colors.ink, 1.5);
    context.textBaseline = "alphabetic";
    context.font = chosen ? "700 13px system-ui, sans-serif" : "12px system-ui, sans-serif";
    context.fillStyle = chosen ? colors.accent : colors.ink;
    context.fillText(patch, left(at) + pitch / 2, top + thumb + 19);
    if (at % columns === 0) rowStart(context, left(at), height, at / columns, colors);
  }
}

function rowStart(context, left, height, row, { edge, quiet }) {
  context.fillStyle = edge;
  context.fillRect(left - 0.75, 2, 1.5, height - 2);
  context.fillStyle = quiet;
  context.font = "12px system-ui, sans-serif";
  context.save();
  context.textAlign = "left";
  context.fillText(`row ${row}`, left + 5, 12);
  context.restore();
}

// The whole sequence, one column of mean color a patch; the marker is the range input that lies over it.
function drawTrack(context, width, height, { view, place, hoveredPlace, colors }) {
  const { grid: [rows, columns], means, count } = view, pitch = width / count, row = Math.floor(place / columns);
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

function drawPatch(context, width, height, { view, selected, shown, colors }) {
  const { patchSize, stride, grid, photo } = view, [top, left] = patchCorner(selected, grid, stride);
  const pixel = width / patchSize, lines = Array.from({ length: patchSize - 1 }, (_, line) => (line + 1) * pixel);
  context.imageSmoothingEnabled = false;
  context.drawImage(photo.canvas, left, top, patchSize, patchSize, 0, 0, width, height);
  if (pixel >= 4) gridLines(context, { tops: lines, lefts: lines, width, height }, pixel > 10 ? 0.4 : 0.18);
  const { row, column } = elementPlace(shown, patchSize);
  tintRow(context, { top: row * pixel, width, height: pixel }, colors);
  outline(context, { left: column * pixel, top: row * pixel, width: pixel, height: pixel }, colors.accent, pixel < 8 ? 2 : 3);
}

const RUN = { left: 18, height: 40, gap: 14 };

// Which number of the vector lies at (x, y): the run by y, the place in it by x.
function elementAt(x, y, width, patchSize) {
  const channel = Math.min(Math.max(Math.floor(y / (RUN.height + RUN.gap)), 0), 2);
  const within = Math.floor(((x - RUN.left) / (width - RUN.left)) * patchSize ** 2);
  return channel * patchSize ** 2 + Math.min(Math.max(within, 0), patchSize ** 2 - 1);
}

function drawVector(context, width, height, { view: { patchSize }, vector, shown, colors }) {
  const area = patchSize ** 2, { channel: chosen, row } = elementPlace(shown, patchSize), pitch = (width - RUN.left) / area;
  CHANNELS.forEach((name, channel) => {
    const top = channel * (RUN.height + RUN.gap);
    context.fillStyle = colors[name];
    bars(context, vector.subarray(channel * area, (channel + 1) * area), { left: RUN.left, top, width: width - RUN.left });
    context.font = "700 13px system-ui, sans-serif";
    context.textAlign = "left";
    context.textBaseline = "middle";
    context.fillText(name[0].toUpperCase(), 0, top + RUN.height / 2);
    runEnds(context, { first: channel * area, last: (channel + 1) * area - 1, top: top + RUN.height, width }, colors);
    context.fillStyle = colors.accent;
    context.fillRect(RUN.left + row * patchSize * pitch, top + RUN.height, Math.max(patchSize * pitch, 1.5), 3);
    const left = RUN.left + ((shown % area) + 0.5) * pitch;
    context.fillStyle = channel === chosen ? colors.accent : colors.edge;
    context.fillRect(left - Math.max(pitch / 2, 1), top, Math.max(pitch, 2), RUN.height);
  });
  drawNeighbors(context, width, 3 * (RUN.height + RUN.gap) + 4, { vector, shown, colors });
}

// Bars from 0 to 1. Where several numbers share a pixel column: solid up to the least of them, faint up to the largest.
function bars(context, values, { left, top, width }) {
  const columns = Math.min(Math.floor(width), values.length), step = width / columns;
  const solid = new Path2D(), faint = new Path2D();
  for (let column = 0; column < columns; column++) {
    let least = 1, largest = 0;
    const end = Math.ceil(((column + 1) * values.length) / columns);
    for (let at = Math.floor((column * values.length) / columns); at < end; at++) {
      least = Math.min(least, values[at]);
      largest = Math.max(largest, values[at]);
    }
    const x = left + column * step, wide = step > 4 ? step - 1 : step;
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
function drawNeighbors(context, width, top, { vector, shown, colors }) {
  const pitch = 42, half = Math.max(Math.floor((width / pitch - 2) / 2), 1), middle = width / 2;
  context.textAlign = "center";
  context.textBaseline = "middle";
  for (let at = shown - half; at <= shown + half; at++) {
    if (!(at in vector)) continue;
    const x = middle + (at - shown) * pitch, chosen = at === shown;
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

// The parts of the page, in the order of the story: image, sequence, vector.

function slider(label) {
  return element("canvas", { tabindex: 0, role: "slider", "aria-label": label, "aria-valuemin": 0 });
}

function tell(canvas, now, most, text) {
  canvas.setAttribute("aria-valuemax", most);
  canvas.setAttribute("aria-valuenow", now);
  canvas.setAttribute("aria-valuetext", text);
}

const panel = (name, title, ...children) =>
  element("div", { class: `pw-panel pw-${name}` }, element("p", { class: "pw-title" }, title), ...children);

async function render({ model, el }) {
  const photos = new Map(), first = Object.fromEntries(SETTINGS.map((name) => [name, model.get(name)]));
  const decodeAll = async () => {
    for (const [name, data] of Object.entries(model.get("photos"))) {
      if (photos.get(name)?.data !== data) photos.set(name, { data, ...(await decodePhoto(data)) });
    }
  };
  await decodeAll();

  let view, vector, colors, shown = null, hoveredShown = null, hoveredPlace = null;
  const set = (changes) => { for (const name in changes) model.set(name, changes[name]); model.save_changes(); };
  const place = () => view.places[selected()];
  const selected = () => Math.min(model.get("selected"), view.count - 1);

  // Choices. A new cut keeps the reader at the same place of the picture.
  function recut(changes) {
    const photo = photos.get(changes.photo ?? model.get("photo"));
    const sizes = patchSizes(photo), wished = changes.patch_size ?? view.patchSize;
    const patchSize = sizes.findLast((size) => size <= wished) ?? sizes[0];
    const wishedStride = changes.stride ?? (view.stride * patchSize) / view.patchSize;
    const stride = wishedStride !== patchSize && strides(photo, patchSize).includes(wishedStride) ? wishedStride : null;
    const after = { ...photo, patchSize, stride: stride ?? patchSize };
    set({ ...changes, patch_size: patchSize, stride, selected: samePlace(selected(), view, after) });
  }
  const go = (to) => set({ selected: view.order[Math.min(Math.max(to, 0), view.count - 1)] });
  const goDown = (rows) => { const to = place() + rows * view.grid[1]; if (to >= 0 && to < view.count) go(to); };
  const hover = (at) => {
    if (at === hoveredPlace) return;
    hoveredPlace = at;
    set({ hovered: at === null ? null : view.order[at] });
    [photo, sequence, track].forEach((each) => each.invalidate());
  };
  const show = (at) => { shown = Math.min(Math.max(at, 0), view.dim - 1); hoveredShown = null; updateNumber(); };
  const preview = (at) => { if (at !== hoveredShown) { hoveredShown = at; updateNumber(); } };

  const photoCanvas = slider("Patch of the image"), patchCanvas = slider("Pixel of the patch"), vectorCanvas = slider("Number of the vector");
  const sequenceCanvas = element("canvas", { role: "img" }), trackCanvas = element("canvas", { "aria-hidden": "true" });
  const range = element("input", { type: "range", min: 0, oninput: () => go(Number(range.value)) });
  const photoTitle = document.createTextNode(""), sequenceTitle = document.createTextNode(""), vectorTitle = document.createTextNode("");
  const photoChoice = choice("Photograph", (name) => recut({ photo: name }));
  const sizeChoice = choice("Patch size P", (value) => recut({ patch_size: Number(value) }));
  const strideChoice = choice("Stride", (value) => recut({ stride: Number(value) }));
  const shuffleToggle = toggle("Shuffle the patches", (shuffled) => set({ shuffled }));
  const message = element("p", { class: "pw-message", role: "alert" });
  const own = filePicker("Your own photo…", "image/*", async (file) => {
    try {
      const data = await readOwnPhoto(file, OWN_SIZE);
      photos.set(OWN, { data, ...(await decodePhoto(data)) });
      message.textContent = "";
      model.set("photos", { ...model.get("photos"), [OWN]: data });
      recut({ photo: OWN });
    } catch (error) {
      message.textContent = error.message;
    }
  });
  const reset = button("Reset", () => { message.textContent = ""; shown = null; set(first); });
  const sentence = element("p", { class: "pw-place" }), counts = element("dl", { class: "pw-counts" });
  const number = element("p", { class: "pw-number", "aria-live": "polite" });

  const root = element("div", { class: "pw-explorer pw-patches", "data-lm-suppress-shortcuts": "true" },
    element("div", { class: "pw-layout" },
      element("div", { class: "pw-side" },
        element("div", { class: "pw-controls" }, photoChoice.node, sizeChoice.node, strideChoice.node, shuffleToggle.node, own, reset),
        message),
      panel("image", photoTitle, photoCanvas),
      element("div", { class: "pw-reading", "aria-live": "polite" }, sentence, counts),
      panel("sequence", sequenceTitle, sequenceCanvas,
        element("div", { class: "pw-track" }, trackCanvas, labelled("Place in the sequence", range))),
      panel("vector", vectorTitle, element("div", { class: "pw-pair" }, patchCanvas, vectorCanvas), number)));
  el.append(root);

  const shownNow = () => hoveredShown ?? shown;
  const photo = surface(photoCanvas, (...canvas) => drawPhoto(...canvas, { view, place: place(), hoveredPlace, colors }));
  const sequence = surface(sequenceCanvas, (...canvas) => drawSequence(...canvas, { view, place: place(), hoveredPlace, colors }));
  const track = surface(trackCanvas, (...canvas) => drawTrack(...canvas, { view, place: place(), hoveredPlace, colors }));
  const patch = surface(patchCanvas, (...canvas) => drawPatch(...canvas, { view, selected: selected(), shown: shownNow(), colors }));
  const numbers = surface(vectorCanvas, (...canvas) => drawVector(...canvas, { view, vector, shown: shownNow(), colors }));
  const surfaces = [photo, sequence, track, patch, numbers];

  function update() {
    const source = photos.get(model.get("photo")), patchSize = model.get("patch_size"), wished = model.get("stride") ?? patchSize;
    if (!source || !fits(source, patchSize, patchSize)) return;  // half of a change from Python; the other half follows
    const stride = fits(source, patchSize, wished) ? wished : patchSize, shuffled = model.get("shuffled");
    const same = view && [view.photo, view.patchSize, view.stride, view.shuffled].every((each, at) => each === [source, patchSize, stride, shuffled][at]);
    if (!same) {
      const before = view;
      view = cut(source, patchSize, stride, shuffled);
      shown = before && shown !== null ? sameElement(shown, before.patchSize, patchSize) : firstElement(patchSize);
      hoveredPlace = hoveredShown = null;
      updateControls();
    }
    const corner = patchCorner(selected(), view.grid, stride);
    vector = patchVector(source.pixels, source.width, corner, patchSize);
    updateWords();
    updateNumber();
    surfaces.forEach((each) => each.invalidate());
  }

  function updateControls() {
    const { photo: source, patchSize, stride, grid: [rows, columns], count } = view;
    const withCurrent = (values, current) => (values.includes(current) ? values : [...values, current].sort((a, b) => a - b));
    photoChoice.show([...photos.keys()].map((name) => [name, name]), model.get("photo"));
    sizeChoice.show(withCurrent(patchSizes(source), patchSize).map((size) => [size, `${size} × ${size} pixels`]), patchSize);
    strideChoice.show(withCurrent(strides(source, patchSize), stride).map((each) => [each, each === patchSize ? `${each} (no overlap)` : `${each} (overlapping)`]), stride);
    shuffleToggle.show(view.shuffled);
    photoCanvas.style.aspectRatio = `${view.width} / ${view.height}`;
    range.max = count - 1;
    photoTitle.data = view.shuffled ? "Put together from the shuffled sequence" : `The image: ${rows} rows × ${columns} columns`;
    sequenceTitle.data = view.shuffled ? `The same ${grouped(count)} patches, shuffled` : `The sequence: ${grouped(count)} patches, row after row`;
    counts.replaceChildren(...countLines(view).flatMap(([term, text]) => [element("dt", {}, term), element("dd", {}, text)]));
  }

  function updateWords() {
    const text = patchSentence(view, selected());
    if (sentence.textContent !== text) sentence.textContent = text;
    range.value = place();
    range.setAttribute("aria-valuetext", `place ${place()} of 0 to ${view.count - 1}: patch ${selected()}`);
    tell(photoCanvas, place(), view.count - 1, text);
    sequenceCanvas.setAttribute("aria-label", `The patches around patch ${selected()}, as they follow in the sequence`);
    vectorTitle.data = `Patch ${selected()} as a vector of ${grouped(view.dim)} numbers`;
  }

  function updateNumber() {
    number.textContent = numberSentence(view, selected(), shownNow(), vector);
    for (const canvas of [patchCanvas, vectorCanvas]) tell(canvas, shownNow(), view.dim - 1, number.textContent);
    [patch, numbers].forEach((each) => each.invalidate());
  }

  // Pointers and keys.
  const clamped = (value, most) => Math.min(Math.max(value, 0), most);
  const placeAt = (x, y) => {
    const { grid: [rows, columns], patchSize, stride } = view, scale = view.width / photoCanvas.clientWidth;
    const nearest = (at) => Math.floor((at * scale - (patchSize - stride) / 2) / stride);
    return clamped(nearest(y), rows - 1) * columns + clamped(nearest(x), columns - 1);
  };
  const slotAt = (x) => {
    const { pitch } = slots(sequenceCanvas.clientWidth, place(), view.count);
    return clamped(place() + Math.round((x - sequenceCanvas.clientWidth / 2) / pitch), view.count - 1);
  };
  const pixelAt = (x, y) => {
    const { patchSize } = view, side = patchCanvas.clientWidth / patchSize, { channel } = elementPlace(shownNow(), patchSize);
    const [row, column] = [y, x].map((at) => clamped(Math.floor(at / side), patchSize - 1));
    return elementIndex({ channel, row, column }, patchSize);
  };
  const numberAt = (x, y) => elementAt(x, y, vectorCanvas.clientWidth, view.patchSize);
  const hovers = (find, note) => (x, y) => note(x === undefined ? null : find(x, y));

  onPointer(photoCanvas, { hover: hovers(placeAt, hover), choose: (x, y) => go(placeAt(x, y)) });
  sequenceCanvas.addEventListener("click", (event) => go(slotAt(event.offsetX)));
  sequenceCanvas.addEventListener("pointermove", (event) => hover(slotAt(event.offsetX)));
  sequenceCanvas.addEventListener("pointerleave", () => hover(null));
  onPointer(patchCanvas, { hover: hovers(pixelAt, preview), choose: (x, y) => show(pixelAt(x, y)) });
  onPointer(vectorCanvas, { hover: hovers(numberAt, preview), choose: (x, y) => show(numberAt(x, y)) });
  onKeys(photoCanvas, {
    ArrowLeft: () => go(place() - 1), ArrowRight: () => go(place() + 1), ArrowUp: () => goDown(-1), ArrowDown: () => goDown(1),
    Home: () => go(0), End: () => go(view.count - 1),
  });
  const step = (by) => () => { const to = shown + by(view.patchSize); if (to >= 0 && to < view.dim) show(to); };
  const sideways = { ArrowLeft: step(() => -1), ArrowRight: step(() => 1), Home: () => show(0), End: () => show(view.dim - 1) };
  onKeys(patchCanvas, { ...sideways, ArrowUp: step((size) => -size), ArrowDown: step((size) => size) });
  onKeys(vectorCanvas, { ...sideways, ArrowUp: step((size) => -(size ** 2)), ArrowDown: step((size) => size ** 2) });

  const restyle = () => { colors = themeColors(root); surfaces.forEach((each) => each.invalidate()); };
  const changed = SETTINGS.map((name) => `change:${name}`).join(" ");
  const repack = async () => { await decodeAll(); update(); updateControls(); };
  const hoverFrom = () => {
    const patchHovered = model.get("hovered") ?? null;
    hover(patchHovered === null ? null : view.places[patchHovered] ?? null);
  };
  const forget = onThemeChange(restyle);
  model.on(changed, update);
  model.on("change:photos", repack);
  model.on("change:hovered", hoverFrom);
  restyle();
  update();
  return () => {
    model.off(changed, update);
    model.off("change:photos", repack);
    model.off("change:hovered", hoverFrom);
    forget();
    surfaces.forEach((each) => each.stop());
  };
}

const firstElement = (patchSize) => elementIndex({ channel: 1, row: patchSize >> 2, column: patchSize >> 2 }, patchSize);

function sameElement(at, before, after) {
  const { channel, row, column } = elementPlace(at, before), scaled = (value) => Math.floor((value * after) / before);
  return elementIndex({ channel, row: scaled(row), column: scaled(column) }, after);
}

export default { render };
