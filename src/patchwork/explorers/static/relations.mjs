// One patch, and what belongs to it: first the reader's guess, then five relations, one of each family, with their scores.

import { gridPlace, onKeys, onPointer, onStroke, walkGrid } from "./canvas.mjs";
import { button, clamped, element, panel, setText, slider, tell } from "./controls.mjs";
import { frame, GrayPhotoExplorer, messageLine, mounted, pageId, photoControls, sentences, settingsRow, showPhotos } from "./explorer.mjs";
import { neighborPairs, shuffledOrder } from "./math.mjs";
import { drawGuess, drawLegend, drawMap } from "./relation_drawings.mjs";
import { FAMILIES, guessRow, learnedHeads, meanScores, prepare, rowOf, scoresOf, shareBelow } from "./relation_math.mjs";
import { placeText, plural } from "./words.mjs";

const NAMES = { attention: "Self-attention", windows: "Shifted windows", convolution: "Convolution", similarity: "Similarity", graph: "Graph walk" };
const HOW = {
  attention: "learned queries and keys", windows: "the same, in 4 × 4 windows", convolution: "eight layers of a 3 × 3 mean", similarity: "how alike two spectra are",
  graph: "64 steps to near and alike patches",
};
const EYE = "Your eye", SLICE = 4; // ms of work at a time

// What follows from picture and settings.

// One patch's row in each relation.
function answersOf(prepared, labels, query) {
  return Object.fromEntries(FAMILIES.map((family) => {
    const row = rowOf(prepared, family, query);
    return [family, { row, scores: scoresOf(row, { labels, grid: prepared.grid }, query), shares: shareBelow(row, query) }];
  }));
}

function guessOf({ grid, count }, labels, marked, query) {
  const row = guessRow(marked, count, query), size = row.reduce((sum, each) => sum + each, 0);
  return size ? { row, size, scores: scoresOf(row, { labels, grid }, query), shares: shareBelow(row, query) } : null;
}

// All that has a score, best first; without regions in the order of the chapters.
function ranking({ answers, guess, labels }) {
  const all = [...(guess ? [{ name: EYE, scores: guess.scores }] : []), ...FAMILIES.map((family) => ({ name: NAMES[family], family, scores: answers[family].scores }))];
  return labels ? all.sort((one, other) => (other.scores[0] ?? -1) - (one.scores[0] ?? -1)) : all;
}

// Words and numbers.

const fixed = (number, digits = 2) => (number === null || number === undefined ? "–" : number.toFixed(digits));
const patchText = ({ grid }, patch) => `patch ${patch} (${placeText(patch, grid)})`;
const capital = (text) => text[0].toUpperCase() + text.slice(1);
const numbersOf = ({ labels }, scores) => (scores ?? [undefined, undefined]).map((each, at) => (each === undefined ? "…" : fixed(each, labels || at === 0 ? 2 : 0)));

function scoreText(view, scores) {
  const [first, second] = numbersOf(view, scores);
  return view.labels ? `AUC ${first}, mass ${second}` : `near ${first}, over ${second}`;
}

const askSentence = (view, open) => (open ? `${capital(patchText(view, view.selected))} asks.` : `Which patches belong to the outlined one, ${patchText(view, view.selected)}?`);
const markedSentence = ({ marked, selected, count }) => `${marked.filter((patch) => patch !== selected).length} of ${count - 1} patches marked.`;

function verdictSentence(view) {
  const { guess, labels, ranked } = view, [best, next] = ranked;
  if (!labels) return "No regions are known in this picture, so nobody is right or wrong here.";
  if (best.scores[0] === null) return "All patches have one region here: there is nothing to find.";
  if (!guess) return `Best here is ${best.name.toLowerCase()}, AUC ${fixed(best.scores[0])}, then ${next.name.toLowerCase()}, ${fixed(next.scores[0])}. You marked nothing.`;
  const place = ranked.findIndex(({ name }) => name === EYE) + 1, other = place === 1 ? next : best;
  return `Your eye: ${plural(guess.size, "patch", "patches")}, ${scoreText(view, guess.scores)}, ${place === 1 ? "the best of six" : `place ${place} of 6`}. ${place === 1 ? "Then" : "Best is"} ${other.name.toLowerCase()}, AUC ${fixed(other.scores[0])}.`;
}

