// A kernel that can be edited: the picture it makes, one pixel's sum, its row of the relation; how far a stack of
// layers sees.

import { grayPicture, gridPlace, onPointer, walkGrid } from "../common/canvas.mjs";
import { choice, element, panel, range, setText, showRange, slider, tell } from "../common/controls.mjs";
import {
  frame,
  GrayPhotoExplorer,
  messageLine,
  mounted,
  pageId,
  pairs,
  photoControls,
  sentences,
  settingsRow,
  showPhotos,
} from "../common/explorer.mjs";
import { drawField, drawGrowth, drawInput, drawMatrix, drawOutput, drawRow } from "./drawings.mjs";
import {
  convolve,
  holdingWidth,
  neighborPlaces,
  presetKernel,
  presetName,
  presets,
  receptiveFields,
  resizedKernel,
  rowsOf,
} from "./formulas.mjs";
import limits from "./limits.json" with { type: "json" };
import * as words from "./words.mjs";

const { kernel_sizes: SIZES, largest_weight: LARGEST_WEIGHT, held: HELD } = limits;
const [, MOST_LAYERS] = limits.counts.layers;
const SMALL = 8; // pixels a side of the picture whose whole A is drawn
const LIGHT = 0.46; // from this gray on black reads better than white
const ROUNDING = 1e-12; // a sum's error, against the sum of its weights

// What follows from the settings.

function look({ gray, picture }, grid, settings, growth) {
  const { photo, boundary, selected: query, layers, stride, dilation } = settings,
    kernel = settings.kernel.flat(),
    size = settings.kernel.length;
  const base = { photo, gray, picture, grid, count: grid[0] * grid[1], kernel, size, boundary, query };
  const stack = { layers, stride, dilation, growth, field: growth[layers] };
  return {
    ...base,
    ...stack,
    ...sumOf(base),
    ...answersOf(base),
    name: presetName(kernel, size) ?? words.OWN_KERNEL,
    largest: Math.max(...kernel.map(Math.abs)) || 1,
    small: smallOf(base),
  };
}

// One pixel's sum: where its neighbors are, null for those outside, what they are, and the products.
function sumOf({ gray, grid, kernel, size, boundary, query }) {
  const places = neighborPlaces(query, grid, size, boundary),
    pixels = places.map((place) => (place === null ? 0 : gray[place]));
  return { places, pixels, products: pixels.map((pixel, index) => pixel * kernel[index]) };
}

// All answers, and how they are shown: with negative weights zero is the middle of the grays.
function answersOf({ gray, grid, kernel, boundary }) {
  const answers = convolve(gray, grid, kernel, boundary),
    signed = kernel.some((weight) => weight < 0),
    added = kernel.reduce((sum, each) => sum + Math.abs(each), 0);
  const peak = signed ? answers.reduce((most, each) => Math.max(most, Math.abs(each)), 0) : added;
  const most = peak > ROUNDING * added ? peak : 1; // a flat picture has no edges: what rounding leaves is no answer
  const levels = answers.map((answer) => (signed ? 0.5 + answer / most / 2 : answer / most));
  return { answers, signed, most, answered: grayPicture(levels, grid) };
}

// The fields of no layer, one layer, and so on: what holds most of each, from how many rows a path leads, and the
// largest share.
function fieldsOf(size, { stride, dilation }) {
  const layers = stride.map((each, layer) => ({
    size,
    stride: each,
    dilation: dilation === "doubling" ? 2 ** layer : dilation,
  }));
  return receptiveFields(layers).map((field) => ({
    ...field,
    held: holdingWidth(field.shares, HELD),
    taps: field.shares.reduce((taps, share) => taps + (share > 0), 0),
    peak: field.shares.reduce((peak, share) => Math.max(peak, share), 0),
  }));
}

