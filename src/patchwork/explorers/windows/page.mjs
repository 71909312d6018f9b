// Attention in windows, step by step, on a photograph; how far a token hears after some blocks; what it costs.

import { gridPlace, onPointer, walkGrid } from "../common/canvas.mjs";
import {
  button,
  choice,
  clamped,
  element,
  panel,
  range,
  setText,
  showRange,
  slider,
  tell,
  toggle,
} from "../common/controls.mjs";
import {
  frame,
  messageLine,
  mounted,
  PhotoExplorer,
  pageId,
  photoControls,
  sentences,
  settingsRow,
  showPhotos,
} from "../common/explorer.mjs";
import { drawBars, drawCurve, drawGrowth } from "./charts.mjs";
import { drawReach, drawStep, drawWindow } from "./drawings.mjs";
import {
  attentionCost,
  heardSpans,
  maskRow,
  mergings,
  nearestFalse,
  shiftedToken,
  tokenRegions,
  windowIndex,
  windowSizes,
  windowTokens,
} from "./formulas.mjs";
import limits from "./limits.json" with { type: "json" };
import { drawMask, pairAt } from "./mask.mjs";
import * as words from "./words.mjs";

const { step: STEPS } = limits.choices;
const [, MOST_BLOCKS] = limits.counts.blocks;
const LARGEST_SIDE = 112; // of the square grids whose cost is shown

// What follows from the settings.

function look(photo, grid, settings, side) {
  const { window_size: windowSize, shift, step, selected: query, blocks, shifted, merging } = settings,
    moved = step !== "tokens" && step !== "unshift";
  const base = {
    photo,
    grid,
    count: grid[0] * grid[1],
    windowSize,
    shift,
    step,
    moved,
    query,
    blocks,
    shifted,
    merging,
  };
  return { ...base, ...windowOf(base), ...hearing(base), ...costOf(base, side) };
}

// The query's window: its tokens, their regions as numbers without a gap, and who may answer whom.
function windowOf({ grid, windowSize, shift, query }) {
  const window = windowIndex(query, grid, windowSize, shift),
    tokens = windowTokens(window, grid, windowSize, shift);
  const parts = tokenRegions(tokens, grid, shift),
    kinds = [...new Set(parts)],
    regions = parts.map((part) => kinds.indexOf(part));
  const row = tokens.indexOf(query),
    may = maskRow(regions, row);
  return {
    window,
    tokens,
    regions,
    row,
    may,
    answers: may.filter(Boolean).length,
    kinds: kinds.length,
    nearest: nearestFalse(may, row, windowSize),
  };
}

function hearing({ grid, windowSize, shift, query, blocks, shifted, merging }) {
  const after = (moved) =>
    Array.from({ length: MOST_BLOCKS + 1 }, (_, block) => {
      const spans = heardSpans(query, grid, { windowSize, shift: moved, blocks: block, merging });
      return { block, spans, heard: spans.reduce((product, [from, to]) => product * (to - from + 1), 1) };
    });
  const [still, rolling] = [after(0), after(shift)],
    heard = (steps) => steps.map((each) => each.heard);
  return {
    reach: shifted ? rolling : still,
    growth: { still: heard(still), shifted: heard(rolling) },
    stride: 2 ** mergings(blocks, merging),
  };
}

function costOf({ grid, windowSize, count }, side) {
  const sides = side === null ? grid : [side, side],
    { dim } = limits;
  return {
    cost: { whole: attentionCost(sides, dim), windows: attentionCost(sides, dim, windowSize) },
    sides,
    side: side ?? Math.sqrt(count),
    dim,
    largestSide: LARGEST_SIDE - (LARGEST_SIDE % windowSize),
  };
}

// The page: settings, the steps, the window and its mask, the reach, the cost.

function buildControls(act) {
  return {
    windowSize: choice(words.CHOICES.windowSize, (size) => act.recut(Number(size))),
    shift: choice(words.CHOICES.shift, (shift) => act.set({ shift: Number(shift) })),
    ...photoControls(act),
  };
}

// The five steps as one group of radio buttons, with a button to each side.
function buildSteps(act, id) {
  const radio = (step) =>
    element("input", { type: "radio", name: `${id}-step`, value: step, onchange: () => act.set({ step }) });
  const radios = Object.fromEntries(STEPS.map((step) => [step, radio(step)]));
  const labels = STEPS.map((step, index) =>
    element("label", {}, radios[step], element("b", {}, `${index + 1}`), " ", element("span", {}, words.STEPS[step])),
  );
  const legend = element("legend", { class: "pw-hidden" }, words.STEP),
    group = element("fieldset", { class: "pw-radios" }, legend, ...labels);
  const previous = button(words.BUTTONS.previous, () => act.go(-1)),
    next = button(words.BUTTONS.next, () => act.go(1));
  return { radios, node: element("div", { class: "pw-steps" }, previous, group, next) };
}

