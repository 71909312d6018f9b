// One patch, and what belongs to it: first the reader's guess, then five relations, one of each family, with their
// scores.

import { gridPlace, onKeys, onPointer, onStroke, walkGrid } from "../common/canvas.mjs";
import { button, clamped, element, panel, setText, slider, tell } from "../common/controls.mjs";
import {
  frame,
  GrayPhotoExplorer,
  messageLine,
  mounted,
  pageId,
  photoControls,
  sentences,
  settingsRow,
  showPhotos,
} from "../common/explorer.mjs";
import { neighborPairs, shuffledOrder } from "../common/formulas.mjs";
import { drawGuess, drawLegend, drawMap } from "./drawings.mjs";
import { FAMILIES, guessRow, learnedHeads, meanScores, prepare, rowOf, scoresOf, shareBelow } from "./formulas.mjs";
import {
  askSentence,
  cursorText,
  EYE,
  hereSentence,
  markedSentence,
  NAMES,
  noteSentence,
  numbersOf,
  openSentence,
  questionSentence,
  SPECTRUM,
  scoreText,
  toldSentence,
  underTexts,
  verdictSentence,
  WHAT,
} from "./words.mjs";

const SLICE = 4; // ms of work at a time

// What follows from picture and settings.

// One patch's row in each relation.
function answersOf(prepared, labels, query) {
  return Object.fromEntries(
    FAMILIES.map((family) => {
      const row = rowOf(prepared, family, query);
      return [
        family,
        { row, scores: scoresOf(row, { labels, grid: prepared.grid }, query), shares: shareBelow(row, query) },
      ];
    }),
  );
}

function guessOf({ grid, count }, labels, marked, query) {
  const row = guessRow(marked, count, query),
    size = row.reduce((sum, each) => sum + each, 0);
  return size ? { row, size, scores: scoresOf(row, { labels, grid }, query), shares: shareBelow(row, query) } : null;
}

// All that has a score, best first; without regions in the order of the chapters.
function ranking({ answers, guess, labels }) {
  const all = [
    ...(guess ? [{ name: EYE, scores: guess.scores }] : []),
    ...FAMILIES.map((family) => ({ name: NAMES[family], family, scores: answers[family].scores })),
  ];
  return labels ? all.sort((one, other) => (other.scores[0] ?? -1) - (one.scores[0] ?? -1)) : all;
}

// The page.

function buildTile(canvas, name) {
  const title = element("p", { class: "pw-name" }, name),
    score = element("p", { class: "pw-tile-told" }),
    under = element("p", { class: "pw-how" });
  return { canvas, title, score, under, node: element("div", { class: "pw-map" }, title, canvas, score, under) };
}

function buildTiles(id) {
  const eye = buildTile(slider("Patch to mark", id), EYE);
  const families = Object.fromEntries(
    FAMILIES.map((family) => [family, buildTile(element("canvas", { role: "img" }), NAMES[family])]),
  );
  return {
    eye,
    families,
    node: element("div", { class: "pw-tiles-six" }, eye.node, ...Object.values(families).map(({ node }) => node)),
  };
}

function buildActions(act) {
  const closed = {
    compare: button("Compare", act.compare),
    skip: button("Skip the guess", act.skip),
    clear: button("Clear marks", act.clear),
  };
  const actions = {
    ...closed,
    again: button("Change the marks", act.markAgain),
    another: button("Another patch", act.another),
  };
  return { ...actions, node: element("div", { class: "pw-actions" }, ...Object.values(actions)) };
}

// Closed at first: it is read once.
function buildRecipes() {
  const entries = FAMILIES.flatMap((family) => [element("dt", {}, NAMES[family]), element("dd", {}, WHAT[family])]);
  return element(
    "details",
    { class: "pw-recipes" },
    element("summary", {}, "What each relation is"),
    element("dl", {}, ...entries),
    element("p", {}, SPECTRUM),
  );
}

const HEADS = { regions: ["AUC", "mass"], none: ["near", "over"] };

