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
import { divides } from "../common/formulas.mjs";
import { placeText, plural } from "../common/words.mjs";
import { drawBars, drawCurve, drawGrowth, drawMask, drawReach, drawStep, drawWindow, pairAt } from "./drawings.mjs";
import {
  attentionCost,
  heardSpans,
  maskRow,
  shiftedToken,
  tokenRegions,
  windowIndex,
  windowTokens,
} from "./formulas.mjs";

const STEPS = { tokens: "Tokens", shift: "Shift", windows: "Windows", mask: "Mask", unshift: "Shift back" };
const MOST_BLOCKS = 8,
  LARGEST_WINDOW = 16,
  LARGEST_SIDE = 112,
  DIM = 96;

// What follows from the settings.

const windowSizes = (grid) => {
  const sizes = Array.from({ length: LARGEST_WINDOW - 1 }, (_, at) => at + 2);
  return sizes.filter((size) => size < Math.min(...grid) && grid.every((length) => divides(size, length)));
};

function look(photo, grid, settings, side) {
  const { window_size: windowSize, shift, step, selected: query, blocks, shifted, merging } = settings;
  const moved = step !== "tokens" && step !== "unshift",
    count = grid[0] * grid[1];
  const base = { photo, grid, count, windowSize, shift, step, moved, query, blocks, shifted, merging };
  return { ...base, ...windowOf(base), ...hearing(base), ...costOf(base, side) };
}

// How many rows and columns lie between two places.
const apart = (one, other, columns) =>
  [Math.floor(one / columns) - Math.floor(other / columns), (one % columns) - (other % columns)].map(Math.abs);

// The query's window: its tokens, their regions as numbers without a gap, and who may answer whom.
function windowOf({ grid, windowSize, shift, query }) {
  const window = windowIndex(query, grid, windowSize, shift),
    tokens = windowTokens(window, grid, windowSize, shift);
  const parts = tokenRegions(tokens, grid, shift),
    kinds = [...new Set(parts)],
    regions = parts.map((part) => kinds.indexOf(part));
  const row = tokens.indexOf(query),
    may = maskRow(regions, row),
    answers = may.filter(Boolean).length;
  return {
    window,
    tokens,
    regions,
    row,
    may,
    answers,
    kinds: kinds.length,
    nearest: nearestFalse(may, row, windowSize),
  };
}

// The place of the false neighbor that stands nearest in the window; without one, of the token that stands furthest.
function nearestFalse(may, row, windowSize) {
  const far = (place) => apart(place, row, windowSize).reduce((sum, each) => sum + each, 0),
    places = may.map((_, place) => place);
  const others = places.filter((place) => !may[place]);
  return (others.length ? others : places).reduce((best, place) =>
    (others.length ? far(place) < far(best) : far(place) > far(best)) ? place : best,
  );
}

function hearing({ grid, windowSize, shift, query, blocks, shifted, merging }) {
  const after = (moved) =>
    Array.from({ length: MOST_BLOCKS + 1 }, (_, block) => {
      const spans = heardSpans(query, grid, { windowSize, shift: moved ? shift : 0, blocks: block, merging });
      return { block, spans, heard: spans.reduce((product, [from, to]) => product * (to - from + 1), 1) };
    });
  const [still, rolling] = [after(false), after(true)],
    heard = (each) => each.map((one) => one.heard);
  const stride = merging ? 2 ** (Math.max(blocks - 1, 0) >> 1) : 1;
  return { reach: shifted ? rolling : still, growth: { still: heard(still), shifted: heard(rolling) }, stride };
}

function costOf({ grid, windowSize, count }, side) {
  const sides = side === null ? grid : [side, side];
  const cost = { whole: attentionCost(sides, DIM), windows: attentionCost(sides, DIM, windowSize) };
  return {
    cost,
    sides,
    side: side ?? Math.sqrt(count),
    dim: DIM,
    largestSide: LARGEST_SIDE - (LARGEST_SIDE % windowSize),
  };
}

// Words and numbers.

const tokenText = (token, grid) => `Token ${token} (${placeText(token, grid)})`;