const NOTES = {
  regions: ([, mass]) => `AUC: how often a patch of its region comes before another one; chance 0.50. Mass: how much of the weight given to others is in its region; chance ${fixed(mass)}. Here: this patch. All: the mean over all patches.`,
  none: ([near]) => `Near: the share of the weight within three patches; ${fixed(near)} if all got the same. Over: about how many patches the weight is spread over. Here: this patch. All: the mean over all patches.`,
};

// What the pointer is over: its place in each order.
function toldSentence(view, hovered) {
  if (hovered === null) return "Brighter patches come earlier in a relation's order. Point at one to read its places.";
  const { labels, selected, answers } = view, name = capital(patchText(view, hovered));
  if (hovered === selected) return `${name}: the one that asks, in no order.`;
  const region = labels ? `, ${labels[hovered] === labels[selected] ? "same region" : "another region"}` : "";
  const place = ({ row }) => (row[hovered] === 0 ? "not reached" : 1 + row.reduce((ahead, weight, patch) => ahead + (patch !== selected && weight > row[hovered]), 0));
  return `${name}${region}. Its place: ${FAMILIES.map((family) => `${NAMES[family].toLowerCase()} ${place(answers[family])}`).join(", ")}.`;
}

function cursorText(view, patch) {
  const state = patch === view.selected ? "the outlined one" : view.marked.includes(patch) ? "marked" : "not marked";
  return `${capital(patchText(view, patch))}, ${state}. ${markedSentence(view)}`;
}

// The page.

function buildTile(canvas, name, words) {
  const title = element("p", { class: "pw-name" }, name), score = element("p", { class: "pw-tile-told" });
  return { canvas, title, score, node: element("div", { class: "pw-map" }, title, canvas, score, ...(words ? [element("p", { class: "pw-how" }, words)] : [])) };
}

function buildTiles(id) {
  const eye = buildTile(slider("Patch to mark", id), EYE);
  const families = Object.fromEntries(FAMILIES.map((family) => [family, buildTile(element("canvas", { role: "img" }), NAMES[family], HOW[family])]));
  return { eye, families, node: element("div", { class: "pw-tiles-six" }, eye.node, ...Object.values(families).map(({ node }) => node)) };
}

function buildActions(act) {
  const closed = { compare: button("Compare", act.compare), skip: button("Skip", act.skip), clear: button("Clear marks", act.clear) };
  const actions = { ...closed, again: button("Change the marks", act.markAgain), another: button("Another patch", act.another) };
  return { ...actions, node: element("div", { class: "pw-actions" }, ...Object.values(actions)) };
}

const HEADS = { regions: ["AUC", "mass"], none: ["near", "over"] };

function buildTable() {
  const row = (tag, texts) => element("tr", {}, ...texts.map((text, at) => element(at === 0 || tag === "th" ? "th" : "td", { scope: tag === "th" ? "col" : at === 0 && "row" }, text)));
  const body = element("tbody"), head = element("thead");
  const show = ([first, second], rows) => {
    head.replaceChildren(row("th", ["Relation", `${first}, here`, `${second}, here`, `${first}, all`, `${second}, all`]));
    body.replaceChildren(...rows.map((texts) => row("td", texts)));
    for (const each of body.children) each.toggleAttribute("data-own", each.firstChild.textContent === EYE);
  };
  return { show, node: element("table", { class: "pw-scores-table" }, head, body) };
}

