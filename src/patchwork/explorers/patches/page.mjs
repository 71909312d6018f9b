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
import { divides, patchCorner, patchGrid, shuffledOrder } from "../common/formulas.mjs";
import { readOwnPhoto } from "../common/photos.mjs";
import { grouped, placeText, plural } from "../common/words.mjs";
import {
  CHANNELS,
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
  inversePermutation,
  meanColors,
  mergePatches,
  patchCounts,
  patchVector,
  samePlace,
} from "./formulas.mjs";

const OWN_SIZE = 224,
  SMALLEST = 4,
  MOST_PATCHES = 4096;

// The cuts that a photograph allows.

function fits({ width, height }, patchSize, stride) {
  const tiles = (side) => patchSize <= side && divides(patchSize, side) && divides(stride, side - patchSize);
  if (!tiles(width) || !tiles(height)) return false;
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
  const wholes = [1, 2, 4].map((part) => patchSize / part).filter(Number.isInteger);
  return wholes.filter((stride) => fits(photo, patchSize, stride));
}

// Everything that follows from the settings, computed once per setting: the grid, the order, the picture put together
// again.
function cut({ photo, patchSize, stride, shuffled }) {
  const { width, height, pixels } = photo,
    grid = patchGrid(height, width, patchSize, stride);
  const counts = patchCounts(grid, patchSize),
    { count } = counts;
  const order = shuffled ? shuffledOrder(count) : Array.from({ length: count }, (_, index) => index);
  const merged = () => pixelCanvas(mergePatches(pixels, height, width, patchSize, stride, order), width, height);
  const means = pixelCanvas(meanColors(pixels, height, width, patchSize, stride, order), count, 1);
  const derived = { order, places: inversePermutation(order), picture: shuffled ? merged() : photo.canvas, means };
  return { photo, width, height, patchSize, stride, shuffled, grid, ...counts, ...derived };
}

// Words and numbers.

function readableBytes(bytes) {
  const power = Math.min(Math.floor(Math.log10(Math.max(bytes, 1)) / 3), 3),
    amount = bytes / 1000 ** power;
  return `${amount < 10 && power ? amount.toFixed(1) : Math.round(amount)} ${["B", "kB", "MB", "GB"][power]}`;
}

function countLines({ grid: [rows, columns], count, dim, numbers, weights, bytes, patchSize, stride, width, height }) {
  const cells = stride === patchSize ? "" : `, ${rows} = (${height} − ${patchSize}) / ${stride} + 1`;
  const image = 3 * width * height,
    times = numbers / image;
  const held = times === 1 ? "exactly as many as the image" : `${times.toFixed(1)} times the image’s ${grouped(image)}`;
  return [
    ["N", `${rows} × ${columns} = ${plural(count, "patch", "patches")}${cells}`],
    ["D", `3 × ${patchSize} × ${patchSize} = ${grouped(dim)} numbers each`],
    ["N · D", `${grouped(numbers)} numbers, ${held}`],
    ["A", `N² = ${plural(weights, "weight")}, ${readableBytes(bytes)} in float32`],
  ];
}

function patchSentence({ grid, places, shuffled }, selected) {
  const place = places[selected],
    [, columns] = grid,
    row = Math.floor(place / columns),
    column = place % columns;
  if (shuffled)
    return `Patch ${selected} now stands at place ${place} (${placeText(place, grid)}). Its vector is the same.`;
  return `Patch ${selected} is in ${placeText(place, grid)}: ${row} × ${columns} + ${column} = ${selected}.`;
}

function numberSentence({ patchSize }, selected, at, vector) {
  const { channel, row, column } = elementPlace(at, patchSize);
  return `x[${selected}, ${at}] = ${vector[at].toFixed(2)} · ${CHANNELS[channel]}, row ${row}, column ${column}`;
}

// The page, in the order of the story: settings, image, sequence, vector.