function buildTable() {
  const row = (tag, texts) =>
    element(
      "tr",
      {},
      ...texts.map((text, at) =>
        element(at === 0 || tag === "th" ? "th" : "td", { scope: tag === "th" ? "col" : at === 0 && "row" }, text),
      ),
    );
  const body = element("tbody"),
    head = element("thead");
  const show = ([first, second], rows) => {
    head.replaceChildren(
      row("th", ["Relation", `${first}, here`, `${second}, here`, `${first}, all`, `${second}, all`]),
    );
    body.replaceChildren(...rows.map((texts) => row("td", texts)));
    for (const each of body.children) each.toggleAttribute("data-own", each.firstChild.textContent === EYE);
  };
  return { show, node: element("table", { class: "pw-scores-table" }, head, body) };
}

function buildPage(act) {
  const id = pageId(),
    controls = photoControls(act),
    message = messageLine(),
    tiles = buildTiles(id),
    actions = buildActions(act),
    table = buildTable();
  const texts = sentences("place", "ask", "marked", "verdict", "told", "note"),
    legend = element("canvas", {
      role: "img",
      "aria-label": "Colors: from dark, last or not reached, to bright, first",
    });
  const scores = panel(id, "scores", table.node, texts.note),
    recipes = buildRecipes();
  const task = element("div", { class: "pw-task" }, texts.place, texts.ask, texts.marked, texts.verdict),
    answer = element("div", { class: "pw-answer" }, legend, texts.told);
  const framed = frame(
    "relations",
    "Relations explorer",
    id,
    settingsRow(controls),
    message,
    task,
    tiles.node,
    actions.node,
    answer,
    scores.node,
    recipes,
  );
  setText(scores.title, "The scores");
  return {
    ...framed,
    controls,
    message,
    tiles,
    actions,
    table,
    texts,
    task,
    answer,
    scores,
    recipes,
    canvases: { eye: tiles.eye.canvas, legend },
  };
}

class RelationsExplorer extends GrayPhotoExplorer {
  static settings = ["photo", "selected", "marked", "revealed"];

  cursor = null; // where keys and pointer were last, while marking
  printing = false;

  build() {
    return buildPage(this);
  }

  draw() {
    const {
      canvases: { eye, legend },
      tiles: { families },
    } = this.page;
    this.keep(eye, (context, width, height, drawn) =>
      this.open
        ? drawMap(context, width, height, { ...drawn, shares: drawn.view.guess?.shares })
        : drawGuess(context, width, height, drawn),
    );
    this.keep(legend, drawLegend);
    for (const family of FAMILIES)
      this.keep(families[family].canvas, (context, width, height, drawn) =>
        drawMap(context, width, height, { ...drawn, shares: drawn.view.answers[family].shares }),
      );
  }

  drawn() {
    return { ...super.drawn(), cursor: this.page.canvases.eye.matches(":focus-visible") ? this.cursor : null };
  }

  mount(el) {
    super.mount(el);
    const unmount = this.unmount;
    this.unmount = () => {
      this.working = null;
      this.stopPrinting();
      unmount();
    };
  }

  // Pointers and keys.

  get open() {
    return this.settings.revealed || this.printing;
  }

  listen() {
    const {
        canvases: { eye },
        tiles: { families },
      } = this.page,
      turn = () => this.updateHovered();
    const at = (canvas) => (x, y) => gridPlace(x, y, canvas, this.view.grid);
    const hover = this.over(at(eye)),
      draw = (x, y) => {
        hover(x, y);
        this.stroke(at(eye)(x, y));
      };
    onStroke(eye, { press: (x, y) => this.press(at(eye)(x, y)), draw, hover });
    for (const { canvas } of Object.values(families))
      onPointer(canvas, { choose: (x, y) => this.askFor(at(canvas)(x, y)), hover: this.over(at(canvas)) });
    walkGrid(eye, {
      grid: () => this.view.grid,
      now: () => (this.open ? this.view.selected : (this.cursor ?? this.view.selected)),
      go: (place) => (this.open ? this.askFor(place) : this.moveTo(place)),
    });
    const mark = () => {
      if (!this.open) this.press(this.cursor ?? this.view.selected);
    };
    onKeys(eye, { " ": mark, Enter: mark });
    for (const event of ["focus", "blur"]) eye.addEventListener(event, turn);
    this.listenToPrinting();
  }

