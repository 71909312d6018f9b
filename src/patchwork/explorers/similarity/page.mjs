// Four features by three metrics: how related one patch is to all, or each to its neighbors, in twelve maps with their
// scores; the chosen one large. The right half of the picture can be exposed otherwise.

import { grayPicture, gridPlace, onKeys, onPointer, walkGrid } from "../common/canvas.mjs";
import { choice, clamped, element, panel, range, setText, showRange, slider, tell } from "../common/controls.mjs";
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
import { neighborPairs } from "../common/formulas.mjs";
import { fixed } from "../common/words.mjs";
import { drawLarge, drawLegend, drawTile, heatPictures } from "./drawings.mjs";
import limits from "./limits.json" with { type: "json" };
import { describeAll, describeExposed, KINDS, look, meanScores } from "./maps.mjs";
import * as words from "./words.mjs";

const { mode: MODES, feature: FEATURES, metric: METRICS } = limits.choices;
const STEP = 0.05; // of the sliders
const PAUSE = 150; // ms before the scores of all patches are begun

// The page: settings, the exposure, twelve maps, the chosen one.

function buildControls(act) {
  const { photo, ...rest } = photoControls(act);
  return { photo, mode: choice(words.MODES.label, (mode) => act.set({ mode })), ...rest };
}

function buildExposure(act, id) {
  const sliders = Object.fromEntries(
    Object.entries(limits.ranges).map(([name, ends]) => {
      const places = ends.map((end) => Math.round(end / STEP)),
        set = (place) => act.set({ [name]: Number((place * STEP).toFixed(2)) });
      return [name, range(words.SLIDERS[name], places, set, `${id}-${name}`)];
    }),
  );
  const note = element("p", { class: "pw-note" }, words.EXPOSED),
    attributes = { class: "pw-exposure", role: "group", "aria-label": words.EXPOSURE };
  return { sliders, node: element("div", attributes, note, ...Object.values(sliders).map(({ node }) => node)) };
}

function buildTile(kind, act, name) {
  const radio = element("input", { type: "radio", name, onchange: () => act.set(kind) }),
    canvas = element("canvas", { "aria-hidden": "true" }),
    [all, here, bar] = [element("b"), element("span"), element("span", { class: "pw-bar" })],
    score = element("span", { class: "pw-tile-score", "aria-hidden": "true" }, all, here);
  return {
    ...kind,
    radio,
    canvas,
    all,
    here,
    bar,
    node: element("label", { class: "pw-tile" }, radio, canvas, score, bar),
  };
}

function buildTiles(act, id) {
  const tiles = KINDS.map((kind) => buildTile(kind, act, `${id}-kind`)),
    dims = FEATURES.map(() => element("span"));
  const heads = FEATURES.map((feature, index) =>
    element("p", { class: "pw-feature" }, element("b", {}, words.FEATURES[feature]), dims[index]),
  );
  const rows = METRICS.flatMap((metric) => [
    element("p", { class: "pw-metric" }, words.METRICS[metric]),
    ...tiles.filter((tile) => tile.metric === metric).map(({ node }) => node),
  ]);
  const attributes = { class: "pw-tiles", role: "radiogroup", "aria-label": words.TILES };
  return { tiles, dims, node: element("div", attributes, ...heads, ...rows) };
}

function buildPage(act) {
  const id = pageId(),
    controls = buildControls(act),
    message = messageLine(),
    { sliders, node: exposure } = buildExposure(act, id),
    { tiles, dims, node } = buildTiles(act, id);
  const large = slider(words.CHOSEN, id),
    legend = element("canvas", { role: "img" });
  const texts = sentences("place", "score", "all", "nearest", "told", "read");
  const panels = {
    maps: panel(id, "maps", node, texts.read),
    large: panel(id, "large", large, legend, texts.place, texts.score, texts.all, texts.nearest, texts.told),
  };
  const parts = [settingsRow(controls), exposure, message, panels.maps.node, panels.large.node],
    framed = frame("similarity", words.LABEL, id, ...parts);
  return { ...framed, controls, message, sliders, tiles, dims, texts, panels, canvases: { large, legend } };
}

function showControls({ controls }, settings, photos) {
  const { label: _, ...texts } = words.MODES;
  showPhotos(controls.photo, photos, settings.photo);
  controls.mode.show(
    MODES.map((mode) => [mode, texts[mode]]),
    settings.mode,
  );
}

// Keys move among the tiles as within a grid, and from the end of a row to the next.
function walkTiles(tiles, choose) {
  const across = FEATURES.length,
    go = (place) => () => {
      if (!tiles[place]) return;
      tiles[place].radio.focus();
      choose(KINDS[place]);
    };
  for (const [place, { radio }] of tiles.entries())
    onKeys(radio, {
      ArrowLeft: go(place - 1),
      ArrowRight: go(place + 1),
      ArrowUp: go(place - across),
      ArrowDown: go(place + across),
      Home: go(0),
      End: go(tiles.length - 1),
    });
}

class SimilarityExplorer extends GrayPhotoExplorer {
  static settings = ["photo", "mode", "feature", "metric", "gain", "offset", "selected"];
  static spoken = "canvas[role=slider]:focus, [type=range]:focus, [type=radio]:focus";

  build() {
    return buildPage(this);
  }