function buildCanvases(id) {
  const sliders = Object.entries(words.CANVASES).map(([name, label]) => [name, slider(label, id)]),
    pictures = ["mask", "growth", "bars", "curve"].map((name) => [name, element("canvas", { role: "img" })]);
  return Object.fromEntries([...sliders, ...pictures]);
}

function buildSettings(act, id) {
  const { blocks, side } = words.SLIDERS,
    toggles = Object.entries(words.TOGGLES).map(([name, label]) => [
      name,
      toggle(label, (value) => act.set({ [name]: value })),
    ]);
  return {
    blocks: range(blocks, limits.counts.blocks, (number) => act.set({ blocks: number }), `${id}-blocks`),
    side: range(side, [0, LARGEST_SIDE], act.resize, `${id}-side`),
    ...Object.fromEntries(toggles),
  };
}

function buildPanels(id, canvases, { blocks, side, shifted, merging }, texts) {
  const { photo, window, mask, reach, growth, bars, curve } = canvases,
    column = (...children) => element("div", {}, ...children),
    half = (...children) => element("div", { class: "pw-half" }, ...children);
  const zoom = element("div", { class: "pw-zoom" }, window, texts.neighbor),
    maskTitle = element("p", { class: "pw-title" }, words.MASK),
    formula = element("p", { class: "pw-formula" }, words.FORMULA);
  return {
    step: panel(id, "step", photo, texts.place),
    window: panel(id, "window", zoom, maskTitle, mask),
    reach: panel(id, "reach", half(reach, column(growth, blocks.node, shifted.node, merging.node, texts.heard))),
    cost: panel(id, "cost", half(column(bars, texts.price, formula), column(curve, side.node))),
  };
}

function buildPage(act) {
  const id = pageId(),
    controls = buildControls(act),
    steps = buildSteps(act, id),
    message = messageLine();
  const canvases = buildCanvases(id),
    settings = buildSettings(act, id),
    texts = sentences("place", "neighbor", "heard", "price"),
    panels = buildPanels(id, canvases, settings, texts);
  const nodes = Object.values(panels).map(({ node }) => node),
    framed = frame("windows", words.LABEL, id, settingsRow(controls), message, steps.node, ...nodes);
  return { ...framed, controls, steps, message, canvases, settings, texts, panels };
}

function showControls({ controls, steps, settings }, view, photos, photo) {
  const { grid, windowSize, shift } = view,
    shifts = Array.from({ length: windowSize }, (_, each) => [each, words.shiftText(each, windowSize)]);
  controls.windowSize.show(
    windowSizes(grid).map((size) => [size, words.sidesText([size, size])]),
    windowSize,
  );
  controls.shift.show(shifts, shift);
  showPhotos(controls.photo, photos, photo);
  steps.radios[view.step].checked = true;
  for (const name in words.TOGGLES) settings[name].show(view[name]);
}

// `pinned` is the place in the window whose token is read out, or null: the nearest false neighbor; `side` that of the
// square grid whose cost is shown, or null: the photograph's own.
class WindowExplorer extends PhotoExplorer {
  static settings = ["photo", "window_size", "shift", "step", "selected", "blocks", "shifted", "merging"];

  grid = this.model.get("grid");
  pinned = null;
  side = null;

  // The place in the window whose token is read out.
  get place() {
    const { nearest, tokens } = this.view;
    return this.pinned === null ? nearest : Math.min(this.pinned, tokens.length - 1);
  }

  get answerer() {
    return this.view.tokens[this.place];
  }

  build() {
    return buildPage(this);
  }

  draw() {
    this.hoverable = this.keepAll({ photo: drawStep, window: drawWindow, mask: drawMask });
    this.keepAll({ reach: drawReach, growth: drawGrowth, bars: drawBars, curve: drawCurve });
  }

  drawn() {
    return { ...super.drawn(), answerer: this.answerer };
  }

  // Actions.

  // After the last step the first follows: the next pair of blocks begins.
  go = (by) => {
    const next = STEPS.indexOf(this.view.step) + by;
    this.set({ step: STEPS[(next + STEPS.length) % STEPS.length] });
  };

  // A new window keeps the shift at the same share of M.
  recut = (size) => {
    const { windowSize, shift } = this.view;
    if (this.side !== null) this.side = Math.max(Math.round(this.side / size), 1) * size;
    this.pinned = null;
    this.set({ window_size: size, shift: Math.min(Math.round((shift * size) / windowSize), size - 1) });
  };

  resize = (side) => {
    this.side = side;
    this.update();
  };