  // On paper everything is shown.
  listenToPrinting() {
    const turn = (printing) => () => {
        this.printing = printing;
        if (this.view) this.show();
      },
      turns = { beforeprint: turn(true), afterprint: turn(false) };
    for (const name in turns) window.addEventListener(name, turns[name]);
    this.stopPrinting = () => {
      for (const name in turns) window.removeEventListener(name, turns[name]);
    };
  }

  // Actions.

  press(place) {
    if (this.open) return this.askFor(place);
    this.marking = !this.settings.marked.includes(place);
    this.mark(place);
  }

  stroke(place) {
    if (this.open) this.askFor(place);
    else if (place !== this.cursor) this.mark(place);
  }

  mark(place) {
    const { marked, selected } = this.settings;
    this.cursor = place;
    if (place !== selected && marked.includes(place) !== this.marking)
      this.set({
        marked: this.marking
          ? [...marked, place].sort((one, other) => one - other)
          : marked.filter((each) => each !== place),
      });
    this.updateSoon();
  }

  moveTo(place) {
    this.hover(null);
    this.cursor = place;
    this.updateSoon();
  }

  // A guess belongs to one patch.
  askFor(place) {
    if (place === this.settings.selected) return;
    this.hover(null);
    this.set({ selected: place, marked: [] });
  }

  reveal(changes) {
    this.set({ revealed: true, ...changes });
    this.toPicture();
  }

  compare = () => this.reveal({});
  skip = () => this.reveal({ marked: [] });
  clear = () => this.set({ marked: [] });

  markAgain = () => {
    this.set({ revealed: false });
    this.toPicture();
  };

  another = () => {
    const order = shuffledOrder(this.view.count),
      place = order.indexOf(this.settings.selected);
    this.cursor = null;
    this.set({ selected: order[(place + 1) % order.length], marked: [], revealed: false });
    this.toPicture();
  };

  // The button that was pressed may be gone: keys go on in the picture, which also tells what came of it. What is read
  // first is in sight.
  toPicture() {
    this.page.canvases.eye.focus({ preventScroll: true });
    this.update();
    this.page.task.scrollIntoView({ block: "nearest", behavior: "instant" });
  }

  changePhoto(photo) {
    this.set({ photo, marked: [] });
  }

  forget() {
    super.forget();
    this.hover(null);
    this.cursor = null;
  }

  // From the settings to what is shown. A new picture takes some work, in slices: the page goes on answering meanwhile.

  update() {
    const picture = this.pictures.get(this.settings.photo);
    if (!picture) return; // half of a change from Python; the other half follows
    if (picture.prepared) this.look(picture);
    if (picture.means) this.finish();
    else if (this.working?.picture !== picture) this.start(picture);
  }

  start(picture) {
    this.page.root.toggleAttribute("data-busy", true);
    this.working = { picture, steps: this.complete(picture) };
    if (!this.view) while (!picture.prepared) this.working.steps.next();
    this.proceed(this.working);
  }

  finish() {
    this.working = null;
    this.page.root.removeAttribute("data-busy");
  }

  *complete(picture) {
    this.learned ??= learnedHeads(this.model.get("learned"));
    picture.prepared ??= yield* prepare(picture, this.model.get("patch_size"), this.learned);
    yield;
    this.look(picture);
    yield;
    picture.means = yield* meanScores(picture.prepared, this.labelsOf(this.settings.photo));
  }

  proceed(work) {
    const until = performance.now() + SLICE;
    let step = work.steps.next();
    while (!step.done && performance.now() < until) step = work.steps.next();
    if (!step.done)
      setTimeout(() => {
        if (this.working === work) this.proceed(work);
      });
    else {
      this.finish();
      this.look(work.picture);
    }
  }

  labelsOf(photo) {
    return this.model.get("labels")[photo] ?? null;
  }

