// Image ↔ sequence: a photograph cut into patches, the patches in one row, and one patch as its vector.

import { onPointer, onSlide, pixelCanvas, walkGrid } from "../common/canvas.mjs";
import { choice, clamped, element, panel, setText, slider, tell, toggle } from "../common/controls.mjs";
import {
  frame,
  messageLine,
  mounted,
  PhotoExplorer,
  pageId,
  pairs,
  photoControls,
  settingsRow,
} from "../common/explorer.mjs";
import { patchCorner, patchGrid, shuffledOrder } from "../common/formulas.mjs";
import { readOwnPhoto } from "../common/photos.mjs";
import {
  drawNumbers,
  drawPatch,
  drawPhoto,
  drawSequence,
  drawTrack,
  drawVector,
  elementAt,
  NUMBER_PITCH,
  slots,
} from "./drawings.mjs";
import {
  elementIndex,
  elementPlace,
  fits,
  inversePermutation,
  meanColors,
  mergePatches,
  patchCounts,
  patchSizes,
  patchVector,
  samePlace,
  strides,
} from "./formulas.mjs";
import limits from "./limits.json" with { type: "json" };
import * as words from "./words.mjs";

// Everything that follows from the settings, computed once per setting: the grid, the order, the picture put together
// again.
function cut({ photo, patchSize, stride, shuffled }) {
  const { width, height, pixels } = photo,
    grid = patchGrid(height, width, patchSize, stride),
    counts = patchCounts(grid, patchSize);
  const order = shuffled ? shuffledOrder(counts.count) : Array.from({ length: counts.count }, (_, index) => index),
    places = inversePermutation(order);
  const merged = () => pixelCanvas(mergePatches(pixels, height, width, patchSize, stride, order), width, height),
    means = pixelCanvas(meanColors(pixels, height, width, patchSize, stride, order), counts.count, 1);
  const picture = shuffled ? merged() : photo.canvas;
  return { photo, width, height, patchSize, stride, shuffled, grid, ...counts, order, places, picture, means };
}

// The page, in the order of the story: settings, image, sequence, vector.

function buildControls(act) {
  const { photo, own, reset } = photoControls(act);
  return {
    photo,
    patchSize: choice(words.CONTROLS.patchSize, (size) => act.recut({ patch_size: Number(size) })),
    stride: choice(words.CONTROLS.stride, (stride) => act.recut({ stride: Number(stride) })),
    shuffled: toggle(words.CONTROLS.shuffled, (shuffled) => act.set({ shuffled })),
    own,
    reset,
  };
}

function buildSequence(act, id) {
  const strip = element("canvas", { role: "img" }),
    track = element("canvas", { "aria-hidden": "true" }),
    range = element("input", { type: "range", min: 0, oninput: () => act.go(Number(range.value)) });
  const label = element("label", { class: "pw-track" }, element("span", {}, words.TRACK), track, range);
  return { ...panel(id, "sequence", strip, label), strip, track, range };
}

function buildVector(id) {
  const [patch, vector] = [words.SLIDERS.patch, words.SLIDERS.vector].map((label) => slider(label, id)),
    row = element("canvas", { "aria-hidden": "true" }),
    number = element("p", { class: "pw-number" });
  const pair = element("div", { class: "pw-pair" }, patch, element("div", { class: "pw-runs" }, vector, row));
  return { ...panel(id, "vector", pair, number), patch, vector, row, number };
}

function buildPage(act) {
  const id = pageId(),
    controls = buildControls(act),
    message = messageLine(),
    photo = slider(words.SLIDERS.photo, id);
  const panels = { image: panel(id, "image", photo), sequence: buildSequence(act, id), vector: buildVector(id) },
    { strip, track, range } = panels.sequence,
    { patch, vector, row, number } = panels.vector;
  const sentence = element("p", { class: "pw-place" }),
    counts = element("div", { class: "pw-counts" });
  const framed = frame(
    "patches",
    words.LABEL,
    id,
    element("div", { class: "pw-side" }, settingsRow(controls), message),
    panels.image.node,
    element("div", { class: "pw-reading" }, sentence, counts),
    panels.sequence.node,
    panels.vector.node,
  );
  const canvases = { photo, strip, track, patch, vector, row };
  return { ...framed, controls, message, panels, canvases, range, sentence, counts, number };
}

// What each setting offers, the present one always among them.
function showControls(controls, { photo, patchSize, stride, shuffled }, names, name) {
  const including = (values, current) => [...new Set([...values, current])].sort((one, other) => one - other);
  const offer = ({ show }, values, current, text) =>
    show(
      including(values, current).map((value) => [value, text(value)]),
      current,
    );
  controls.photo.show(pairs(names), name);
  offer(controls.patchSize, patchSizes(photo), patchSize, words.patchSizeText);
  offer(controls.stride, strides(photo, patchSize), stride, (each) => words.strideText(each, patchSize));
  controls.shuffled.show(shuffled, stride < patchSize && !shuffled ? words.WHY_NOT_SHUFFLED : "");
}