function stepSentence(view) {
  const { grid, shift, query, window, windowSize, tokens, answers, kinds, step } = view,
    whole = tokens.length;
  const asks = tokenText(query, grid),
    size = `${windowSize} × ${windowSize}`,
    others = whole - answers;
  const parts = kinds > 1 ? `from ${kinds} regions of the photograph` : "which lie together in the photograph too";
  const now = shift
    ? `now stands at ${placeText(shiftedToken(query, grid, shift), grid)}: the grid moved up and left by ${shift}, around the border`
    : "stays where it is: nothing moves by a shift of 0";
  const masked = others
    ? `${answers} of ${whole} ${answers === 1 ? "answers" : "answer"}, ${others} are false neighbors and masked`
    : `all ${whole} answer, nothing is masked`;
  const around = others
    ? `${answers === 1 ? "it answers alone" : `the ${answers} that answer lie around it`}, the ${others} false neighbors on other sides of the photograph`
    : `all ${whole} that answer lie around it`;
  return {
    tokens: `${asks} asks. The ${kinds > 1 ? "frames hold" : "frame holds"} the ${whole} tokens of its window, ${parts}.`,
    shift: `${asks} ${now}.`,
    windows: `${asks} is in window ${window}: ${size} tokens ${parts}.`,
    mask: `${asks} is in window ${window}, with ${whole} tokens ${parts}: ${masked}.`,
    unshift: `${asks} is back in its place: ${around}.`,
  }[step];
}

function apartText(one, other, columns) {
  const counts = apart(one, other, columns).map((count, axis) => (count ? plural(count, ["row", "column"][axis]) : ""));
  return counts.filter(Boolean).join(" and ");
}

function pairSentence(view, token) {
  const { grid, query, tokens, regions, kinds, row, may, window, windowSize } = view,
    place = tokens.indexOf(token);
  if (token === query) return `Token ${token} answers itself.`;
  const name = tokenText(token, grid);
  if (place < 0) return `${name} is in another window: it is not asked.`;
  if (may[place])
    return `${name} answers: same window${kinds > 1 ? `, region ${regions[place] + 1} like token ${query}` : ""}.`;
  const near = apartText(place, row, windowSize),
    far = apartText(token, query, grid[1]);
  return `${name}, region ${regions[place] + 1}, is a false neighbor: ${near} away in window ${window}, ${far} in the photograph.`;
}

function reachSentence({ query, blocks, reach, count, stride, growth, shifted }) {
  const { heard } = reach[blocks],
    merged = stride > 1 ? `, as part of a merged token of ${stride} × ${stride},` : "";
  const other = shifted ? `without shift ${growth.still[blocks]}` : `with shift ${growth.shifted[blocks]}`;
  return `After ${plural(blocks, "block")} token ${query}${merged} has heard of ${heard} of ${count} tokens; ${other}.`;
}

const readable = (number) => {
  const [power, unit] = number >= 1e9 ? [1e9, "billion"] : number >= 1e6 ? [1e6, "million"] : [1e3, "thousand"];
  return `${(number / power).toPrecision(3)} ${unit}`;
};

function costSentence({ cost: { whole, windows }, sides: [rows, columns], windowSize }) {
  const times = whole.total === windows.total ? "" : `${(whole.total / windows.total).toFixed(1)} times `;
  return `${rows} × ${columns} tokens: global attention takes ${readable(whole.total)} multiply-adds, ${times}as many as windows of ${windowSize} × ${windowSize} with ${readable(windows.total)}.`;
}

// The page: settings, the steps, the window and its mask, the reach, the cost.

function buildControls(act) {
  return {
    windowSize: choice("Window size M", (size) => act.recut(Number(size))),
    shift: choice("Shift u", (shift) => act.set({ shift: Number(shift) })),
    ...photoControls(act),
  };
}

// The five steps as one group of radio buttons, with a button to each side.
function buildSteps(act, id) {
  const radios = Object.fromEntries(
    Object.keys(STEPS).map((step) => [
      step,
      element("input", { type: "radio", name: `${id}-step`, value: step, onchange: () => act.set({ step }) }),
    ]),
  );
  const labels = Object.entries(STEPS).map(([step, name], at) =>
    element("label", {}, radios[step], element("b", {}, `${at + 1}`), " ", element("span", {}, name)),
  );
  const group = element(
    "fieldset",
    { class: "pw-radios" },
    element("legend", { class: "pw-hidden" }, "Step"),
    ...labels,
  );
  return {
    radios,
    node: element(
      "div",
      { class: "pw-steps" },
      button("Previous", () => act.go(-1)),
      group,
      button("Next", () => act.go(1)),
    ),
  };
}