function buildControls(act) {
  const { photo, own, reset } = photoControls(act);
  return {
    photo,
    patchSize: choice("Patch size P", (size) => act.recut({ patch_size: Number(size) })),
    stride: choice("Stride", (stride) => act.recut({ stride: Number(stride) })),
    shuffled: toggle("Shuffle the patches", (shuffled) => act.set({ shuffled })),
    own,
    reset,
  };
}

function buildPage(act) {
  const id = pageId(),
    controls = buildControls(act),
    message = messageLine();
  const [photo, patch, vector] = ["Patch of the image", "Pixel of the patch", "Number of the vector"].map((each) =>
    slider(each, id),
  );
  const strip = element("canvas", { role: "img" }),
    track = element("canvas", { "aria-hidden": "true" });
  const range = element("input", { type: "range", min: 0, oninput: () => act.go(Number(range.value)) });
  const sentence = element("p", { class: "pw-place" }),
    counts = element("div", { class: "pw-counts" });
  const number = element("p", { class: "pw-number" }),
    row = element("canvas", { "aria-hidden": "true" });
  const image = panel(id, "image", photo);
  const sequence = panel(
    id,
    "sequence",
    strip,
    element("label", { class: "pw-track" }, element("span", {}, "Place in the sequence"), track, range),
  );
  const numbers = panel(
    id,
    "vector",
    element("div", { class: "pw-pair" }, patch, element("div", { class: "pw-runs" }, vector, row)),
    number,
  );
  const reading = element("div", { class: "pw-reading" }, sentence, counts),
    side = element("div", { class: "pw-side" }, settingsRow(controls), message);
  const framed = frame("patches", "Patch explorer", id, side, image.node, reading, sequence.node, numbers.node);
  const titles = { image: image.title, sequence: sequence.title, vector: numbers.title };
  return {
    ...framed,
    controls,
    message,
    canvases: { photo, strip, track, patch, vector, row },
    range,
    sentence,
    counts,
    number,
    titles,
  };
}

// What each setting offers, the present one always among them.
function showControls(controls, { photo, patchSize, stride, shuffled }, names, name) {
  const including = (values, current) => [...new Set([...values, current])].sort((a, b) => a - b);
  const overlap = (each) => (each === patchSize ? ", no overlap" : "");
  controls.photo.show(pairs(names), name);
  controls.patchSize.show(
    including(patchSizes(photo), patchSize).map((each) => [each, `${each} × ${each}`]),
    patchSize,
  );
  controls.stride.show(
    including(strides(photo, patchSize), stride).map((each) => [each, `${each}${overlap(each)}`]),
    stride,
  );
  controls.shuffled.show(shuffled, stride < patchSize && !shuffled ? "without overlap only" : "");
}

function showCut({ canvases, range, titles, counts }, view) {
  const {
      grid: [rows, columns],
      count,
      shuffled,
      width,
      height,
    } = view,
    patches = plural(count, "patch", "patches");
  canvases.photo.style.aspectRatio = `${width} / ${height}`;
  range.max = count - 1;
  range.style.inset = `0 calc(${50 / count}% - 12px)`; // the thumb stands in the middle of a column of the track
  titles.image.textContent = shuffled
    ? "Put together from the shuffled sequence"
    : `The image: ${plural(rows, "row")} × ${plural(columns, "column")}`;
  titles.sequence.textContent = shuffled ? `The same ${patches}, shuffled` : `The sequence: ${patches}, row after row`;
  counts.replaceChildren(
    ...countLines(view).map(([letter, text]) => element("p", {}, element("i", {}, letter), element("span", {}, text))),
  );
}

function showChoice({ canvases, range, sentence, titles }, view, selected) {
  const place = view.places[selected],
    text = patchSentence(view, selected);
  setText(sentence, text);
  range.value = place;
  range.setAttribute("aria-valuetext", `place ${place} of 0 to ${view.count - 1}: patch ${selected}`);
  tell(canvases.photo, place, view.count - 1, text);
  canvases.strip.setAttribute("aria-label", `The patches around patch ${selected}, as they follow in the sequence`);
  titles.vector.textContent = `Patch ${selected} as a vector of ${grouped(view.dim)} numbers`;
}

// Where the pointer is: a place of the picture, a slot of the strip, a pixel, a number.