function showCut({ canvases, range, panels, counts }, view) {
  canvases.photo.style.aspectRatio = `${view.width} / ${view.height}`;
  range.max = view.count - 1;
  range.style.inset = `0 calc(${50 / view.count}% - 12px)`; // the thumb stands in the middle of a column of the track
  panels.image.title.textContent = words.imageTitle(view);
  panels.sequence.title.textContent = words.sequenceTitle(view);
  const lines = words
    .countLines(view)
    .map(([letter, text]) => element("p", {}, element("i", {}, letter), element("span", {}, text)));
  counts.replaceChildren(...lines);
}

function showChoice({ canvases, range, sentence, panels }, view, selected) {
  const place = view.places[selected],
    text = words.patchSentence(view, selected);
  setText(sentence, text);
  range.value = place;
  range.setAttribute("aria-valuetext", words.trackText(view, selected));
  tell(canvases.photo, place, view.count - 1, text);
  canvases.strip.setAttribute("aria-label", words.stripLabel(selected));
  panels.vector.title.textContent = words.vectorTitle(view, selected);
}

// Where the pointer is: a place of the picture, a slot of the strip, a pixel, a number.

function placeAt({ grid: [rows, columns], patchSize, stride, width }, canvas, x, y) {
  const nearest = (length) => Math.floor(((length * width) / canvas.clientWidth - (patchSize - stride) / 2) / stride);
  return clamped(nearest(y), rows - 1) * columns + clamped(nearest(x), columns - 1);
}

const columnAt = ({ count }, canvas, x) => clamped(Math.floor((x / canvas.clientWidth) * count), count - 1);
const slotAt = (pitch, canvas, middle, x) => middle + Math.round((x - canvas.clientWidth / 2) / pitch);

function pixelAt({ patchSize }, canvas, shown, x, y) {
  const along = (length) => clamped(Math.floor((length * patchSize) / canvas.clientWidth), patchSize - 1);
  return elementIndex({ channel: elementPlace(shown, patchSize).channel, row: along(y), column: along(x) }, patchSize);
}

// The number in view: first a green one of the upper left; in a new cut, the one at the same place of the patch.
const firstElement = (patchSize) =>
  elementIndex({ channel: 1, row: patchSize >> 2, column: patchSize >> 2 }, patchSize);

function sameElement(shown, before, after) {
  const { channel, row, column } = elementPlace(shown, before),
    scaled = (value) => Math.floor((value * after) / before);
  return elementIndex({ channel, row: scaled(row), column: scaled(column) }, after);
}

// `view` is the present cut, `shown` the number in view, `hoveredShown` the number under the pointer, or null.
class PatchExplorer extends PhotoExplorer {
  static settings = ["photo", "patch_size", "stride", "selected", "shuffled"];

  shown = null;
  hoveredShown = null;

  readOwn(file) {
    return readOwnPhoto(file, limits.own_photo_side);
  }

  get selected() {
    return Math.min(this.model.get("selected"), this.view.count - 1);
  }
  get place() {
    return this.view.places[this.selected];
  }
  get hoveredPlace() {
    return this.hovered === null ? null : this.view.places[this.hovered];
  }
  get element() {
    return this.hoveredShown ?? this.shown;
  }

  build() {
    return buildPage(this);
  }

  draw() {
    this.outer = this.keepAll({ photo: drawPhoto, strip: drawSequence, track: drawTrack });
    this.inner = this.keepAll({ patch: drawPatch, vector: drawVector, row: drawNumbers });
  }

  drawn() {
    const { view, selected, place, hoveredPlace, vector, element: shown, colors } = this;
    return { view, selected, place, hoveredPlace, vector, shown, colors };
  }

  // Actions.

  go = (place) => this.set({ selected: this.view.order[clamped(place, this.view.count - 1)] });

  // A new cut keeps the reader at the same place of the picture, and the stride at the same share of P.
  recut = (changes) => {
    const { view, model } = this,
      photo = this.pictures.get(changes.photo ?? model.get("photo")),
      sizes = patchSizes(photo);
    const patchSize = sizes.findLast((size) => size <= (changes.patch_size ?? view.patchSize)) ?? sizes[0];
    const wished = changes.stride ?? (view.stride * patchSize) / view.patchSize;
    const stride = strides(photo, patchSize).includes(wished) ? wished : patchSize;
    const shuffled = model.get("shuffled") && stride === patchSize; // overlapping patches out of order are a blur
    const selected = samePlace(this.selected, view, { ...photo, patchSize, stride });
    this.set({ ...changes, patch_size: patchSize, stride: stride === patchSize ? null : stride, selected, shuffled });
  };

  changePhoto(photo) {
    this.recut({ photo });
  }

  forget() {
    super.forget();
    this.shown = null;
  }

  hover(patch) {
    super.hover(patch in this.view.places ? patch : null);
  }