function buildPage(act) {
  const id = pageId(),
    controls = buildControls(act),
    steps = buildSteps(act, id),
    message = messageLine();
  const [photo, window, reach] = ["Token that asks", "Token of its window", "Token that listens"].map((each) =>
    slider(each, id),
  );
  const [mask, growth, bars, curve] = Array.from({ length: 4 }, () => element("canvas", { role: "img" }));
  const texts = sentences("place", "neighbor", "heard", "price");
  const blocks = range("Blocks L", [0, MOST_BLOCKS], (number) => act.set({ blocks: number }), `${id}-blocks`);
  const side = range("Side of the grid, in tokens", [0, LARGEST_SIDE], act.resize, `${id}-side`);
  const toggles = {
    shifted: toggle("Shift every second block", (shifted) => act.set({ shifted })),
    merging: toggle("Merge 2 × 2 after every two blocks", (merging) => act.set({ merging })),
  };
  const panels = {
    step: panel(id, "step", photo, texts.place),
    window: panel(
      id,
      "window",
      element("div", { class: "pw-zoom" }, window, texts.neighbor),
      element("p", { class: "pw-title" }, "Its mask: row asks, column answers"),
      mask,
    ),
    reach: panel(
      id,
      "reach",
      element(
        "div",
        { class: "pw-half" },
        reach,
        element("div", {}, growth, blocks.node, toggles.shifted.node, toggles.merging.node, texts.heard),
      ),
    ),
    cost: panel(
      id,
      "cost",
      element(
        "div",
        { class: "pw-half" },
        element("div", {}, bars, texts.price, element("p", { class: "pw-formula" })),
        element("div", {}, curve, side.node),
      ),
    ),
  };
  const framed = frame(
    "windows",
    "Window explorer",
    id,
    settingsRow(controls),
    message,
    steps.node,
    ...Object.values(panels).map(({ node }) => node),
  );
  return {
    ...framed,
    controls,
    steps,
    message,
    canvases: { photo, window, mask, reach, growth, bars, curve },
    texts,
    blocks,
    side,
    toggles,
    panels,
  };
}

function showControls(
  { controls, steps, toggles },
  { grid, windowSize, shift, step, shifted, merging },
  photos,
  photo,
) {
  const shifts = Array.from({ length: windowSize }, (_, each) => [
    each,
    each === 0 ? "0, none" : 2 * each === windowSize ? `${each}, half of M` : `${each}`,
  ]);
  controls.windowSize.show(
    windowSizes(grid).map((size) => [size, `${size} × ${size}`]),
    windowSize,
  );
  controls.shift.show(shifts, shift);
  showPhotos(controls.photo, photos, photo);
  steps.radios[step].checked = true;
  toggles.shifted.show(shifted);
  toggles.merging.show(merging);
}

