// Image ↔ sequence: a photograph cut into patches, the patches in one row, and one patch as its vector.

import { keepKeys, onKeys, onPointer, onSlide, onThemeChange, pixelCanvas, surface, themeColors } from "./canvas.mjs";
import { button, choice, clamped, element, filePicker, panel, slider, tell, toggle } from "./controls.mjs";
import {
  divides, elementIndex, elementPlace, inversePermutation, meanColors, mergePatches, patchCorner, patchCounts, patchGrid,
  patchVector, samePlace, shuffledOrder,
} from "./math.mjs";
import {
  CHANNELS, drawNumbers, drawPatch, drawPhoto, drawSequence, drawTrack, drawVector, elementAt, NUMBER_PITCH, slots,
} from "./patch_drawings.mjs";
import { decodePhoto, readOwnPhoto } from "./photos.mjs";

const OWN = "your photo", OWN_SIZE = 224, SMALLEST = 4, MOST_PATCHES = 4096;
const SETTINGS = ["photo", "patch_size", "stride", "selected", "shuffled"];

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

// Everything that follows from the settings, computed once per setting: the grid, the order, the picture put together again.
function cut({ photo, patchSize, stride, shuffled }) {
  const { width, height, pixels } = photo, grid = patchGrid(height, width, patchSize, stride);
  const counts = patchCounts(grid, patchSize), { count } = counts;
  const order = shuffled ? shuffledOrder(count) : Array.from({ length: count }, (_, index) => index);
  const merged = () => pixelCanvas(mergePatches(pixels, height, width, patchSize, stride, order), width, height);
  const means = pixelCanvas(meanColors(pixels, height, width, patchSize, stride, order), count, 1);
  const derived = { order, places: inversePermutation(order), picture: shuffled ? merged() : photo.canvas, means };
  return { photo, width, height, patchSize, stride, shuffled, grid, ...counts, ...derived };
}

// Words and numbers.

const plural = (number, one, more = `${one}s`) => `${grouped(number)} ${number === 1 ? one : more}`;
const grouped = (number) => number.toLocaleString("en-US").replaceAll(",", "\u202f");

function readableBytes(bytes) {
  const power = Math.min(Math.floor(Math.log10(Math.max(bytes, 1)) / 3), 3), amount = bytes / 1000 ** power;
  return `${amount < 10 && power ? amount.toFixed(1) : Math.round(amount)} ${["B", "kB", "MB", "GB"][power]}`;
}