function placeAt({ grid: [rows, columns], patchSize, stride, width }, canvas, x, y) {
  const nearest = (at) => Math.floor(((at * width) / canvas.clientWidth - (patchSize - stride) / 2) / stride);
  return clamped(nearest(y), rows - 1) * columns + clamped(nearest(x), columns - 1);
}

const columnAt = ({ count }, canvas, x) => clamped(Math.floor((x / canvas.clientWidth) * count), count - 1);
const slotAt = (pitch, canvas, middle, x) => middle + Math.round((x - canvas.clientWidth / 2) / pitch);

function pixelAt({ patchSize }, canvas, shown, x, y) {
  const [row, column] = [y, x].map((at) => clamped(Math.floor((at * patchSize) / canvas.clientWidth), patchSize - 1));
  return elementIndex({ channel: elementPlace(shown, patchSize).channel, row, column }, patchSize);
}

// The number in view: first a green one of the upper left; in a new cut, the one at the same place of the patch.
const firstElement = (patchSize) =>
  elementIndex({ channel: 1, row: patchSize >> 2, column: patchSize >> 2 }, patchSize);

function sameElement(at, before, after) {
  const { channel, row, column } = elementPlace(at, before),
    scaled = (value) => Math.floor((value * after) / before);
  return elementIndex({ channel, row: scaled(row), column: scaled(column) }, after);
}

// `view` is the present cut, `shown` the number in view, `hoveredShown` the number under the pointer, or null.
class PatchExplorer extends PhotoExplorer {
  static settings = ["photo", "patch_size", "stride", "selected", "shuffled"];

  shown = null;
  hoveredShown = null;

  readOwn(file) {
    return readOwnPhoto(file, OWN_SIZE);
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
    this.outer.forEach((each) => {
      each.invalidate();
    });
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
    const { strip, row } = this.page.canvases,
      { go } = this,
      show = (element) => this.show(element);
    const sliding = (canvas, pitch, middle, choose, hover) => {
      let start = 0;
      onSlide(canvas, {
        grab: () => {
          start = middle();
        },
        drag: (distance) => choose(start - Math.round(distance / pitch())),
        tap: (x) => choose(slotAt(pitch(), canvas, middle(), x)),
        hover: (x) => hover(x === undefined ? null : slotAt(pitch(), canvas, middle(), x)),
      });
    };
    const inView = (place) => (place === null ? null : clamped(place, this.view.count - 1));
    sliding(
      strip,
      () => slots(strip.clientWidth, 0, 1).pitch,
      () => this.place,
      go,
      (place) => this.hoverPlace(inView(place)),
    );
    sliding(
      row,
      () => NUMBER_PITCH,
      () => this.shown,
      show,
      () => {},
    );
  }

  listenToKeys(photo, patch, vector) {
    const numbers = (columns) => ({
      grid: () => [this.view.dim / columns(), columns()],
      now: () => this.shown,
      go: (element) => this.show(element),
    });
    walkGrid(photo, { grid: () => this.view.grid, now: () => this.place, go: this.go });
    walkGrid(
      patch,
      numbers(() => this.view.patchSize),
    );
    walkGrid(
      vector,
      numbers(() => this.view.patchSize ** 2),
    );
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
    const {
      grid: [rows, columns],
      count,
    } = this.view;
    this.report({
      cut: `${rows} × ${columns} = ${plural(count, "patch", "patches")}.`,
      choice: this.page.sentence.textContent,
    });
    this.updateNumber();
    this.outer.forEach((each) => {
      each.invalidate();
    });
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
    const { patch, vector } = this.page.canvases;
    const say = (element) => numberSentence(this.view, this.selected, element, this.vector),
      text = say(this.shown);
    this.page.number.textContent = this.hoveredShown === null ? text : say(this.hoveredShown);
    for (const canvas of [patch, vector]) tell(canvas, this.shown, this.view.dim - 1, text);
    this.inner.forEach((each) => {
      each.invalidate();
    });
  }
}

export default mounted(PatchExplorer);