// The same kernel on 8 × 8 pixels: which of its rows stands for the pixel that asks.
function smallOf({ query, grid: [rows, columns] }) {
  const row = Math.floor((Math.floor(query / columns) * SMALL) / rows),
    column = Math.floor(((query % columns) * SMALL) / columns);
  return { side: SMALL, row: row * SMALL + column };
}

// The page: settings, the pictures, the kernel and its products, the row, the matrix, the stack of layers.

function buildControls(act) {
  const { name, size, boundary } = words.CHOICES;
  return {
    name: choice(name, act.choose),
    size: choice(size, act.resize),
    boundary: choice(boundary, (each) => act.set({ boundary: each })),
    ...photoControls(act),
  };
}

// The stack of layers: how many, which of them skip every second output, and how far apart their weights lie.
function buildStack(act, id) {
  return {
    layers: range(words.LAYERS, limits.counts.layers, (layers) => act.set({ layers }), `${id}-layers`),
    strides: buildStrides(act),
    dilation: choice(words.CHOICES.dilation, (dilation) => act.set({ dilation: Number(dilation) || dilation })),
  };
}

function buildStrides(act) {
  const layers = Array.from({ length: MOST_LAYERS }, (_, layer) => layer + 1);
  const boxes = layers.map((layer) =>
    element("input", { type: "checkbox", "aria-label": words.strideLabel(layer), onchange: act.restride }),
  );
  const labels = boxes.map((box, index) => element("label", {}, element("span", {}, layers[index]), box));
  const legend = element("legend", {}, words.STRIDES);
  return { boxes, node: element("fieldset", { class: "pw-strides" }, legend, element("div", {}, ...labels)) };
}

function buildCanvases(id) {
  const sliders = Object.entries(words.CANVASES).map(([name, label]) => [name, slider(label, id)]),
    pictures = ["row", "matrix", "growth"].map((name) => [name, element("canvas", { role: "img" })]);
  return Object.fromEntries([...sliders, ...pictures]);
}

function buildPanels(id, { canvases, tables, stack, texts }) {
  const { input, output, row, matrix, field, growth } = canvases,
    { layers, strides, dilation } = stack,
    note = (text) => element("p", { class: "pw-note" }, text),
    column = (...children) => element("div", {}, ...children);
  const seen = column(field, note(words.FIELD_NOTE)),
    settings = column(growth, layers.node, strides.node, dilation.node, texts.seen);
  return {
    input: panel(id, "input", input, texts.place),
    output: panel(id, "output", output, texts.grays),
    kernel: panel(id, "kernel", tables.kernel, note(words.KERNEL_NOTE)),
    sum: panel(id, "sum", tables.products, texts.total),
    row: panel(id, "row", row, texts.listens),
    matrix: panel(id, "matrix", matrix, texts.bands),
    depth: panel(id, "depth", element("div", { class: "pw-half" }, seen, settings)),
  };
}

function buildPage(act) {
  const id = pageId(),
    controls = buildControls(act),
    message = messageLine(),
    parts = {
      canvases: buildCanvases(id),
      tables: {
        kernel: element("div", { class: "pw-kernel-table" }),
        products: element("table", { class: "pw-products" }),
      },
      stack: buildStack(act, id),
      texts: sentences("place", "grays", "total", "listens", "bands", "seen"),
    };
  const panels = buildPanels(id, parts),
    nodes = Object.values(panels).map(({ node }) => node),
    framed = frame("convolution", words.LABEL, id, settingsRow(controls), message, ...nodes);
  return { ...framed, ...parts, controls, message, panels };
}

function showControls({ controls, stack }, view, photos) {
  const names = presets(view.size),
    texts = (choices, shown) => choices.map((each) => [each, shown[each]]);
  controls.name.show(pairs(view.name === words.OWN_KERNEL ? [...names, words.OWN_KERNEL] : names), view.name);
  controls.size.show(
    SIZES.map((size) => [size, words.sizeText(size)]),
    view.size,
  );
  controls.boundary.show(texts(limits.choices.boundary, words.BOUNDARIES), view.boundary);
  showPhotos(controls.photo, photos, view.photo);
  stack.dilation.show(texts(limits.choices.dilation, words.DILATIONS), view.dilation);
  stack.strides.boxes.forEach((box, layer) => {
    box.checked = view.stride[layer] === 2;
  });
}

