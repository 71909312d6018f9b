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
import { grouped, placeText, plural } from "../common/words.mjs";
import { drawField, drawGrowth, drawInput, drawMatrix, drawOutput, drawRow } from "./drawings.mjs";
import { convolve, holdingWidth, neighborPlaces, presetKernel, receptiveFields } from "./formulas.mjs";

const PRESETS = [
  "identity",
  "mean",
  "Gaussian",
  "sharpen",
  "edge left–right",
  "edge top–bottom",
  "Laplacian",
  "shift by one",
];
const BOUNDARIES = [
  ["zero", "zero outside"],
  ["circular", "circular"],
];
const DILATIONS = [
  ["1", "1"],
  ["2", "2 in every layer"],
  ["doubling", "doubling: 1, 2, 4, …"],
];
const OWN_KERNEL = "your own",
  SIZES = [1, 3, 5],
  MOST_LAYERS = 8,
  HELD = 0.95,
  SMALL = 8,
  LARGEST_WEIGHT = 99;
const LIGHT = 0.46; // from this gray on black reads better than white
const ROUNDING = 1e-12; // a sum's error, against the sum of its weights

// What follows from the settings.

const presets = (size) => (size === 1 ? PRESETS.slice(0, 1) : PRESETS);
const rowsOf = (kernel, size) => Array.from({ length: size }, (_, row) => kernel.slice(row * size, (row + 1) * size));
const nameOf = (kernel, size) =>
  presets(size).find((name) => presetKernel(name, size).every((weight, at) => Math.abs(weight - kernel[at]) < 1e-9)) ??
  OWN_KERNEL;

function look({ gray, picture }, grid, settings, growth) {
  const { photo, boundary, selected: query } = settings,
    kernel = settings.kernel.flat(),
    size = settings.kernel.length;
  const places = neighborPlaces(query, grid, size, boundary),
    pixels = places.map((place) => (place === null ? 0 : gray[place]));
  const products = pixels.map((pixel, at) => pixel * kernel[at]),
    largest = Math.max(...kernel.map(Math.abs)) || 1;
  const base = {
    photo,
    gray,
    picture,
    grid,
    count: grid[0] * grid[1],
    kernel,
    size,
    name: nameOf(kernel, size),
    boundary,
    query,
    places,
    pixels,
    products,
    largest,
  };
  return { ...base, ...answersOf(base), ...seen(settings, growth), small: smallOf(base) };
}

// All answers, and how they are shown: with negative weights zero is the middle of the grays.
function answersOf({ gray, grid, kernel, boundary }) {
  const answers = convolve(gray, grid, kernel, boundary),
    signed = kernel.some((weight) => weight < 0),
    added = kernel.reduce((sum, each) => sum + Math.abs(each), 0);
  const peak = signed ? answers.reduce((found, each) => Math.max(found, Math.abs(each)), 0) : added;
  const most = peak > ROUNDING * added ? peak : 1; // a flat picture has no edges: what rounding leaves is no answer to show
  const levels = answers.map((answer) => (signed ? 0.5 + answer / most / 2 : answer / most));
  return { answers, signed, most, answered: grayPicture(levels, grid) };
}

const dilationOf = (dilation, layer) => (dilation === "doubling" ? 2 ** layer : dilation);

const seen = ({ layers, stride, dilation }, growth) => ({ layers, stride, dilation, growth, field: growth[layers] });

// The fields of no layer, one layer, and so on: what holds most of each, from how many rows a path leads, and the
// largest share.
function fieldsOf(size, { stride, dilation }) {
  const fields = receptiveFields(
    stride.map((each, layer) => ({ size, stride: each, dilation: dilationOf(dilation, layer) })),
  );
  return fields.map((field) => {
    let taps = 0,
      peak = 0;
    for (const share of field.shares) {
      taps += share > 0;
      peak = Math.max(peak, share);
    }
    return { ...field, held: holdingWidth(field.shares, HELD), taps, peak };
  });
}

// The same kernel on 8 × 8 pixels: which of its rows stands for the pixel that asks.
function smallOf({ query, grid: [rows, columns] }) {
  const row = Math.floor((Math.floor(query / columns) * SMALL) / rows),
    column = Math.floor(((query % columns) * SMALL) / columns);
  return { side: SMALL, row: row * SMALL + column };
}

// Another K: a named kernel keeps its name, one's own its middle.
function resized(kernel, size) {
  const from = kernel.length,
    name = nameOf(kernel.flat(), from),
    margin = (size - from) / 2;
  if (name !== OWN_KERNEL) return rowsOf(presetKernel(presets(size).includes(name) ? name : "identity", size), size);
  return Array.from({ length: size }, (_, row) =>
    Array.from({ length: size }, (_, column) => kernel[row - margin]?.[column - margin] ?? 0),
  );
}

