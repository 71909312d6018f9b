// One patch is marked, all others answer: the scene, who is right under each network, and how far the news of the mark
// gets.

import { gridPlace, onKeys, onPointer, walkGrid } from "../common/canvas.mjs";
import { button, choice, element, panel, setText, slider, tell } from "../common/controls.mjs";
import { Explorer, frame, mounted, pageId, sentences, settingsRow } from "../common/explorer.mjs";
import { decodeArray, neighborPairs } from "../common/formulas.mjs";
import { decodePhoto } from "../common/photos.mjs";
import { placeText } from "../common/words.mjs";
import { drawCurve, drawKey, drawLarge, drawScene, drawTile, keyTexts } from "./drawings.mjs";
import { arrivals, askedDistances, BLOCKS, ceilings, hearersOf, sharesByDistance, truths } from "./formulas.mjs";

const GRID = [12, 12],
  COUNT = GRID[0] * GRID[1],
  PAIRS = neighborPairs(GRID),
  PATCHES = Array.from({ length: COUNT }, (_, patch) => patch);
const TEXTURES = ["brick", "grass"],
  ACROSS = 4; // tiles in a row
const VIEWS = [
  ["right", "right or wrong"],
  ["answers", "the answers"],
  ["steps", "when the news arrives"],
];
const RELATIONS = {
  own: "each hears itself",
  convolution: "a 3 × 3 kernel",
  local: "attention in 3 × 3",
  window: "attention in windows",
  shifted: "windows that shift",
  global: "attention to all",
  grid: "a graph, 4 that touch",
  knn: "a graph, 8 most alike",
};

// What the page was brought.

async function decodeScene({ picture, textures, networks }, question) {
  const distances = PATCHES.map((mark) => askedDistances(mark, GRID, question)),
    labels = PATCHES.map((mark) => truths(mark, GRID[1], question, textures));
  const decoded = Object.entries(networks).map(([name, coded]) => decodeNetwork(name, coded));
  return { picture: (await decodePhoto(picture)).canvas, question, textures, distances, labels, networks: decoded };
}

function decodeNetwork(name, { relation, pooling, edges, answers }) {
  return {
    name,
    relation,
    pooling,
    digits: answers.bits > 6 ? 2 : 1,
    yes: decodeArray(answers).values,
    hearers: hearersOf(relation, GRID, edges && decodeArray(edges).values),
  };
}

// What follows from the settings.

function look(scene, { network, view, selected }) {
  const { picture, textures, question, networks } = scene,
    maps = networks.map((each) => mapOf(each, scene, selected)),
    chosen = maps.find(({ name }) => name === network);
  const base = {
    picture,
    textures,
    question,
    view,
    selected,
    distances: scene.distances[selected],
    maps,
    chosen,
    kinds: KINDS[question],
    grid: GRID,
    pairs: PAIRS,
    pooled: chosen.pooling,
  };
  return { ...base, ...overAll(chosen.network, scene) };
}

// Under one network: when the news arrives, what each patch answers and how surely, whether that is right, and the
// counts.
function mapOf(network, scene, mark) {
  const { textures, question, distances } = scene,
    steps = stepsFrom(network, mark),
    right = rightAnswers(network, scene, mark);
  const yes = PATCHES.map((patch) => network.yes[mark * COUNT + patch]),
    sure = yes.map((share) => Math.max(share, 1 - share));
  const claimed = yes.map((share) =>
    question === "left" ? Number(share > 0.5) : share > 0.5 ? textures[mark] : 1 - textures[mark],
  );
  const count = (reached) =>
    PATCHES.reduce(
      ([good, all], patch) =>
        distances[mark][patch] && (steps[patch] !== null) === reached ? [good + right[patch], all + 1] : [good, all],
      [0, 0],
    );
  return { ...network, network, steps, yes, sure, right, claimed, reached: count(true), others: count(false) };
}

const rightAnswers = ({ yes }, { labels }, mark) =>
  PATCHES.map((patch) => yes[mark * COUNT + patch] > 0.5 === labels[mark][patch]);

// With pooling the mean brings the news to whom no block brings it.
const stepsFrom = ({ hearers, pooling }, mark) =>
  arrivals(hearers, mark).map((step) => (step === null && pooling ? BLOCKS + 1 : step));