  forget() {
    super.forget();
    this.pinned = this.side = null;
    this.hover(null);
  }

  pin = (place) => {
    this.pinned = clamped(place, this.view.tokens.length - 1);
    this.hover(null);
    this.updateHovered();
  };

  choosePair([row, column]) {
    this.pinned = column;
    this.ask(this.view.tokens[row]);
    this.updateHovered();
  }

  // Pointers and keys.

  listen() {
    const { photo, window, mask, reach } = this.page.canvases;
    const shown = (x, y) => this.shownAt(gridPlace(x, y, photo, this.grid)),
      inWindow = (x, y) => gridPlace(x, y, window, this.windowGrid),
      pair = (x, y) => pairAt(x, y, mask.clientWidth, this.view.tokens.length);
    onPointer(photo, { choose: (x, y) => this.ask(shown(x, y)), hover: this.over(shown) });
    onPointer(window, {
      choose: (x, y) => this.pin(inWindow(x, y)),
      hover: this.over((x, y) => this.view.tokens[inWindow(x, y)]),
    });
    onPointer(mask, {
      choose: (x, y) => this.choosePair(pair(x, y)),
      hover: this.over((x, y) => this.view.tokens[pair(x, y)[1]]),
    });
    onPointer(reach, { choose: (x, y) => this.ask(gridPlace(x, y, reach, this.grid)) });
    this.listenToKeys();
  }

  listenToKeys() {
    const { photo, window, reach } = this.page.canvases,
      grid = () => this.grid;
    walkGrid(photo, { grid, now: () => this.shownPlace, go: (place) => this.ask(this.shownAt(place)) });
    walkGrid(window, { grid: () => this.windowGrid, now: () => this.place, go: this.pin });
    walkGrid(reach, { grid, now: () => this.view.query, go: this.ask });
  }

  get windowGrid() {
    return [this.view.windowSize, this.view.windowSize];
  }

  // Between places as they are drawn at this step, and tokens.
  get shownPlace() {
    const { moved, query, shift } = this.view;
    return moved ? shiftedToken(query, this.grid, shift) : query;
  }
  shownAt(place) {
    const { moved, shift } = this.view;
    return moved ? shiftedToken(place, this.grid, -shift) : place;
  }

  // From the settings to the page.

  update() {
    const { settings, page, grid } = this,
      photo = this.pictures.get(settings.photo);
    if (!photo || settings.shift >= settings.window_size) return; // half of a change from Python; the rest follows
    this.view = look(photo, grid, settings, this.side);
    showControls(page, this.view, [...this.pictures.keys()], settings.photo);
    this.updateShapes();
    this.updateTexts();
    this.updateHovered();
    for (const each of this.surfaces) each.invalidate();
  }

  updateShapes() {
    const { photo, window, reach } = this.page.canvases,
      { width, height } = this.view.photo,
      [rows, columns] = this.grid;
    photo.style.aspectRatio = reach.style.aspectRatio = `${width} / ${height}`;
    window.style.aspectRatio = `${width / columns} / ${height / rows}`;
  }

  updateTexts() {
    const { view, page } = this,
      { canvases, panels, settings } = page,
      titles = words.titles(view);
    const told = { place: words.stepSentence(view), heard: words.heardSentence(view), price: words.costSentence(view) };
    for (const name in titles) setText(panels[name].title, titles[name]);
    tell(canvases.photo, this.shownPlace, view.count - 1, told.place);
    tell(canvases.reach, view.query, view.count - 1, told.heard);
    canvases.growth.setAttribute("aria-label", words.growthLabel(view));
    canvases.bars.setAttribute("aria-label", told.price);
    canvases.curve.setAttribute("aria-label", words.curveLabel(view, told.price));
    showRange(settings.blocks, view.blocks, told.heard);
    this.showSide(told.price);
    this.say(told);
  }

  // The slider moves by whole windows.
  showSide(price) {
    const { windowSize, largestSide, side, sides } = this.view,
      slider = this.page.settings.side;
    Object.assign(slider.control, { min: windowSize, max: largestSide, step: windowSize });
    showRange(slider, Math.round(side / windowSize) * windowSize, price, words.sidesText(sides));
  }

  updateHovered() {
    const { view, hovered, page } = this,
      { texts, canvases } = page;
    const pinned = words.pairSentence(view, this.answerer),
      elsewhere = hovered === null || hovered >= view.count;
    setText(texts.neighbor, elsewhere ? pinned : words.pairSentence(view, hovered));
    tell(canvases.window, this.place, view.tokens.length - 1, pinned);
    canvases.mask.setAttribute("aria-label", words.maskLabel(view, pinned));
    for (const each of this.hoverable) each.invalidate();
  }
}

export default mounted(WindowExplorer);