// Words and numbers.

const signs = (text) => text.replace(/^-(0(?:\.0*)?)$/, "$1").replaceAll("-", "−");
const fixed = (number, decimals = 3) => signs(number.toFixed(decimals));
const decimals = (number) => (Math.abs(number) < 9.9995 ? 3 : 2); // what a cell has room for
const brief = (weight) =>
  signs(String(Number(weight.toFixed(decimals(weight))) || (weight && weight.toExponential(0))));
const typed = (weight) => Number(weight.toFixed(4)) || Number(weight.toPrecision(2));
const pixelText = (pixel, grid) => `Pixel ${pixel} (${placeText(pixel, grid)})`;

const placeSentence = ({ query, grid, gray, answers }) =>
  `${pixelText(query, grid)} is ${fixed(gray[query])}; its answer is ${fixed(answers[query])}.`;

function graySentence({ signed, most, kernel }) {
  if (signed) return `Zero is the middle gray, black ${fixed(-most)}, white ${fixed(most)}.`;
  return kernel.some((weight) => weight > 0)
    ? `Black is 0, white ${fixed(most)}, the sum of the weights.`
    : "Every weight is 0, and so is every answer: black.";
}

function totalSentence({ products, places, boundary }) {
  const sum = (keep) => products.filter(keep).reduce((total, each) => total + each, 0),
    outside = places.filter((place) => place === null).length;
  const left =
    outside && boundary === "zero"
      ? ` ${plural(outside, "neighbor")} outside ${outside === 1 ? "counts" : "count"} as 0.`
      : "";
  return `Products above zero ${fixed(sum((each) => each > 0))}, below ${fixed(sum((each) => each < 0))}: the answer is ${fixed(sum(() => true))}.${left}`;
}

function rowSentence({ query, count, places, kernel }) {
  const heard = places.filter((place, at) => place !== null && kernel[at] !== 0).length;
  return `Row ${query} of A: ${heard} of ${grouped(count)} weights ${heard === 1 ? "is" : "are"} not zero. Every row holds the same kernel, at its own place.`;
}

function pairSentence({ grid, query, places, kernel, gray }, pixel) {
  const at = places.indexOf(pixel),
    name = pixelText(pixel, grid);
  if (at < 0) return `${name} is not in the neighborhood: its weight in row ${query} is 0.`;
  return `${name} is ${fixed(gray[pixel])}; its weight in row ${query} is ${brief(kernel[at])}.`;
}

function matrixSentence({ boundary, small: { side, row } }) {
  const border = boundary === "circular" ? "the bands go on from the other side" : "what would lie outside is missing";
  return `On ${side} × ${side} pixels A has ${side ** 2} rows. Row ${row} is outlined: this place. Each row is the one above, one pixel further; at the edges ${border}.`;
}

function fieldSentence({ layers, field, size, grid }) {
  const { size: sees, held, jump, taps } = field,
    one = layers === 1,
    wide = sees > Math.max(...grid) ? ", more than the picture" : "";
  const holes = taps < sees ? `, and ${one ? "asks" : "ask"} only ${grouped(taps ** 2)} of them` : "";
  return `${plural(layers, "layer")} of ${size} × ${size} ${one ? "sees" : "see"} ${grouped(sees)} × ${grouped(sees)} pixels${wide}${holes}; ${grouped(held)} × ${grouped(held)} hold 95\u202f% of the influence. Outputs stand ${plural(jump, "pixel")} apart.`;
}

// The page: settings, the pictures, the kernel and its products, the row, the matrix, the stack of layers.

function buildControls(act) {
  return {
    name: choice("Kernel", (name) => act.choose(name)),
    size: choice("Size K", (size) => act.set({ kernel: resized(act.model.get("kernel"), Number(size)) })),
    boundary: choice("Boundary", (boundary) => act.set({ boundary })),
    ...photoControls(act),
  };
}

// Which layers skip every second output.
function buildStrides(act) {
  const boxes = Array.from({ length: MOST_LAYERS }, (_, layer) =>
    element("input", {
      type: "checkbox",
      "aria-label": `Stride 2 in layer ${layer + 1}`,
      onchange: () => act.restride(),
    }),
  );
  const labels = boxes.map((box, layer) => element("label", {}, element("span", {}, layer + 1), box));
  return {
    boxes,
    node: element(
      "fieldset",
      { class: "pw-strides" },
      element("legend", {}, "Stride 2 in layer"),
      element("div", {}, ...labels),
    ),
  };
}