  hoverPlace(place) {
    this.hover(place === null ? null : this.view.order[place]);
  }

  updateHovered() {
    this.redraw(this.outer);
  }

  show(element) {
    this.shown = clamped(element, this.view.dim - 1);
    this.preview(null);
  }

  preview(element) {
    this.hoveredShown = element;
    this.updateNumber();
  }

  // Pointers and keys.

  listen() {
    const { photo, track, patch, vector } = this.page.canvases;
    const over = (find, note) => (x, y) => note.call(this, x === undefined ? null : find(x, y));
    const choosing = (canvas, find, choose, note) =>
      onPointer(canvas, { choose: over(find, choose), hover: over(find, note) });
    choosing(photo, (x, y) => placeAt(this.view, photo, x, y), this.go, this.hoverPlace);
    choosing(track, (x) => columnAt(this.view, track, x), this.go, this.hoverPlace);
    choosing(patch, (x, y) => pixelAt(this.view, patch, this.element, x, y), this.show, this.preview);
    choosing(vector, (x, y) => elementAt(x, y, vector.clientWidth, this.view.patchSize), this.show, this.preview);
    this.listenToRows();
    this.listenToKeys(photo, patch, vector);
  }

  // The two rows that slide under their mark: the patches around the chosen one, the numbers around the one shown.
  listenToRows() {
    const { strip, row } = this.page.canvases;
    const inView = (place) => (place === null ? null : clamped(place, this.view.count - 1));
    this.listenToRow(strip, {
      pitch: () => slots(strip.clientWidth, 0, 1).pitch,
      middle: () => this.place,
      choose: this.go,
      hover: (place) => this.hoverPlace(inView(place)),
    });
    this.listenToRow(row, {
      pitch: () => NUMBER_PITCH,
      middle: () => this.shown,
      choose: (element) => this.show(element),
    });
  }

  listenToRow(canvas, { pitch, middle, choose, hover = () => {} }) {
    let start = 0;
    onSlide(canvas, {
      grab: () => {
        start = middle();
      },
      drag: (distance) => choose(start - Math.round(distance / pitch())),
      tap: (x) => choose(slotAt(pitch(), canvas, middle(), x)),
      hover: (x) => hover(x === undefined ? null : slotAt(pitch(), canvas, middle(), x)),
    });
  }

  listenToKeys(photo, patch, vector) {
    const walkNumbers = (canvas, columns) =>
      walkGrid(canvas, {
        grid: () => [this.view.dim / columns(), columns()],
        now: () => this.shown,
        go: (element) => this.show(element),
      });
    walkGrid(photo, { grid: () => this.view.grid, now: () => this.place, go: this.go });
    walkNumbers(patch, () => this.view.patchSize);
    walkNumbers(vector, () => this.view.patchSize ** 2);
  }

  // From the settings to the page.

  async receive() {
    await super.receive();
    this.updateControls();
  }

  update() {
    const photo = this.pictures.get(this.model.get("photo")),
      patchSize = this.model.get("patch_size");
    if (!photo || !fits(photo, patchSize, patchSize)) return; // half of a change from Python; the other half follows
    const wished = this.model.get("stride") ?? patchSize,
      stride = fits(photo, patchSize, wished) ? wished : patchSize;
    this.updateCut({ photo, patchSize, stride, shuffled: this.model.get("shuffled") });
    this.vector = patchVector(photo.pixels, photo.width, patchCorner(this.selected, this.view.grid, stride), patchSize);
    showChoice(this.page, this.view, this.selected);
    this.report({ cut: words.cutSentence(this.view), choice: this.page.sentence.textContent });
    this.updateNumber();
    this.redraw(this.outer);
  }

  news({ cut, choice }, before) {
    return cut === before.cut ? choice : `${cut} ${choice}`;
  }

  updateCut(settings) {
    const before = this.view;
    if (this.shown === null) this.shown = firstElement(settings.patchSize);
    else if (before) this.shown = sameElement(this.shown, before.patchSize, settings.patchSize);
    if (before && Object.keys(settings).every((name) => before[name] === settings[name])) return;
    this.view = cut(settings);
    this.hovered = this.hoveredShown = null;
    showCut(this.page, this.view);
    this.updateControls();
  }

  updateControls() {
    showControls(this.page.controls, this.view, [...this.pictures.keys()], this.model.get("photo"));
  }

  updateNumber() {
    const { number, canvases } = this.page;
    const said = (element) => words.numberSentence(this.view, this.selected, element, this.vector),
      text = said(this.shown);
    number.textContent = this.hoveredShown === null ? text : said(this.hoveredShown);
    for (const canvas of [canvases.patch, canvases.vector]) tell(canvas, this.shown, this.view.dim - 1, text);
    this.redraw(this.inner);
  }

  redraw(surfaces) {
    for (const each of surfaces) each.invalidate();
  }
}

export default mounted(PatchExplorer);