function buildPage(act) {
  const id = pageId(), controls = photoControls(act), message = messageLine(), tiles = buildTiles(id), actions = buildActions(act), table = buildTable();
  const texts = sentences("place", "ask", "marked", "verdict", "told", "note"), legend = element("canvas", { role: "img", "aria-label": "Colors: from dark, last or not reached, to bright, first" });
  const scores = panel(id, "scores", table.node, texts.note);
  const task = element("div", { class: "pw-task" }, texts.place, texts.ask, texts.marked, texts.verdict), answer = element("div", { class: "pw-answer" }, legend, texts.told);
  const framed = frame("relations", "Relations explorer", id, settingsRow(controls), message, task, tiles.node, actions.node, answer, scores.node);
  setText(texts.ask, "Click or tap them, or draw over several. By keys: arrows move, Space marks. Then compare your eye with five relations.");
  setText(scores.title, "The scores");
  return { ...framed, controls, message, tiles, actions, table, texts, answer, scores, canvases: { eye: tiles.eye.canvas, legend } };
}

class RelationsExplorer extends GrayPhotoExplorer {
  static settings = ["photo", "selected", "marked", "revealed"];

  cursor = null; // where keys and pointer were last, while marking
  printing = false;

  build() { return buildPage(this); }

  draw() {
    const { canvases: { eye, legend }, tiles: { families } } = this.page;
    this.keep(eye, (context, width, height, drawn) => (this.open ? drawMap(context, width, height, { ...drawn, shares: drawn.view.guess?.shares }) : drawGuess(context, width, height, drawn)));
    this.keep(legend, drawLegend);
    for (const family of FAMILIES) this.keep(families[family].canvas, (context, width, height, drawn) => drawMap(context, width, height, { ...drawn, shares: drawn.view.answers[family].shares }));
  }

  drawn() { return { ...super.drawn(), cursor: document.activeElement === this.page.canvases.eye ? this.cursor : null }; }

  mount(el) {
    super.mount(el);
    const unmount = this.unmount;
    this.unmount = () => { this.working = null; this.stopPrinting(); unmount(); };
  }

  // Pointers and keys.

  get open() { return this.settings.revealed || this.printing; }

  listen() {
    const { canvases: { eye }, tiles: { families } } = this.page, repaint = () => this.surfaces[0].invalidate();
    const at = (canvas) => (x, y) => gridPlace(x, y, canvas, this.view.grid);
    onStroke(eye, { press: (x, y) => this.press(at(eye)(x, y)), draw: (x, y) => this.stroke(at(eye)(x, y)), hover: this.over(at(eye)) });
    for (const { canvas } of Object.values(families)) onPointer(canvas, { choose: (x, y) => this.askFor(at(canvas)(x, y)), hover: this.over(at(canvas)) });
    walkGrid(eye, { grid: () => this.view.grid, now: () => (this.open ? this.view.selected : this.cursor ?? this.view.selected), go: (place) => (this.open ? this.askFor(place) : this.moveTo(place)) });
    const mark = () => { if (!this.open) this.press(this.cursor ?? this.view.selected); };
    onKeys(eye, { " ": mark, Enter: mark });
    for (const event of ["focus", "blur"]) eye.addEventListener(event, repaint);
    this.listenToPrinting();
  }

  // On paper everything is shown.
  listenToPrinting() {
    const turn = (printing) => () => { this.printing = printing; if (this.view) this.showParts(); }, turns = { beforeprint: turn(true), afterprint: turn(false) };
    for (const name in turns) window.addEventListener(name, turns[name]);
    this.stopPrinting = () => { for (const name in turns) window.removeEventListener(name, turns[name]); };
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
    if (place !== selected && marked.includes(place) !== this.marking) this.set({ marked: this.marking ? [...marked, place].sort((one, other) => one - other) : marked.filter((each) => each !== place) });
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
    const order = shuffledOrder(this.view.count), place = order.indexOf(this.settings.selected);
    this.cursor = null;
    this.set({ selected: order[(place + 1) % order.length], marked: [], revealed: false });
    this.toPicture();
  };

  // The button that was pressed may be gone: keys go on in the picture, which also tells what came of it.
  toPicture() { this.page.canvases.eye.focus({ preventScroll: true }); }