function showTitles({ step, window, reach, cost }, { windowSize, shift, step: shown, query, tokens, window: number }) {
  const titles = {
    tokens: "1. The tokens, in place",
    shift: shift ? `2. Shifted up and left by ${shift}` : "2. Shifted by 0: nothing moves",
    windows: `3. Cut into windows of ${windowSize} × ${windowSize}`,
    mask: "4. Masked: its own region answers",
    unshift: "5. Shifted back, each in its place",
  };
  step.title.textContent = titles[shown];
  window.title.textContent = `Window ${number}, enlarged`;
  reach.title.textContent = `How far token ${query} hears`;
  cost.title.textContent = `What attention costs: everyone, or ${tokens.length} tokens at a time`;
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
    this.asking = this.keepAll({ photo: drawStep, window: drawWindow, mask: drawMask });
    this.keepAll({ reach: drawReach, growth: drawGrowth, bars: drawBars, curve: drawCurve });
  }

  drawn() {
    return { ...super.drawn(), answerer: this.answerer };
  }

  // Actions.

  // After the last step the first follows: the next pair of blocks begins.
  go = (by) => {
    const steps = Object.keys(STEPS),
      at = steps.indexOf(this.view.step);
    this.set({ step: steps[(at + by + steps.length) % steps.length] });
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

  // Pointers and keys.

  listen() {
    const { photo, window, mask, reach } = this.page.canvases,
      at = (canvas, grid) => (x, y) => gridPlace(x, y, canvas, grid);
    const inWindow = (x, y) => at(window, [this.view.windowSize, this.view.windowSize])(x, y),
      shown = (x, y) => this.shownAt(at(photo, this.grid)(x, y));
    const pair = (x, y) => pairAt(x, y, mask.clientWidth, this.view.tokens.length);
    onPointer(photo, { choose: (x, y) => this.ask(shown(x, y)), hover: this.over(shown) });
    onPointer(window, {
      choose: (x, y) => this.pin(inWindow(x, y)),
      hover: this.over((x, y) => this.view.tokens[inWindow(x, y)]),
    });
    onPointer(mask, {
      choose: (x, y) => this.choosePair(pair(x, y)),
      hover: this.over((x, y) => this.view.tokens[pair(x, y)[1]]),
    });
    onPointer(reach, { choose: (x, y) => this.ask(at(reach, this.grid)(x, y)) });
    this.listenToKeys();
  }

  listenToKeys() {
    const { photo, window, reach } = this.page.canvases,
      { grid } = this;
    walkGrid(photo, { grid: () => grid, now: () => this.shownPlace, go: (place) => this.ask(this.shownAt(place)) });
    walkGrid(window, { grid: () => [this.view.windowSize, this.view.windowSize], now: () => this.place, go: this.pin });
    walkGrid(reach, { grid: () => grid, now: () => this.view.query, go: this.ask });
  }

  // Between places as they are drawn at this step, and tokens.
  get shownPlace() {
    return this.view.moved ? shiftedToken(this.view.query, this.grid, this.view.shift) : this.view.query;
  }
  shownAt(place) {
    return this.view.moved ? shiftedToken(place, this.grid, -this.view.shift) : place;
  }

  choosePair([row, column]) {
    this.pinned = column;
    this.ask(this.view.tokens[row]);
    this.updateHovered();
  }

  // From the settings to the page.

  update() {
    const { settings, page, grid } = this,
      photo = this.pictures.get(settings.photo);
    if (!photo || settings.shift >= settings.window_size) return; // half of a change from Python; the other half follows
    this.view = look(photo, grid, settings, this.side);
    showControls(page, this.view, [...this.pictures.keys()], settings.photo);
    showTitles(page.panels, this.view);
    this.updateShapes();
    this.updateTexts();
    this.updateHovered();
    this.surfaces.forEach((each) => {
      each.invalidate();
    });
  }

  updateShapes() {
    const {
        canvases: { photo, window, reach },
      } = this.page,
      {
        photo: { width, height },
        grid: [rows, columns],
      } = this.view;
    photo.style.aspectRatio = reach.style.aspectRatio = `${width} / ${height}`;
    window.style.aspectRatio = `${width / columns} / ${height / rows}`;
  }

  updateTexts() {
    const {
        view,
        page: { canvases, blocks, side, panels },
      } = this,
      { windowSize, largestSide } = view;
    const told = { place: stepSentence(view), heard: reachSentence(view), price: costSentence(view) };
    setText(
      panels.cost.node.querySelector(".pw-formula"),
      `Global 4ND² + 2N²D, windows 4ND² + 2M²ND; D\u00a0=\u00a0${DIM}.`,
    );
    tell(canvases.photo, this.shownPlace, view.count - 1, told.place);
    tell(canvases.reach, view.query, view.count - 1, told.heard);
    showRange(blocks, view.blocks, told.heard);
    const nearest = Math.round(view.side / windowSize) * windowSize;
    Object.assign(side.control, { min: windowSize, max: largestSide, step: windowSize });
    showRange(side, nearest, told.price, view.sides.join(" × "));
    const pictures = {
      growth: `Tokens heard after 0 to ${MOST_BLOCKS} blocks. Shifted: ${view.growth.shifted.join(", ")}. Not shifted: ${view.growth.still.join(", ")}.`,
      bars: told.price,
      curve: `Both costs against the side of the grid, equal at ${windowSize} tokens. ${told.price}`,
    };
    for (const name in pictures) canvases[name].setAttribute("aria-label", pictures[name]);
    this.say(told);
  }

  updateHovered() {
    const {
        view,
        answerer,
        hovered,
        page: { texts, canvases },
      } = this,
      kept = pairSentence(view, answerer);
    setText(texts.neighbor, hovered === null || hovered >= view.count ? kept : pairSentence(view, hovered));
    tell(canvases.window, this.place, view.tokens.length - 1, kept);
    canvases.mask.setAttribute(
      "aria-label",
      `The mask of window ${view.window}, ${view.tokens.length} × ${view.tokens.length}: token ${view.query} is answered by ${view.answers}. ${kept}`,
    );
    this.asking.forEach((each) => {
      each.invalidate();
    });
  }
}

export default mounted(WindowExplorer);
