// One patch, and what belongs to it: first the reader's guess, then five relations, one of each family, and a real
// network's, with their scores.

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
import {
  guessRow,
  learnedHeads,
  meanScores,
  prepare,
  RELATIONS,
  relationsOf,
  rowOf,
  scoresOf,
  shareBelow,
} from "./formulas.mjs";
import * as words from "./words.mjs";

// What follows from picture and settings.

// One patch's row in each relation.
function answersOf(prepared, labels, query) {
  return Object.fromEntries(
    relationsOf(prepared).map((name) => {
      const row = rowOf(prepared, name, query);
      return [
        name,
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
  const eye = guess ? [{ name: words.EYE, scores: guess.scores }] : [],
    others = Object.entries(answers).map(([relation, { scores }]) => ({
      name: words.NAMES[relation],
      relation,
      scores,
    })),
    all = [...eye, ...others];
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
  const eye = buildTile(slider(words.TO_MARK, id), words.EYE),
    picture = () => element("canvas", { role: "img" }),
    maps = RELATIONS.map((name) => [name, buildTile(picture(), words.NAMES[name])]);
  const nodes = [eye.node, ...maps.map(([, { node }]) => node)];
  return { eye, maps: Object.fromEntries(maps), node: element("div", { class: "pw-tiles-all" }, ...nodes) };
}

function buildActions(act) {
  const { compare, skip, clear, markAgain: again, another } = act,
    acts = { compare, skip, clear, again, another };
  const buttons = Object.fromEntries(
    Object.entries(acts).map(([name, press]) => [name, button(words.BUTTONS[name], press)]),
  );
  return { ...buttons, node: element("div", { class: "pw-actions" }, ...Object.values(buttons)) };
}

// Closed at first: it is read once.
function buildRecipes() {
  const entries = RELATIONS.flatMap((name) => [
    element("dt", {}, words.NAMES[name]),
    element("dd", {}, words.WHAT[name]),
  ]);
  return element(
    "details",
    { class: "pw-recipes" },
    element("summary", {}, words.RECIPES),
    element("dl", {}, ...entries),
    element("p", {}, words.SPECTRUM),
  );
}

// Columns of numbers; the first of each row says whose they are.
function buildTable() {
  const body = element("tbody"),
    head = element("thead"),
    heading = (scope, text) => element("th", { scope }, text);
  const row = ([name, ...texts]) =>
    element("tr", {}, heading("row", name), ...texts.map((text) => element("td", {}, text)));
  const show = (titles, rows) => {
    head.replaceChildren(element("tr", {}, ...titles.map((title) => heading("col", title))));
    body.replaceChildren(...rows.map(row));
    for (const each of body.children) each.toggleAttribute("data-own", each.firstChild.textContent === words.EYE);
  };
  return { show, node: element("table", { class: "pw-scores-table" }, head, body) };
}

function buildPage(act) {
  const id = pageId(),
    controls = photoControls(act),
    message = messageLine(),
    tiles = buildTiles(id),
    actions = buildActions(act),
    table = buildTable(),
    recipes = buildRecipes();
  const texts = sentences("place", "ask", "marked", "verdict", "told", "note"),
    legend = element("canvas", { role: "img", "aria-label": words.COLORS });
  const task = element("div", { class: "pw-task" }, texts.place, texts.ask, texts.marked, texts.verdict),
    answer = element("div", { class: "pw-answer" }, legend, texts.told),
    scores = panel(id, "scores", table.node, texts.note);
  setText(scores.title, words.SCORES);
  const parts = [settingsRow(controls), message, task, tiles.node, actions.node, answer, scores.node, recipes],
    canvases = { eye: tiles.eye.canvas, legend };
  const framed = frame("relations", words.LABEL, id, ...parts);
  return { ...framed, controls, message, tiles, actions, table, texts, task, answer, scores, recipes, canvases };
}

// What is there only with the answers, and what only before.
function showParts({ root, tiles, actions, texts, answer, scores, recipes }, open, { grid: [rows, columns], answers }) {
  const { eye, maps } = tiles,
    below = [answer, scores.node, recipes, texts.verdict, actions.again];
  root.toggleAttribute("data-open", open);
  for (const { canvas } of [eye, ...Object.values(maps)]) canvas.style.aspectRatio = `${columns} / ${rows}`;
  for (const name in maps) maps[name].node.hidden = !open || !answers[name];
  for (const node of [eye.title, eye.score, eye.under, ...below]) node.hidden = !open;
  for (const node of [actions.compare, actions.skip, actions.clear, texts.ask, texts.marked]) node.hidden = open;
}

function showScores({ tiles, table, texts }, view) {
  for (const name in view.answers) {
    const { score, canvas } = tiles.maps[name];
    setText(score, words.scoreText(view, view.answers[name].scores));
    canvas.setAttribute("aria-label", words.mapLabel(view, name));
  }
  setText(tiles.eye.title, words.eyeTitle(view));
  setText(tiles.eye.score, words.eyeScoreText(view));
  const meansOf = (relation) => (relation ? words.numbersOf(view, view.means?.[relation]) : ["", ""]);
  table.show(
    words.headTexts(view),
    view.ranked.map(({ name, relation, scores }) => [name, ...words.numbersOf(view, scores), ...meansOf(relation)]),
  );
  setText(texts.note, words.noteSentence(view));
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
      tiles: { maps },
    } = this.page;
    this.keep(eye, (context, width, height, drawn) =>
      this.open
        ? drawMap(context, width, height, { ...drawn, shares: drawn.view.guess?.shares })
        : drawGuess(context, width, height, drawn),
    );
    this.keep(legend, drawLegend);
    for (const name in maps)
      this.keep(maps[name].canvas, (context, width, height, drawn) =>
        drawMap(context, width, height, { ...drawn, shares: drawn.view.answers[name]?.shares }),
      );
  }

  drawn() {
    return { ...super.drawn(), cursor: this.page.canvases.eye.matches(":focus-visible") ? this.cursor : null };
  }

  stop() {
    super.stop();
    this.stopPrinting();
    this.model.off("change:network", this.hearNetwork);
  }

  // Pointers and keys.

  get open() {
    return this.settings.revealed || this.printing;
  }

  // Where a key marks.
  get place() {
    return this.cursor ?? this.view.selected;
  }

  listen() {
    const { eye } = this.page.canvases;
    this.listenToEye(eye);
    for (const { canvas } of Object.values(this.page.tiles.maps)) {
      const placeAt = (x, y) => gridPlace(x, y, canvas, this.view.grid);
      onPointer(canvas, { choose: (x, y) => this.askFor(placeAt(x, y)), hover: this.over(placeAt) });
    }
    for (const event of ["focus", "blur"]) eye.addEventListener(event, () => this.updateHovered());
    this.listenToPrinting();
    this.model.on("change:network", this.hearNetwork);
  }

  hearNetwork = () => this.updateSoon();

  listenToEye(eye) {
    const placeAt = (x, y) => gridPlace(x, y, eye, this.view.grid),
      hover = this.over(placeAt);
    onStroke(eye, {
      press: (x, y) => this.press(placeAt(x, y)),
      draw: (x, y) => {
        hover(x, y);
        this.stroke(placeAt(x, y));
      },
      hover,
    });
    walkGrid(eye, {
      grid: () => this.view.grid,
      now: () => (this.open ? this.view.selected : this.place),
      go: (place) => (this.open ? this.askFor(place) : this.moveTo(place)),
    });
    const mark = () => {
      if (!this.open) this.press(this.place);
    };
    onKeys(eye, { " ": mark, Enter: mark });
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

  // From the settings to what is shown. A new picture takes some work, in slices: the page responds meanwhile.

  update() {
    const picture = this.pictures.get(this.settings.photo);
    if (!picture) return; // half of a change from Python; the other half follows
    this.readAgain(picture);
    if (picture.prepared) this.look(picture);
    if (picture.means) this.finish();
    else if (this.working !== picture) this.start(picture);
  }

  // What the network has of a reader's own photograph follows it.
  readAgain(picture) {
    const read = this.networkOf(picture)?.data;
    if (picture.read === read) return;
    Object.assign(picture, { read, prepared: undefined, means: undefined });
    if (this.working === picture) this.working = null;
  }

  start(picture) {
    this.page.root.toggleAttribute("data-busy", true);
    this.working = picture;
    this.work.start(this.complete(picture), {
      told: () => this.look(picture),
      done: () => {
        this.finish();
        this.look(picture);
      },
      ...(this.view ? {} : { most: Infinity }),
    });
  }

  finish() {
    this.work.stop();
    this.working = null;
    this.page.root.removeAttribute("data-busy");
  }

  *complete(picture) {
    this.learned ??= learnedHeads(this.model.get("learned"));
    picture.prepared ??= yield* prepare(picture, this.model.get("patch_size"), this.learned, this.networkOf(picture));
    yield picture; // to be shown
    picture.means = yield* meanScores(picture.prepared, this.labelsOf(this.settings.photo));
  }

  // What the real network has of a picture: for a reader's own it comes from the kernel, if at all.
  networkOf(picture) {
    const name = [...this.pictures.keys()].find((each) => this.pictures.get(each) === picture);
    return this.model.get("network")[name];
  }

  labelsOf(photo) {
    return this.model.get("labels")[photo] ?? null;
  }

  look({ prepared, means, picture }) {
    const { settings } = this,
      { grid, count } = prepared,
      { selected, marked } = settings,
      labels = this.labelsOf(settings.photo);
    const answers = this.answersTo(prepared, labels, selected),
      guess = guessOf(prepared, labels, marked, selected),
      chance = scoresOf(new Float64Array(count).fill(1), { labels, grid }, selected);
    this.pairs ??= neighborPairs(grid);
    const missing = answers.network ? "" : this.model.get("missing") || words.NO_KERNEL;
    const base = {
      ...settings,
      grid,
      count,
      labels,
      means,
      answers,
      guess,
      chance,
      missing,
      picture,
      pairs: this.pairs,
    };
    this.view = { ...base, ranked: ranking(base) };
    this.show();
    for (const each of this.surfaces) each.invalidate();
  }

  // Found once for each patch that asks: marks change nothing about them.
  answersTo(prepared, labels, selected) {
    if (this.answered?.prepared !== prepared || this.answered.selected !== selected)
      this.answered = { prepared, selected, answers: answersOf(prepared, labels, selected) };
    return this.answered.answers;
  }

  show() {
    showParts(this.page, this.open, this.view);
    this.updateTexts();
    this.updateHovered();
  }

  updateTexts() {
    const { view, open, page } = this,
      { eye } = page.canvases;
    showPhotos(page.controls.photo, [...this.pictures.keys()], view.photo);
    showScores(page, view);
    setText(page.texts.ask, words.askSentence(view));
    const told = open
      ? { place: words.openSentence(view), verdict: words.verdictSentence(view) }
      : { place: words.questionSentence(view), marked: words.markedSentence(view) };
    eye.setAttribute("aria-label", open ? words.ASKS : words.TO_MARK);
    if (open) tell(eye, view.selected, view.count - 1, `${told.place} ${told.verdict}`);
    else tell(eye, this.place, view.count - 1, words.cursorSentence(view, this.place));
    this.say(told);
  }

  updateHovered() {
    const { view, open, page, surfaces } = this,
      hovered = this.hovered === null ? null : clamped(this.hovered, view.count - 1);
    if (open) {
      const under = words.underTexts(view, hovered),
        { eye, maps } = page.tiles;
      setText(page.texts.told, words.toldSentence(view, hovered));
      for (const [name, tile] of Object.entries({ eye, ...maps })) setText(tile.under, under[name] ?? "");
    } else setText(page.texts.marked, words.hereSentence(view, hovered ?? this.drawn().cursor));
    for (const each of open ? surfaces : surfaces.slice(0, 1)) each.invalidate();
  }

  // Paper is not news.
  report(told) {
    if (!this.printing) super.report(told);
  }
}

export default mounted(RelationsExplorer);