function buildPage(act) {
  const id = pageId(),
    controls = buildControls(act),
    message = messageLine();
  const [input, output, field] = ["Pixel that asks", "Its answer", "Output that listens"].map((each) =>
    slider(each, id),
  );
  const [row, matrix, growth] = Array.from({ length: 3 }, () => element("canvas", { role: "img" }));
  const texts = sentences("place", "grays", "total", "listens", "bands", "seen");
  const kernel = element("div", { class: "pw-kernel-table" }),
    products = element("table", { class: "pw-products" });
  const strides = buildStrides(act),
    dilation = choice("Dilation", (each) => act.set({ dilation: Number(each) || each }));
  const layers = range("Layers L", [1, MOST_LAYERS], (number) => act.set({ layers: number }), `${id}-layers`);
  const panels = {
    input: panel(id, "input", input, texts.place),
    output: panel(id, "output", output, texts.grays),
    kernel: panel(
      id,
      "kernel",
      kernel,
      element(
        "p",
        { class: "pw-note" },
        `Each weight, −${LARGEST_WEIGHT} to ${LARGEST_WEIGHT}, lies over the pixel it multiplies: a correlation, as in F.conv2d, the kernel is not flipped.`,
      ),
    ),
    sum: panel(id, "sum", products, texts.total),
    row: panel(id, "row", row, texts.listens),
    matrix: panel(id, "matrix", matrix, texts.bands),
    depth: panel(
      id,
      "depth",
      element(
        "div",
        { class: "pw-half" },
        element(
          "div",
          {},
          field,
          element(
            "p",
            { class: "pw-note" },
            "Color: the share of all paths through the layers that start at a pixel. For random weights this is its share in the expected squared gradient. Frame: all they see; dashed: 95\u202f%.",
          ),
        ),
        element("div", {}, growth, layers.node, strides.node, dilation.node, texts.seen),
      ),
    ),
  };
  const framed = frame(
    "convolution",
    "Convolution explorer",
    id,
    settingsRow(controls),
    message,
    ...Object.values(panels).map(({ node }) => node),
  );
  return {
    ...framed,
    controls,
    message,
    canvases: { input, output, row, matrix, field, growth },
    texts,
    kernel,
    products,
    strides,
    dilation,
    layers,
    panels,
  };
}

function showControls({ controls, strides, dilation }, view, photos) {
  controls.name.show(
    pairs(view.name === OWN_KERNEL ? [...presets(view.size), OWN_KERNEL] : presets(view.size)),
    view.name,
  );
  controls.size.show(
    SIZES.map((size) => [size, `${size} × ${size}`]),
    view.size,
  );
  controls.boundary.show(BOUNDARIES, view.boundary);
  showPhotos(controls.photo, photos, view.photo);
  dilation.show(DILATIONS, view.dilation);
  strides.boxes.forEach((box, layer) => {
    box.checked = view.stride[layer] === 2;
  });
}

function showTitles(panels, { query, size, layers }) {
  const titles = {
    input: "Pixels, in gray",
    output: "All answers",
    kernel: `The kernel, ${plural(size ** 2, "weight")}`,
    sum: "One answer: pixels × weights",
    row: `Row ${query} of A, as a map`,
    matrix: "The whole A, on a small picture",
    depth: `How far ${plural(layers, "layer")} see${layers === 1 ? "s" : ""}`,
  };
  for (const each in titles) setText(panels[each].title, titles[each]);
}

const offsetText = (at, size) =>
  [Math.floor(at / size), at % size].map((each) => signs(String(each - (size - 1) / 2))).join(", ");

// One field for each weight, in the place of its offset.
function kernelFields(size, edit, leave) {
  return Array.from({ length: size ** 2 }, (_, at) => {
    const field = element("input", {
      type: "number",
      step: "any",
      min: -LARGEST_WEIGHT,
      max: LARGEST_WEIGHT,
      "aria-label": `Weight at offset (${offsetText(at, size)})`,
      oninput: () => edit(at, field),
      onblur: leave,
    });
    return field;
  });
}