// One field for each weight, in the place of its offset.
function kernelFields(size, edit, leave) {
  return Array.from({ length: size ** 2 }, (_, index) => {
    const field = element("input", {
      type: "number",
      step: "any",
      min: -LARGEST_WEIGHT,
      max: LARGEST_WEIGHT,
      "aria-label": words.offsetLabel(index, size),
      oninput: () => edit(index, field),
      onblur: leave,
    });
    return field;
  });
}

// While a field is typed in, “0.” stays “0.”, and what is no weight stays too.
function showWeight(field, weight) {
  const typing = field.matches(":focus");
  if (typing && (field.valueAsNumber === weight || field.hasAttribute("aria-invalid"))) return;
  field.removeAttribute("aria-invalid");
  field.value = words.typedWeight(weight);
}

function productCells(size) {
  const part = (name) => element("span", { class: `pw-${name}-part` });
  return Array.from({ length: size ** 2 }, () => {
    const [pixel, weight, product] = ["pixel", "weight", "product"].map(part);
    return { pixel, weight, product, node: element("td", {}, pixel, weight, product) };
  });
}

// A pixel as a number on its own gray, or null where it lies outside.
function showPixel(node, gray) {
  setText(node, words.pixelText(gray));
  node.style.background = gray === null ? "" : `rgb(${Array(3).fill(Math.round(255 * gray))})`;
  node.dataset.tone = gray === null ? "none" : gray > LIGHT ? "light" : "dark";
}

// A weight's tint: its sign, and its share of the largest.
function tint(node, weight, largest) {
  node.dataset.sign = Math.sign(weight);
  node.style.setProperty("--share", `${Math.round((55 * Math.abs(weight)) / largest)}%`);
}

class ConvolutionExplorer extends GrayPhotoExplorer {
  static settings = ["photo", "kernel", "boundary", "selected", "layers", "stride", "dilation"];

  fields = [];
  cells = [];

  get grid() {
    return this.pictures.get(this.first.photo).size;
  }

  build() {
    return buildPage(this);
  }

  draw() {
    this.hoverable = this.keepAll({ input: drawInput, output: drawOutput, row: drawRow });
    this.keepAll({ matrix: drawMatrix, field: drawField, growth: drawGrowth });
    for (const name of ["input", "output", "row", "field"])
      this.page.canvases[name].style.aspectRatio = `${this.grid[1]} / ${this.grid[0]}`;
  }

  // Actions.

  choose = (name) => {
    if (name !== words.OWN_KERNEL) this.setKernel(presetKernel(name, this.view.size));
  };

  resize = (size) => this.set({ kernel: resizedKernel(this.model.get("kernel"), Number(size)) });

  // A field that holds no weight, such as an empty one, changes nothing.
  edit = (index, field) => {
    const weight = field.valueAsNumber,
      fits = Math.abs(weight) <= LARGEST_WEIGHT;
    field.toggleAttribute("aria-invalid", !fits);
    if (fits) this.setKernel(this.view.kernel.map((each, other) => (other === index ? weight : each)));
  };

  setKernel(flat) {
    this.set({ kernel: rowsOf(flat, this.view.size) });
  }

  restride = () => this.set({ stride: this.page.stack.strides.boxes.map((box) => (box.checked ? 2 : 1)) });

  forget() {
    super.forget();
    this.hover(null);
  }

  // Pointers and keys.