function countLines({ grid: [rows, columns], count, dim, numbers, weights, bytes, patchSize, stride, width, height }) {
  const cells = stride === patchSize ? "" : `, ${rows} = (${height} − ${patchSize}) / ${stride} + 1`;
  const image = 3 * width * height, times = numbers / image;
  const held = times === 1 ? "exactly as many as the image" : `${times.toFixed(1)} times the image’s ${grouped(image)}`;
  return [
    ["N", `${rows} × ${columns} = ${plural(count, "patch", "patches")}${cells}`],
    ["D", `3 × ${patchSize} × ${patchSize} = ${grouped(dim)} numbers each`],
    ["N · D", `${grouped(numbers)} numbers, ${held}`],
    ["A", `N² = ${plural(weights, "weight")}, ${readableBytes(bytes)} in float32`],
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

// The page, in the order of the story: settings, image, sequence, vector.

function buildControls(act) {
  return {
    photo: choice("Photograph", (photo) => act.recut({ photo })),
    patchSize: choice("Patch size P", (size) => act.recut({ patch_size: Number(size) })),
    stride: choice("Stride", (stride) => act.recut({ stride: Number(stride) })),
    shuffled: toggle("Shuffle the patches", (shuffled) => act.set({ shuffled })),
    own: { node: filePicker("Your own photo…", "image/*", act.takeOwnPhoto) },
    reset: { node: button("Reset", act.reset) },
  };
}

function buildPage(act) {
  const controls = buildControls(act), message = element("p", { class: "pw-message", role: "alert" });
  const id = `pw-${Math.random().toString(36).slice(2)}`, help = element("p", { id, hidden: true }, "Arrow keys move, Home and End jump");
  const [photo, patch, vector] = ["Patch of the image", "Pixel of the patch", "Number of the vector"].map((each) => slider(each, id));
  const strip = element("canvas", { role: "img" }), track = element("canvas", { "aria-hidden": "true" });
  const range = element("input", { type: "range", min: 0, oninput: () => act.go(Number(range.value)) });
  const sentence = element("p", { class: "pw-place" }), counts = element("div", { class: "pw-counts" });
  const number = element("p", { class: "pw-number" }), status = element("p", { class: "pw-hidden", role: "status" });
  const row = element("canvas", { "aria-hidden": "true" });
  const image = panel(id, "image", photo);
  const sequence = panel(id, "sequence", strip, element("label", { class: "pw-track" }, element("span", {}, "Place in the sequence"), track, range));
  const numbers = panel(id, "vector", element("div", { class: "pw-pair" }, patch, element("div", { class: "pw-runs" }, vector, row)), number);
  const settings = element("div", { class: "pw-controls" }, ...Object.values(controls).map(({ node }) => node));
  const root = element("div", { class: "pw-explorer pw-patches", role: "group", "aria-label": "Patch explorer" },
    element("div", { class: "pw-layout" },
      element("div", { class: "pw-side" }, settings, message),
      image.node,
      element("div", { class: "pw-reading" }, sentence, counts),
      sequence.node,
      numbers.node), help, status);
  const titles = { image: image.title, sequence: sequence.title, vector: numbers.title };
  return { root, controls, message, canvases: { photo, strip, track, patch, vector, row }, range, sentence, counts, number, status, titles };
}

// What each setting offers, the present one always among them.
function showControls(controls, { photo, patchSize, stride, shuffled }, names, name) {
  const including = (values, current) => [...new Set([...values, current])].sort((a, b) => a - b);
  const overlap = (each) => (each === patchSize ? ", no overlap" : "");
  controls.photo.show(names.map((each) => [each, each]), name);
  controls.patchSize.show(including(patchSizes(photo), patchSize).map((each) => [each, `${each} × ${each}`]), patchSize);
  controls.stride.show(including(strides(photo, patchSize), stride).map((each) => [each, `${each}${overlap(each)}`]), stride);
  controls.shuffled.show(shuffled, stride < patchSize && !shuffled ? "without overlap only" : "");
}

function showCut({ canvases, range, titles, counts }, view) {
  const { grid: [rows, columns], count, shuffled, width, height } = view, patches = plural(count, "patch", "patches");
  canvases.photo.style.aspectRatio = `${width} / ${height}`;
  range.max = count - 1;
  range.style.inset = `0 calc(${50 / count}% - 12px)`; // the thumb stands in the middle of a column of the track
  titles.image.textContent = shuffled ? "Put together from the shuffled sequence" : `The image: ${plural(rows, "row")} × ${plural(columns, "column")}`;
  titles.sequence.textContent = shuffled ? `The same ${patches}, shuffled` : `The sequence: ${patches}, row after row`;
  counts.replaceChildren(...countLines(view).map(([letter, text]) => element("p", {}, element("i", {}, letter), element("span", {}, text))));
}

function showChoice({ canvases, range, sentence, titles }, view, selected) {
  const place = view.places[selected], text = patchSentence(view, selected);
  if (sentence.textContent !== text) sentence.textContent = text;
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
const firstElement = (patchSize) => elementIndex({ channel: 1, row: patchSize >> 2, column: patchSize >> 2 }, patchSize);

function sameElement(at, before, after) {
  const { channel, row, column } = elementPlace(at, before), scaled = (value) => Math.floor((value * after) / before);
  return elementIndex({ channel, row: scaled(row), column: scaled(column) }, after);
}

// One explorer: `view` is the present cut, `shown` the number in view; `hovered…` is what the pointer is over, or null.
class PatchExplorer {
  photos = new Map();
  shown = null;
  hoveredShown = null;
  hoveredPlace = null;

  constructor(model) {
    this.model = model;
    this.first = Object.fromEntries(SETTINGS.map((name) => [name, model.get(name)]));
  }

  async decodePhotos() {
    for (const [name, data] of Object.entries(this.model.get("photos"))) {
      if (this.photos.get(name)?.data !== data) this.photos.set(name, { data, ...(await decodePhoto(data)) });
    }
  }

  get selected() { return Math.min(this.model.get("selected"), this.view.count - 1); }
  get place() { return this.view.places[this.selected]; }
  get element() { return this.hoveredShown ?? this.shown; }

  mount(el) {
    this.page = buildPage(this);
    keepKeys(this.page.root);
    el.append(this.page.root);
    const { photo, strip, track, patch, vector, row } = this.page.canvases;
    const keep = (canvas, draw) => surface(canvas, (context, width, height) => draw(context, width, height, this.drawn()));
    this.outer = [keep(photo, drawPhoto), keep(strip, drawSequence), keep(track, drawTrack)];
    this.inner = [keep(patch, drawPatch), keep(vector, drawVector), keep(row, drawNumbers)];
    this.listen();
    this.colors = themeColors(this.page.root);
    this.update();
  }

  drawn() {
    const { view, selected, place, hoveredPlace, vector, element: shown, colors } = this;
    return { view, selected, place, hoveredPlace, vector, shown, colors };
  }

  // Actions.

  set = (changes) => {
    for (const name in changes) this.model.set(name, changes[name]);
    this.model.save_changes();
  };

  go = (place) => this.set({ selected: this.view.order[clamped(place, this.view.count - 1)] });

  goRows(by) {
    const place = this.place + by * this.view.grid[1];
    if (place === clamped(place, this.view.count - 1)) this.go(place);
  }

  // A new cut keeps the reader at the same place of the picture, and the stride at the same share of P.
  recut = (changes) => {
    const { view, model } = this, photo = this.photos.get(changes.photo ?? model.get("photo")), sizes = patchSizes(photo);
    const patchSize = sizes.findLast((size) => size <= (changes.patch_size ?? view.patchSize)) ?? sizes[0];
    const wished = changes.stride ?? (view.stride * patchSize) / view.patchSize;
    const stride = strides(photo, patchSize).includes(wished) ? wished : patchSize;
    const shuffled = model.get("shuffled") && stride === patchSize; // overlapping patches out of order are a blur
    const selected = samePlace(this.selected, view, { ...photo, patchSize, stride });
    this.set({ ...changes, patch_size: patchSize, stride: stride === patchSize ? null : stride, selected, shuffled });
  };

  takeOwnPhoto = async (file) => {
    try {
      const data = await readOwnPhoto(file, OWN_SIZE);
      this.photos.set(OWN, { data, ...(await decodePhoto(data)) });
      this.page.message.textContent = "";
      this.model.set("photos", { ...this.model.get("photos"), [OWN]: data });
      this.recut({ photo: OWN });
    } catch (error) {
      this.page.message.textContent = error.message;
    }
  };

  reset = () => {
    this.page.message.textContent = "";
    this.shown = null;
    this.set(this.first);
    this.updateSoon();
  };

  hover(place) {
    if (place === this.hoveredPlace) return;
    this.hoveredPlace = place;
    this.set({ hovered: place === null ? null : this.view.order[place] });
    this.outer.forEach((each) => each.invalidate());
  }

  show(element) {
    this.shown = clamped(element, this.view.dim - 1);
    this.preview(null);
  }

  step(by) { if (this.shown + by === clamped(this.shown + by, this.view.dim - 1)) this.show(this.shown + by); }

  preview(element) {
    this.hoveredShown = element;
    this.updateNumber();
  }

  // Pointers, keys, and changes from elsewhere.

  listen() {
    const { photo, track, patch, vector } = this.page.canvases;
    const over = (find, note) => (x, y) => note.call(this, x === undefined ? null : find(x, y));
    const choosing = (canvas, find, choose, note) => onPointer(canvas, { choose: over(find, choose), hover: over(find, note) });
    choosing(photo, (x, y) => placeAt(this.view, photo, x, y), this.go, this.hover);
    choosing(track, (x) => columnAt(this.view, track, x), this.go, this.hover);
    choosing(patch, (x, y) => pixelAt(this.view, patch, this.element, x, y), this.show, this.preview);
    choosing(vector, (x, y) => elementAt(x, y, vector.clientWidth, this.view.patchSize), this.show, this.preview);
    this.listenToRows();
    this.listenToKeys(photo, patch, vector);
    this.listenToModel();
  }

  // The two rows that slide under their mark: the patches around the chosen one, the numbers around the one shown.
  listenToRows() {
    const { strip, row } = this.page.canvases, { go } = this, show = (element) => this.show(element);
    const sliding = (canvas, pitch, middle, choose, hover) => {
      let start = 0;
      onSlide(canvas, {
        grab: () => { start = middle(); },
        drag: (distance) => choose(start - Math.round(distance / pitch())),
        tap: (x) => choose(slotAt(pitch(), canvas, middle(), x)),
        hover: (x) => hover(x === undefined ? null : slotAt(pitch(), canvas, middle(), x)),
      });
    };
    const inView = (place) => (place === null ? null : clamped(place, this.view.count - 1));
    sliding(strip, () => slots(strip.clientWidth, 0, 1).pitch, () => this.place, go, (place) => this.hover(inView(place)));
    sliding(row, () => NUMBER_PITCH, () => this.shown, show, () => {});
  }

  listenToKeys(photo, patch, vector) {
    const rows = (by) => () => this.goRows(by), step = (by) => () => this.step(by(this.view.patchSize));
    onKeys(photo, {
      ArrowLeft: () => this.go(this.place - 1), ArrowRight: () => this.go(this.place + 1), ArrowUp: rows(-1), ArrowDown: rows(1),
      Home: () => this.go(0), End: () => this.go(this.view.count - 1),
    });
    const along = { ArrowLeft: step(() => -1), ArrowRight: step(() => 1), Home: () => this.show(0), End: () => this.show(this.view.dim - 1) };
    onKeys(patch, { ...along, ArrowUp: step((size) => -size), ArrowDown: step((size) => size) });
    onKeys(vector, { ...along, ArrowUp: step((size) => -(size ** 2)), ArrowDown: step((size) => size ** 2) });
  }

  listenToModel() {
    const heard = {
      [SETTINGS.map((name) => `change:${name}`).join(" ")]: () => this.updateSoon(),
      "change:photos": async () => { await this.decodePhotos(); this.update(); this.updateControls(); },
      "change:hovered": () => this.hover(this.view.places[this.model.get("hovered")] ?? null),
    };
    for (const name in heard) this.model.on(name, heard[name]);
    const forget = onThemeChange(() => this.restyle());
    this.unmount = () => {
      for (const name in heard) this.model.off(name, heard[name]);
      forget();
      [...this.outer, ...this.inner].forEach((each) => each.stop());
    };
  }

  // From the model to the page. Settings that change together are shown together.

  updateSoon() {
    this.waiting ??= Promise.resolve().then(() => { this.waiting = null; this.update(); });
  }

  restyle() {
    this.colors = themeColors(this.page.root);
    if (this.view) [...this.outer, ...this.inner].forEach((each) => each.paintNow());
  }

  update() {
    const photo = this.photos.get(this.model.get("photo")), patchSize = this.model.get("patch_size");
    if (!photo || !fits(photo, patchSize, patchSize)) return; // half of a change from Python; the other half follows
    const wished = this.model.get("stride") ?? patchSize, stride = fits(photo, patchSize, wished) ? wished : patchSize;
    this.updateCut({ photo, patchSize, stride, shuffled: this.model.get("shuffled") });
    this.vector = patchVector(photo.pixels, photo.width, patchCorner(this.selected, this.view.grid, stride), patchSize);
    showChoice(this.page, this.view, this.selected);
    this.report();
    this.updateNumber();
    this.outer.forEach((each) => each.invalidate());
  }

  // One status for what a focused slider doesn't say itself: a choice made elsewhere, a new cut. The first view says nothing.
  report() {
    const { root, status, sentence } = this.page, { grid: [rows, columns], count } = this.view;
    const cut = `${rows} × ${columns} = ${plural(count, "patch", "patches")}. `, text = `${cut === this.told ? "" : cut}${sentence.textContent}`;
    const first = this.told === undefined, said = root.querySelector("[role=slider]:focus, [type=range]:focus");
    this.told = cut;
    if (!first && !said && status.textContent !== text) status.textContent = text;
  }

  updateCut(settings) {
    const before = this.view;
    if (this.shown === null) this.shown = firstElement(settings.patchSize);
    else if (before) this.shown = sameElement(this.shown, before.patchSize, settings.patchSize);
    if (before && Object.keys(settings).every((name) => before[name] === settings[name])) return;
    this.view = cut(settings);
    this.hoveredPlace = this.hoveredShown = null;
    showCut(this.page, this.view);
    this.updateControls();
  }

  updateControls() {
    showControls(this.page.controls, this.view, [...this.photos.keys()], this.model.get("photo"));
  }

  updateNumber() {
    const { patch, vector } = this.page.canvases;
    const say = (element) => numberSentence(this.view, this.selected, element, this.vector), text = say(this.shown);
    this.page.number.textContent = this.hoveredShown === null ? text : say(this.hoveredShown);
    for (const canvas of [patch, vector]) tell(canvas, this.shown, this.view.dim - 1, text);
    this.inner.forEach((each) => each.invalidate());
  }
}

async function render({ model, el }) {
  const explorer = new PatchExplorer(model);
  await explorer.decodePhotos();
  explorer.mount(el);
  return () => explorer.unmount();
}

export default { render };