function productCells(size) {
  const parts = () => ["pixel", "weight", "product"].map((name) => element("span", { class: `pw-${name}-part` }));
  return Array.from({ length: size ** 2 }, () => {
    const [pixel, weight, product] = parts();
    return { pixel, weight, product, node: element("td", {}, pixel, weight, product) };
  });
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
    this.asking = this.keepAll({ input: drawInput, output: drawOutput, row: drawRow });
    this.keepAll({ matrix: drawMatrix, field: drawField, growth: drawGrowth });
    for (const name of ["input", "output", "row", "field"])
      this.page.canvases[name].style.aspectRatio = `${this.grid[1]} / ${this.grid[0]}`;
  }

  // Actions.

  choose = (name) => {
    if (name !== OWN_KERNEL) this.set({ kernel: rowsOf(presetKernel(name, this.view.size), this.view.size) });
  };

  // A field that holds no weight, such as an empty one, changes nothing.
  edit = (at, field) => {
    const weight = field.valueAsNumber,
      fits = Math.abs(weight) <= LARGEST_WEIGHT;
    field.toggleAttribute("aria-invalid", !fits);
    if (fits) this.set({ kernel: rowsOf(Object.assign([...this.view.kernel], { [at]: weight }), this.view.size) });
  };

  restride = () => this.set({ stride: this.page.strides.boxes.map((box) => (box.checked ? 2 : 1)) });

  forget() {
    super.forget();
    this.hover(null);
  }

  // Pointers and keys.

  listen() {
    const { input, output, row, matrix, field } = this.page.canvases,
      at = (canvas) => (x, y) => gridPlace(x, y, canvas, this.grid);
    const chosen = (canvas) => (x, y) => this.ask(at(canvas)(x, y));
    for (const canvas of [input, output, row])
      onPointer(canvas, { choose: chosen(canvas), hover: this.over(at(canvas)) });
    onPointer(field, { choose: chosen(field) });
    onPointer(matrix, { choose: (_, y) => this.ask(this.large(Math.floor(gridPlace(0, y, matrix, [SMALL ** 2, 1])))) });
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
    showTitles(page.panels, this.view);
    this.updateKernel();
    this.updateProducts();
    this.updateTexts();
    this.updateHovered();
    this.surfaces.forEach((each) => {
      each.invalidate();
    });
  }

  // The fields of all layers, which a new pixel, weight or picture leaves as they are.
  growth({ kernel: { length: size }, stride, dilation }) {
    const key = [size, dilation, ...stride].join();
    if (key !== this.grown?.key) this.grown = { key, fields: fieldsOf(size, { stride, dilation }) };
    return this.grown.fields;
  }

  updateKernel() {
    const {
      view: { kernel, size, largest },
      page,
    } = this;
    if (this.fields.length !== kernel.length) {
      this.fields = kernelFields(size, this.edit, () => this.updateKernel());
      page.kernel.style.setProperty("--size", size);
      page.kernel.replaceChildren(...this.fields);
    }
    this.fields.forEach((field, at) => {
      tint(field, kernel[at], largest);
      if (field === document.activeElement && !(field.valueAsNumber !== kernel[at])) return; // typing goes on: “0.” stays “0.”
      if (field === document.activeElement && field.hasAttribute("aria-invalid")) return;
      field.removeAttribute("aria-invalid");
      field.value = typed(kernel[at]);
    });
  }

  updateProducts() {
    const {
      view: { kernel, size, pixels, places, products, largest },
      page,
    } = this;
    if (this.cells.length !== kernel.length) {
      this.cells = productCells(size);
      page.products.dataset.size = size;
      page.products.replaceChildren(
        ...rowsOf(this.cells, size).map((cells) => element("tr", {}, ...cells.map(({ node }) => node))),
      );
    }
    this.cells.forEach(({ pixel, weight, product }, at) => {
      setText(pixel, places[at] === null ? "outside" : fixed(pixels[at]));
      pixel.style.background = places[at] === null ? "" : `rgb(${Array(3).fill(Math.round(255 * pixels[at]))})`;
      pixel.dataset.tone = places[at] === null ? "none" : pixels[at] > LIGHT ? "light" : "dark";
      setText(weight, `× ${brief(kernel[at])}`);
      tint(weight, kernel[at], largest);
      setText(product, `= ${fixed(products[at], decimals(products[at]))}`);
    });
  }

  updateTexts() {
    const {
      view,
      page: { canvases, layers },
    } = this;
    const told = {
      place: placeSentence(view),
      grays: graySentence(view),
      total: totalSentence(view),
      bands: matrixSentence(view),
      seen: fieldSentence(view),
    };
    for (const name of ["input", "output", "field"])
      tell(canvases[name], view.query, view.count - 1, name === "field" ? told.seen : told.place);
    showRange(layers, view.layers, told.seen);
    const sizes = (name) =>
      view.growth
        .slice(1)
        .map((each) => each[name])
        .join(", ");
    const pictures = {
      row: rowSentence(view),
      matrix: told.bands,
      growth: `After 1 to ${MOST_LAYERS} layers. All they see: ${sizes("size")} pixels. 95\u202f% of the influence: ${sizes("held")} pixels.`,
    };
    for (const name in pictures) canvases[name].setAttribute("aria-label", pictures[name]);
    this.say(told);
  }

  updateHovered() {
    const {
      view,
      hovered,
      page: { texts },
    } = this;
    setText(texts.listens, hovered === null || hovered >= view.count ? rowSentence(view) : pairSentence(view, hovered));
    this.asking.forEach((each) => {
      each.invalidate();
    });
  }
}

export default mounted(ConvolutionExplorer);