  listen() {
    const { input, output, row, matrix, field } = this.page.canvases,
      pixel = (canvas) => (x, y) => gridPlace(x, y, canvas, this.grid),
      chosen = (canvas) => (x, y) => this.ask(pixel(canvas)(x, y));
    for (const canvas of [input, output, row])
      onPointer(canvas, { choose: chosen(canvas), hover: this.over(pixel(canvas)) });
    onPointer(field, { choose: chosen(field) });
    onPointer(matrix, { choose: (_, y) => this.ask(this.large(gridPlace(0, y, matrix, [SMALL ** 2, 1]))) });
    for (const canvas of [input, output, field])
      walkGrid(canvas, { grid: () => this.grid, now: () => this.view.query, go: this.ask });
  }

  // The pixel in the middle of the part of the picture that a row of the small matrix stands for.
  large(small) {
    const [row, column] = [Math.floor(small / SMALL), small % SMALL].map((place, axis) =>
      Math.floor(((place + 0.5) * this.grid[axis]) / SMALL),
    );
    return row * this.grid[1] + column;
  }

  // From the settings to the page.

  update() {
    const { settings, page } = this,
      photo = this.pictures.get(settings.photo);
    if (!photo) return; // half of a change from Python; the other half follows
    this.view = look(photo, this.grid, settings, this.growth(settings));
    showControls(page, this.view, [...this.pictures.keys()]);
    this.updateKernel();
    this.updateProducts();
    this.updateTexts();
    this.updateHovered();
    for (const each of this.surfaces) each.invalidate();
  }

  // The fields of all layers, which a new pixel, weight or picture leaves as they are.
  growth({ kernel: { length: size }, stride, dilation }) {
    const key = [size, dilation, ...stride].join();
    if (key !== this.grown?.key) this.grown = { key, fields: fieldsOf(size, { stride, dilation }) };
    return this.grown.fields;
  }

  updateKernel() {
    const { kernel, size, largest } = this.view,
      table = this.page.tables.kernel;
    if (this.fields.length !== kernel.length) {
      this.fields = kernelFields(size, this.edit, () => this.updateKernel());
      table.style.setProperty("--size", size);
      table.replaceChildren(...this.fields);
    }
    this.fields.forEach((field, index) => {
      tint(field, kernel[index], largest);
      showWeight(field, kernel[index]);
    });
  }

  updateProducts() {
    const { kernel, size, pixels, places, products, largest } = this.view,
      table = this.page.tables.products;
    if (this.cells.length !== kernel.length) {
      this.cells = productCells(size);
      const rows = rowsOf(this.cells, size).map((cells) => element("tr", {}, ...cells.map(({ node }) => node)));
      table.dataset.size = size;
      table.replaceChildren(...rows);
    }
    this.cells.forEach(({ pixel, weight, product }, index) => {
      showPixel(pixel, places[index] === null ? null : pixels[index]);
      setText(weight, words.timesText(kernel[index]));
      tint(weight, kernel[index], largest);
      setText(product, words.productText(products[index]));
    });
  }

  updateTexts() {
    const { view, page } = this,
      { canvases, panels, stack } = page,
      titles = words.titles(view);
    const told = {
      place: words.placeSentence(view),
      grays: words.graySentence(view),
      total: words.totalSentence(view),
      bands: words.matrixSentence(view),
      seen: words.fieldSentence(view),
    };
    for (const name in titles) setText(panels[name].title, titles[name]);
    for (const [name, text] of [
      ["input", told.place],
      ["output", told.place],
      ["field", told.seen],
    ])
      tell(canvases[name], view.query, view.count - 1, text);
    showRange(stack.layers, view.layers, told.seen);
    canvases.row.setAttribute("aria-label", words.rowSentence(view));
    canvases.matrix.setAttribute("aria-label", told.bands);
    canvases.growth.setAttribute("aria-label", words.growthLabel(view));
    this.say(told);
  }

  updateHovered() {
    const { view, hovered, page } = this,
      elsewhere = hovered === null || hovered >= view.count;
    setText(page.texts.listens, elsewhere ? words.rowSentence(view) : words.pairSentence(view, hovered));
    for (const each of this.hoverable) each.invalidate();
  }
}

export default mounted(ConvolutionExplorer);