  changePhoto(photo) { this.set({ photo, marked: [] }); }

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
    this.look(picture);
    yield;
    picture.means = yield* meanScores(picture.prepared, this.labelsOf(this.settings.photo));
  }

  proceed(work) {
    const until = performance.now() + SLICE;
    let step = work.steps.next();
    while (!step.done && performance.now() < until) step = work.steps.next();
    if (!step.done) setTimeout(() => { if (this.working === work) this.proceed(work); });
    else { this.finish(); this.look(work.picture); }
  }

  labelsOf(photo) { return this.model.get("labels")[photo] ?? null; }

  look(picture) {
    const { settings } = this, { prepared, means } = picture, { grid, count } = prepared, labels = this.labelsOf(settings.photo), { selected, marked } = settings;
    if (this.answered?.prepared !== prepared || this.answered.selected !== selected) this.answered = { prepared, selected, answers: answersOf(prepared, labels, selected) };
    const { answers } = this.answered, guess = guessOf(prepared, labels, marked, selected), chance = scoresOf(new Float64Array(count).fill(1), { labels, grid }, selected);
    const base = { ...settings, grid, count, labels, means, answers, guess, chance, picture: picture.picture, pairs: (this.pairs ??= neighborPairs(grid)) };
    this.view = { ...base, ranked: ranking(base) };
    this.showParts();
    this.updateTexts();
    this.updateHovered();
    this.surfaces.forEach((each) => each.invalidate());
  }

  showParts() {
    const { open, view, page: { root, tiles, actions, texts, answer, scores } } = this, families = Object.values(tiles.families);
    root.toggleAttribute("data-open", open);
    for (const { canvas } of [tiles.eye, ...families]) canvas.style.aspectRatio = `${view.grid[1]} / ${view.grid[0]}`;
    for (const node of [...families.map((tile) => tile.node), tiles.eye.title, tiles.eye.score, answer, scores.node, texts.verdict, actions.again]) node.hidden = !open;
    for (const node of [actions.compare, actions.skip, actions.clear, texts.ask, texts.marked]) node.hidden = open;
  }

  updateTexts() {
    const { view, open, page: { canvases: { eye }, controls, tiles, texts, table } } = this, { selected, answers, guess, labels, chance, means, ranked } = view;
    showPhotos(controls.photo, [...this.pictures.keys()], view.photo);
    for (const family of FAMILIES) {
      setText(tiles.families[family].score, scoreText(view, answers[family].scores));
      tiles.families[family].canvas.setAttribute("aria-label", `${NAMES[family]}: ${scoreText(view, answers[family].scores)}`);
    }
    setText(tiles.eye.title, guess ? EYE : "The picture");
    setText(tiles.eye.score, guess ? scoreText(view, guess.scores) : "Nothing was marked.");
    table.show(HEADS[labels ? "regions" : "none"], ranked.map(({ name, family, scores }) => [name, ...numbersOf(view, scores), ...(family ? numbersOf(view, means?.[family]) : ["", ""])]));
    setText(texts.note, NOTES[labels ? "regions" : "none"](chance));
    const told = open ? { place: askSentence(view, true), verdict: verdictSentence(view) } : { place: askSentence(view, false), marked: markedSentence(view) };
    eye.setAttribute("aria-label", open ? "Patch that asks" : "Patch to mark");
    tell(eye, open ? selected : this.cursor ?? selected, view.count - 1, open ? `${told.place} ${told.verdict}` : cursorText(view, this.cursor ?? selected));
    this.say(told);
  }

  updateHovered() {
    const { view, hovered, page: { texts }, surfaces } = this;
    if (this.open) setText(texts.told, toldSentence(view, hovered === null ? null : clamped(hovered, view.count - 1)));
    for (const each of this.open ? surfaces : surfaces.slice(0, 1)) each.invalidate();
  }
}

export default mounted(RelationsExplorer);