  draw() {
    this.keepAll({ large: drawLarge, legend: drawLegend });
    this.page.tiles.forEach(({ canvas }, tile) => {
      this.keep(canvas, (context, width, height, drawn) =>
        drawTile(context, width, height, { ...drawn, map: drawn.view.maps[tile] }),
      );
    });
  }

  listen() {
    const { large } = this.page.canvases,
      patchAt = (x, y) => gridPlace(x, y, large, this.view.grid);
    onPointer(large, { choose: (x, y) => this.ask(patchAt(x, y)), hover: this.over(patchAt) });
    walkGrid(large, { grid: () => this.view.grid, now: () => this.view.selected, go: this.ask });
    walkTiles(this.page.tiles, this.set);
  }

  forget() {
    super.forget();
    this.hover(null);
  }

  // From the settings to the page.

  // What a picture and its exposure give; the last one is kept, and each picture's equal one.
  expose({ photo, gain, offset }) {
    const { exposure: before } = this,
      source = this.pictures.get(photo);
    if (before?.source === source && before.gain === gain && before.offset === offset) return before;
    const patchSize = this.model.get("patch_size"),
      grid = source.size.map((side) => side / patchSize),
      labels = this.model.get("labels")[photo] ?? null;
    this.edges ??= neighborPairs(grid);
    source.even ??= describeAll(source, patchSize);
    const { gray, described } = describeExposed(source, patchSize, source.even, { gain, offset }),
      picture = grayPicture(gray, source.size);
    const known = { source, gain, offset, grid, labels, edges: this.edges, even: source.even };
    return { ...known, described, picture, count: described.length };
  }

  update() {
    const { settings } = this;
    if (!this.pictures.get(settings.photo)) return; // half of a change from Python; the other half follows
    this.exposure = this.expose(settings);
    const view = look(this.exposure, settings),
      heat = settings.mode === "patch" ? heatPictures(view.maps, view.grid) : null;
    this.view = { ...view, heat };
    showControls(this.page, settings, [...this.pictures.keys()]);
    this.updateTiles();
    this.updateScores();
    this.updateTexts();
    this.updateHovered();
    for (const each of this.surfaces) each.invalidate();
    this.scoreSoon();
  }

  updateTiles() {
    const { maps, chosen, grid } = this.view,
      { canvases, tiles, dims } = this.page;
    for (const { style } of [canvases.large, ...tiles.map(({ canvas }) => canvas)])
      style.aspectRatio = `${grid[1]} / ${grid[0]}`;
    tiles.forEach(({ radio }, tile) => {
      radio.checked = maps[tile] === chosen;
    });
    for (const [index, node] of dims.entries()) setText(node, words.dimText(maps[index]));
  }

  // The scores of all patches, once for each exposure that is asked about.
  scoreSoon() {
    const { exposure, view } = this;
    if (this.scoring === exposure) return;
    this.work.stop();
    if (view.mode !== "patch") return;
    this.scoring = exposure;
    this.work.start(meanScores(exposure), { pause: PAUSE, done: (means) => this.takeMeans(means) });
  }

  takeMeans(means) {
    const { exposure, page } = this;
    exposure.means = means;
    this.updateScores();
    this.updateTexts();
    if (this.scored && this.view.mode === "patch") setText(page.status, page.texts.all.textContent);
    this.scored = true; // the first view says nothing
  }

  // What is scored of a map: the mean of all patches, undefined until it is known, or one number for all neighbors.
  scoreOfAll(tile) {
    const { mode, maps } = this.view;
    return mode === "patch" ? this.exposure.means?.[tile] : maps[tile].score;
  }

  updateScores() {
    const { mode, maps, chance } = this.view;
    this.page.tiles.forEach(({ radio, all, here, bar }, tile) => {
      const score = this.scoreOfAll(tile);
      setText(all, words.allText(mode, score));
      setText(here, words.hereText(maps[tile]));
      if (score !== undefined) bar.style.setProperty("--share", score ?? 0);
      bar.toggleAttribute("data-old", score === undefined);
      bar.style.setProperty("--chance", chance);
      radio.setAttribute("aria-label", words.tileText(maps[tile], score));
    });
  }

  updateTexts() {
    const { view } = this,
      { canvases, sliders, panels, texts } = this.page;
    const told = {
      place: words.placeSentence(view),
      score: words.scoreSentence(view),
      nearest: words.nearestSentence(view),
    };
    setText(panels.maps.title, words.mapsTitle(view));
    setText(panels.large.title, words.kindText(view.chosen));
    setText(texts.read, words.readSentence(view));
    setText(texts.all, words.allSentence(view, this.scoreOfAll(view.maps.indexOf(view.chosen))));
    canvases.legend.setAttribute("aria-label", words.legendLabel(view.chosen));
    tell(canvases.large, view.selected, view.count - 1, `${told.place} ${told.score}`);
    for (const name in sliders) {
      const value = fixed(view[name]);
      showRange(sliders[name], Math.round(view[name] / STEP), words.sliderText(name, value, told.score), value);
    }
    this.say(told);
  }

  updateHovered() {
    const { view, hovered } = this,
      [large] = this.surfaces;
    setText(this.page.texts.told, words.toldSentence(view, hovered === null ? null : clamped(hovered, view.count - 1)));
    large.invalidate();
  }
}

export default mounted(SimilarityExplorer);