  look(picture) {
    const { settings } = this,
      { prepared, means } = picture,
      { grid, count } = prepared,
      labels = this.labelsOf(settings.photo),
      { selected, marked } = settings;
    if (this.answered?.prepared !== prepared || this.answered.selected !== selected)
      this.answered = { prepared, selected, answers: answersOf(prepared, labels, selected) };
    const { answers } = this.answered,
      guess = guessOf(prepared, labels, marked, selected),
      chance = scoresOf(new Float64Array(count).fill(1), { labels, grid }, selected);
    this.pairs ??= neighborPairs(grid);
    const base = {
      ...settings,
      grid,
      count,
      labels,
      means,
      answers,
      guess,
      chance,
      picture: picture.picture,
      pairs: this.pairs,
    };
    this.view = { ...base, ranked: ranking(base) };
    this.show();
    this.surfaces.forEach((each) => {
      each.invalidate();
    });
  }

  show() {
    this.showParts();
    this.updateTexts();
    this.updateHovered();
  }

  showParts() {
    const {
        open,
        view,
        page: { root, tiles, actions, texts, answer, scores, recipes },
      } = this,
      families = Object.values(tiles.families);
    root.toggleAttribute("data-open", open);
    for (const { canvas } of [tiles.eye, ...families]) canvas.style.aspectRatio = `${view.grid[1]} / ${view.grid[0]}`;
    for (const node of [
      ...families.map((tile) => tile.node),
      tiles.eye.title,
      tiles.eye.score,
      tiles.eye.under,
      answer,
      scores.node,
      recipes,
      texts.verdict,
      actions.again,
    ])
      node.hidden = !open;
    for (const node of [actions.compare, actions.skip, actions.clear, texts.ask, texts.marked]) node.hidden = open;
  }

  updateTexts() {
    const {
        view,
        open,
        page: {
          canvases: { eye },
          controls,
          tiles,
          texts,
          table,
        },
      } = this,
      { selected, answers, guess, labels, means, ranked } = view;
    showPhotos(controls.photo, [...this.pictures.keys()], view.photo);
    for (const family of FAMILIES) {
      setText(tiles.families[family].score, scoreText(view, answers[family].scores));
      tiles.families[family].canvas.setAttribute(
        "aria-label",
        `${NAMES[family]}: ${scoreText(view, answers[family].scores)}`,
      );
    }
    setText(tiles.eye.title, guess ? EYE : "The picture");
    setText(tiles.eye.score, guess ? scoreText(view, guess.scores) : "Nothing was marked.");
    table.show(
      HEADS[labels ? "regions" : "none"],
      ranked.map(({ name, family, scores }) => [
        name,
        ...numbersOf(view, scores),
        ...(family ? numbersOf(view, means?.[family]) : ["", ""]),
      ]),
    );
    setText(texts.note, noteSentence(view));
    setText(texts.ask, askSentence(view));
    const told = open
      ? { place: openSentence(view), verdict: verdictSentence(view) }
      : { place: questionSentence(view), marked: markedSentence(view) };
    eye.setAttribute("aria-label", open ? "Patch that asks" : "Patch to mark");
    tell(
      eye,
      open ? selected : (this.cursor ?? selected),
      view.count - 1,
      open ? `${told.place} ${told.verdict}` : cursorText(view, this.cursor ?? selected),
    );
    this.say(told);
  }

  updateHovered() {
    const {
        view,
        page: {
          texts,
          tiles: { eye, families },
        },
        surfaces,
      } = this,
      hovered = this.hovered === null ? null : clamped(this.hovered, view.count - 1);
    if (this.open) {
      const under = underTexts(view, hovered);
      setText(texts.told, toldSentence(view, hovered));
      for (const [name, tile] of Object.entries({ eye, ...families })) setText(tile.under, under[name]);
    } else setText(texts.marked, hereSentence(view, hovered ?? this.drawn().cursor));
    for (const each of this.open ? surfaces : surfaces.slice(0, 1)) each.invalidate();
  }

  // Paper is not news.
  report(told) {
    if (!this.printing) super.report(told);
  }
}

export default mounted(RelationsExplorer);
