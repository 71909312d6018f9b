// One patch is marked, all others answer: the scene, who is right under each network, and how far the news of the mark
// gets.

import { gridPlace, onKeys, onPointer, walkGrid } from "../common/canvas.mjs";
import { button, choice, element, panel, setText, slider, tell } from "../common/controls.mjs";
import { Explorer, frame, mounted, pageId, sentences, settingsRow } from "../common/explorer.mjs";
import { decodeArray, neighborPairs } from "../common/formulas.mjs";
import { decodePhoto } from "../common/photos.mjs";
import { drawCurve, drawKey, drawLarge, drawMarked, drawTile } from "./drawings.mjs";
import { answersTo, askedDistances, firstRead, GRID, hearersOf, overAllMarks, PATCHES, truths } from "./formulas.mjs";
import limits from "./limits.json" with { type: "json" };
import * as words from "./words.mjs";

const PAIRS = neighborPairs(GRID),
  LAST = PATCHES.length - 1;

// What the page was brought.

async function decodeSolved({ picture, textures, networks }, question) {
  return {
    picture: (await decodePhoto(picture)).canvas,
    question,
    textures,
    distances: PATCHES.map((mark) => askedDistances(mark, GRID, question)),
    labels: PATCHES.map((mark) => truths(mark, GRID[1], question, textures)),
    networks: Object.entries(networks).map(([name, coded]) => decodeNetwork(name, coded)),
  };
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

// What follows from the settings: every network's answers to the mark, and the chosen one's to all marks, once.
function lookAt(solved, { network, view, selected }) {
  const { picture, textures, question, networks } = solved,
    maps = networks.map((each) => answersTo(selected, each, solved)),
    place = networks.findIndex(({ name }) => name === network),
    distances = solved.distances[selected];
  networks[place].over ??= overAllMarks(networks[place], solved);
  const shown = { picture, textures, distances, question, view, selected, grid: GRID, pairs: PAIRS };
  return { ...shown, maps, chosen: maps[place], ...networks[place].over };
}

// The page.

const buildControls = (act) => ({
  network: choice(words.NETWORK, (network) => act.set({ network })),
  view: choice(words.SHOW, (view) => act.set({ view })),
  reset: { node: button(words.RESET, act.reset) },
});

function buildTile(name, act, group) {
  const radio = element("input", { type: "radio", name: group, onchange: () => act.set({ network: name }) }),
    canvas = element("canvas", { "aria-hidden": "true" });
  const counts = { reached: element("span"), others: element("span") },
    counted = Object.entries(counts).map(([who, count]) =>
      element("span", {}, element("i", {}, words.COUNTED[who]), count),
    );
  const attributes = { class: "pw-tile-count", "aria-hidden": "true" },
    told = element("span", attributes, element("b", {}, words.networkName(name)), ...counted);
  return { name, radio, canvas, counts, node: element("label", { class: "pw-tile" }, radio, canvas, told) };
}

function buildPage(act, names) {
  const id = pageId(),
    controls = buildControls(act),
    tiles = names.map((name) => buildTile(name, act, `${id}-network`));
  const [marked, large] = [words.MARKED, words.LARGE].map((each) => slider(each, id)),
    [key, chart] = Array.from({ length: 2 }, () => element("canvas", { role: "img" }));
  const texts = sentences("place", "shown", "told", "read", "chart"),
    attributes = { class: "pw-tiles", role: "radiogroup", "aria-label": words.NETWORK },
    group = element("div", attributes, ...tiles.map(({ node }) => node));
  const panels = {
    marked: panel(id, "scene", marked, texts.place),
    large: panel(id, "large", large, key, texts.shown),
    networks: panel(id, "networks", group, texts.read),
    curve: panel(id, "curve", chart, texts.chart),
  };
  const maps = [panels.marked.node, panels.large.node, texts.told, panels.networks.node],
    framed = frame("answers", words.LABEL, id, settingsRow(controls), ...maps, panels.curve.node);
  return { ...framed, controls, texts, panels, tiles, canvases: { marked, large, key, chart } };
}

function showControls({ controls, panels }, { maps, view, chosen }) {
  panels.networks.node.hidden = controls.network.node.hidden = maps.length < 2;
  controls.view.show(
    limits.choices.view.map((each) => [each, words.VIEWS[each]]),
    view,
  );
  controls.network.show(
    maps.map(({ name }) => [name, words.networkName(name)]),
    chosen.name,
  );
}

function showTile({ radio, counts }, map, chosen) {
  radio.checked = map === chosen;
  radio.setAttribute("aria-label", words.tileLabel(map));
  for (const who in counts) setText(counts[who], words.countText(map[who]));
}

// `pinned` is the patch that is read out, or null: the first that no news reaches.
class AnswersExplorer extends Explorer {
  static settings = ["scene", "network", "view", "selected"];
  static source = "scenes";
  static spoken = "canvas[role=slider]:focus, [type=radio]:focus";

  pinned = null;

  get solved() {
    return this.pictures.get(String(this.settings.scene));
  }

  // The patch that is read out while the pointer is nowhere.
  get read() {
    return this.pinned ?? firstRead(this.view);
  }

  decode(data) {
    return decodeSolved(data, this.model.get("question"));
  }

  build() {
    return buildPage(
      this,
      this.solved.networks.map(({ name }) => name),
    );
  }

  draw() {
    this.reading = this.keepAll({ marked: drawMarked, large: drawLarge });
    this.keepAll({ key: drawKey, chart: drawCurve });
    this.page.tiles.forEach(({ canvas }, place) => {
      this.keep(canvas, (context, width, height) =>
        drawTile(context, width, height, { ...this.drawn(), network: this.view.maps[place] }),
      );
    });
  }

  drawn() {
    return { ...super.drawn(), read: this.read };
  }

  // Pointers and keys.

  listen() {
    const { marked, large } = this.page.canvases;
    for (const [canvas, choose] of [
      [marked, this.ask],
      [large, this.pin],
    ]) {
      const patchAt = (x, y) => gridPlace(x, y, canvas, GRID);
      onPointer(canvas, { choose: (x, y) => choose(patchAt(x, y)), hover: this.over(patchAt) });
    }
    walkGrid(marked, { grid: () => GRID, now: () => this.view.selected, go: this.ask });
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
        ArrowUp: go(place - limits.across),
        ArrowDown: go(place + limits.across),
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
    if (!this.solved) return; // half of a change from Python; the other half follows
    this.view = lookAt(this.solved, this.settings);
    const { view, page } = this;
    showControls(page, view);
    page.tiles.forEach((tile, place) => {
      showTile(tile, view.maps[place], view.chosen);
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
      titles = words.titles(view);
    const told = {
      place: words.placeSentence(view),
      shown: words.shownSentence(view),
      chart: words.chartSentence(view),
    };
    for (const name in titles) setText(panels[name].title, titles[name]);
    setText(texts.read, words.READ);
    tell(canvases.marked, view.selected, LAST, `${told.place} ${told.shown}`);
    canvases.key.setAttribute("aria-label", words.keyLabel(view));
    canvases.chart.setAttribute("aria-label", words.chartLabel(view));
    this.say(told);
  }

  updateHovered() {
    const {
      view,
      hovered,
      read,
      page: { texts, canvases },
    } = this;
    setText(texts.told, words.toldSentence(view, hovered !== null && hovered <= LAST ? hovered : read));
    tell(canvases.large, read, LAST, words.toldSentence(view, read));
    this.reading.forEach((each) => {
      each.invalidate();
    });
  }
}

export default mounted(AnswersExplorer);