// Over all marks: right answers by distance, the ceiling, and the share of right ones without news. Found once for each
// network.
function overAll(network, scene) {
  if (network.over) return network.over;
  const { distances } = scene,
    knows = network.relation !== "knn" || network.pooling,
    right = PATCHES.map((mark) => rightAnswers(network, scene, mark));
  const reached = PATCHES.map((mark) => stepsFrom(network, mark).map((step) => step !== null));
  network.over = {
    accuracy: sharesByDistance(distances, right),
    ceiling: knows ? ceilings(distances, reached) : null,
    guessed: shareWithout(reached, right, distances),
  };
  return network.over;
}

function shareWithout(reached, right, distances) {
  let good = 0,
    all = 0;
  reached.forEach((row, mark) => {
    row.forEach((hears, patch) => {
      if (hears || !distances[mark][patch]) return;
      all++;
      good += right[mark][patch];
    });
  });
  return all ? good / all : null;
}

// Words and numbers.

const named = (name) => (name === "knn" ? "kNN" : name);
const capital = (text) => (text === "kNN" ? text : text[0].toUpperCase() + text.slice(1));
const percent = (share) => `${Math.round(100 * share)}\u202f%`;
const of = ([right, all]) => `${right} of ${all}`;
const brief = ([right, all]) => (all ? `${right}/${all}` : "–");
const textureOf = ({ textures }, patch) => TEXTURES[textures[patch]];

// What an answer is called, no and yes, and what it says of the patch, in the order of the colors.
const ANSWERS = { same: ["different", "same"], left: ["not left", "left"] };
const KINDS = {
  same: TEXTURES.map((texture) => `“I am ${texture}”`),
  left: ANSWERS.left.map((answer) => `“${answer}”`),
};

function placeSentence(view) {
  const { selected, question, textures, distances } = view,
    texture = textureOf(view, selected),
    asked = distances.filter(Boolean).length;
  const begins = `The mark: ${placeText(selected, GRID)}, ${texture}.`;
  if (question === "left") return `${begins} ${asked} patches are asked whether it lies in a column left of theirs.`;
  return `${begins} Each other patch is asked: are you ${texture} too? ${textures.filter((each) => each === textures[selected]).length - 1} of ${asked} are.`;
}

function shownSentence(view) {
  const {
      chosen: { reached, others, relation, pooling },
      guessed,
      question,
    } = view,
    graph = relation === "knn" && !pooling && question === "same";
  const news = reached[1]
    ? `The news reaches ${reached[1]} in three blocks${pooling ? " and a mean" : ""}: ${reached[0]} answer rightly.`
    : "The news reaches nobody else.";
  const kin = graph
    ? ` ${kinSentence(view)}`
    : question === "left" && reached[1]
      ? " To be reached is not enough here: where the news came from must be heard too."
      : "";
  if (!others[1]) return news + kin;
  const found = `${of(others)} ${reached[1] ? "others" : "patches"} are right, ${percent(guessed)} over all marks`;
  return `${news}${kin} ${graph ? `So is not to be: ${found}.` : `${found}: without news that is a guess.`}`;
}

// To be reached by the graph of the most alike is an answer itself.
function kinSentence(view) {
  const {
      chosen: { steps },
      textures,
      selected,
    } = view,
    reached = PATCHES.filter((patch) => steps[patch] !== null && patch !== selected);
  return `${reached.filter((patch) => textures[patch] === textures[selected]).length} of the ${reached.length} are ${textureOf(view, selected)} like the mark: to be reached is an answer itself.`;
}

function chartSentence({ accuracy, ceiling, chosen }) {
  const told = [1, 4, 8]
    .filter((distance) => accuracy[distance - 1] !== null)
    .map(
      (distance) =>
        `${percent(accuracy[distance - 1])} at distance ${distance}${ceiling ? ` (ceiling ${percent(ceiling[distance - 1])})` : ""}`,
    );
  const why = ceiling ? "" : " It has no ceiling by distance: its graph depends on the patches.";
  return `${capital(named(chosen.name))}, over all ${COUNT} marks of this scene: right are ${told.join(", ")}.${why}`;
}

const chartLabel = (view) =>
  `${chartSentence(view)} Right at distances 1 to ${view.accuracy.length}: ${view.accuracy.map((share) => (share === null ? "–" : percent(share))).join(", ")}.`;

function newsText({ steps }, patch) {
  if (steps[patch] === null) return "The news can't arrive in three blocks";
  return steps[patch] > BLOCKS
    ? "The news arrives by the mean at the end"
    : `The news arrives after block ${steps[patch]} of ${BLOCKS}`;
}

// One patch, its answer, and whether the news arrives.
function toldSentence(view, patch) {
  const { chosen, selected, distances, question } = view,
    where = `${capital(placeText(patch, GRID))}`;
  if (patch === selected) return `${where}: the mark itself, ${textureOf(view, patch)}.`;
  if (!distances[patch]) return `${where}: not asked. ${newsText(chosen, patch)}.`;
  const kinds = question === "same" ? `: ${textureOf(view, patch)}, the mark is ${textureOf(view, selected)}` : "";
  const says = `${capital(named(chosen.name))} says “${ANSWERS[question][Number(chosen.yes[patch] > 0.5)]}”, probability ${chosen.sure[patch].toFixed(chosen.digits)}: ${chosen.right[patch] ? "right" : "wrong"}.`;
  return `${where}, distance ${distances[patch]}${kinds}. ${says} ${newsText(chosen, patch)}.`;
}

// The patch that is read out without a choice: of those that no news reaches the nearest, else of all the furthest.
function firstRead({ chosen: { steps }, distances, selected }) {
  const asked = PATCHES.filter((patch) => distances[patch]),
    silent = asked.filter((patch) => steps[patch] === null);
  if (!asked.length) return selected;
  return silent.length
    ? silent.reduce((best, patch) => (distances[patch] < distances[best] ? patch : best))
    : asked.reduce((best, patch) => (distances[patch] > distances[best] ? patch : best));
}

const titleOf = ({ name, relation }) => `${capital(named(name))}${name === relation ? `: ${RELATIONS[relation]}` : ""}`;

// The page.

function buildTile(name, act, group) {
  const radio = element("input", { type: "radio", name: group, onchange: () => act.set({ network: name }) }),
    canvas = element("canvas", { "aria-hidden": "true" });
  const reached = element("span"),
    others = element("span");
  const words = element(
    "span",
    { class: "pw-tile-count", "aria-hidden": "true" },
    element("b", {}, named(name)),
    element("span", {}, element("i", {}, "news "), reached),
    element("span", {}, element("i", {}, "none "), others),
  );
  return { name, radio, canvas, reached, others, node: element("label", { class: "pw-tile" }, radio, canvas, words) };
}

function buildPage(act, names) {
  const id = pageId(),
    choices = { network: "Network", view: "Show" };
  const controls = {
    ...Object.fromEntries(
      Object.entries(choices).map(([name, words]) => [name, choice(words, (value) => act.set({ [name]: value }))]),
    ),
    reset: { node: button("Reset", act.reset) },
  };
  const [scene, large] = ["Marked patch", "Patch that answers"].map((each) => slider(each, id)),
    [key, chart] = Array.from({ length: 2 }, () => element("canvas", { role: "img" }));
  const texts = sentences("place", "shown", "told", "read", "chart"),
    tiles = names.map((name) => buildTile(name, act, `${id}-network`));
  const panels = {
    scene: panel(id, "scene", scene, texts.place),
    large: panel(id, "large", large, key, texts.shown),
    networks: panel(
      id,
      "networks",
      element(
        "div",
        { class: "pw-tiles", role: "radiogroup", "aria-label": "Network" },
        ...tiles.map(({ node }) => node),
      ),
      texts.read,
    ),
    curve: panel(id, "curve", chart, texts.chart),
  };
  const framed = frame(
    "answers",
    "Answers explorer",
    id,
    settingsRow(controls),
    panels.scene.node,
    panels.large.node,
    texts.told,
    panels.networks.node,
    panels.curve.node,
  );
  return { ...framed, controls, texts, panels, tiles, canvases: { scene, large, key, chart } };
}

// `pinned` is the patch that is read out, or null: the first that no news reaches.
class AnswersExplorer extends Explorer {
  static settings = ["scene", "network", "view", "selected"];
  static source = "scenes";
  static spoken = "canvas[role=slider]:focus, [type=radio]:focus";

  pinned = null;

  get scene() {
    return this.pictures.get(String(this.settings.scene));
  }

  // The patch that is read out while the pointer is nowhere.
  get read() {
    return this.pinned ?? firstRead(this.view);
  }

  decode(data) {
    return decodeScene(data, this.model.get("question"));
  }

  build() {
    return buildPage(
      this,
      this.scene.networks.map(({ name }) => name),
    );
  }

  draw() {
    this.reading = this.keepAll({ scene: drawScene, large: drawLarge });
    this.keepAll({ key: drawKey, chart: drawCurve });
    this.page.tiles.forEach(({ canvas }, at) => {
      this.keep(canvas, (context, width, height) =>
        drawTile(context, width, height, { ...this.drawn(), network: this.view.maps[at] }),
      );
    });
  }

  drawn() {
    return { ...super.drawn(), pinned: this.read };
  }

  // Pointers and keys.

  listen() {
    const { scene, large } = this.page.canvases,
      at = (canvas) => (x, y) => gridPlace(x, y, canvas, GRID),
      chosen = { scene: this.ask, large: this.pin };
    for (const [name, canvas] of Object.entries({ scene, large }))
      onPointer(canvas, { choose: (x, y) => chosen[name](at(canvas)(x, y)), hover: this.over(at(canvas)) });
    walkGrid(scene, { grid: () => GRID, now: () => this.view.selected, go: this.ask });
    walkGrid(large, { grid: () => GRID, now: () => this.read, go: this.pin });
    this.listenToTiles();
  }

  listenToTiles() {
    const { tiles } = this.page,
      go = (to) => () => {
        if (to >= 0 && to < tiles.length) {
          tiles[to].radio.focus();
          this.set({ network: tiles[to].name });
        }
      };
    tiles.forEach(({ radio }, place) => {
      onKeys(radio, {
        ArrowLeft: go(place - 1),
        ArrowRight: go(place + 1),
        ArrowUp: go(place - ACROSS),
        ArrowDown: go(place + ACROSS),
        Home: go(0),
        End: go(tiles.length - 1),
      });
    });
  }

  pin = (patch) => {
    this.pinned = patch;
    this.hover(null);
    this.updateHovered();
  };

  forget() {
    this.pinned = null;
    this.hover(null);
  }

  // From the settings to the page.

  update() {
    if (!this.scene) return; // half of a change from Python; the other half follows
    this.view = look(this.scene, this.settings);
    const { view, page } = this;
    page.panels.networks.node.hidden = page.controls.network.node.hidden = view.maps.length < 2;
    page.controls.view.show(VIEWS, view.view);
    page.controls.network.show(
      view.maps.map(({ name }) => [name, named(name)]),
      view.chosen.name,
    );
    page.tiles.forEach(({ radio, reached, others, name }, at) => {
      const map = view.maps[at];
      radio.checked = map === view.chosen;
      setText(reached, brief(map.reached));
      setText(others, brief(map.others));
      radio.setAttribute("aria-label", `${name}: ${of(map.reached)} with news are right, ${of(map.others)} without`);
    });
    this.updateTexts();
    this.updateHovered();
    this.surfaces.forEach((each) => {
      each.invalidate();
    });
  }

  updateTexts() {
    const {
        view,
        page: { canvases, panels, texts },
      } = this,
      told = { place: placeSentence(view), shown: shownSentence(view), chart: chartSentence(view) };
    const titles = {
      scene: "The scene, and the mark",
      large: titleOf(view.chosen),
      networks: `Every network${view.maps.every(({ name, relation }) => name === relation) ? ": only the relation differs" : ""}`,
      curve: "Right answers by distance",
    };
    for (const name in titles) setText(panels[name].title, titles[name]);
    setText(
      texts.read,
      "Below each map: how many answer rightly, first of those the news reaches, then of the others.",
    );
    tell(canvases.scene, view.selected, COUNT - 1, `${told.place} ${told.shown}`);
    canvases.key.setAttribute("aria-label", `Colors: ${keyTexts(view).join(", ")}`);
    canvases.chart.setAttribute("aria-label", chartLabel(view));
    this.say(told);
  }

  updateHovered() {
    const {
      view,
      hovered,
      read,
      page: { texts, canvases },
    } = this;
    setText(texts.told, toldSentence(view, hovered !== null && hovered < COUNT ? hovered : read));
    tell(canvases.large, read, COUNT - 1, toldSentence(view, read));
    this.reading.forEach((each) => {
      each.invalidate();
    });
  }
}

export default mounted(AnswersExplorer);
