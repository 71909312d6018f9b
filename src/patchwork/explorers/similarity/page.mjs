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
import { placeText } from "../common/words.mjs";
import { drawLarge, drawLegend, drawTile, heatPictures } from "./drawings.mjs";
import {
  averagePrecision,
  grayPatches,
  largestPlaces,
  patchFeature,
  rankShares,
  readyFor,
  relatedness,
} from "./formulas.mjs";

const FEATURES = ["pixels", "mean color", "gradient energy", "spectrum"];
const METRICS = { euclidean: "Euclidean distance", cosine: "Cosine", correlation: "Correlation" };
const MODES = [
  ["patch", "one patch and all"],
  ["neighbors", "neighbors"],
];
const KINDS = Object.keys(METRICS).flatMap((metric) => FEATURES.map((feature) => ({ feature, metric })));
const NEAREST = 5,
  STEP = 0.05,
  RANGES = { gain: [0.1, 2], offset: [-0.5, 0.5] };
const SLICE = 5,
  PAUSE = 150; // ms of work at a time while the scores of all patches are computed, and before it starts

// What follows from picture and exposure alone.

// One patch under every feature, ready for every metric.
function describe(patch) {
  return Object.fromEntries(
    FEATURES.map((feature) => {
      const vector = patchFeature(patch, feature);
      return [
        feature,
        {
          dim: vector.length,
          ...Object.fromEntries(Object.keys(METRICS).map((metric) => [metric, readyFor(vector, metric)])),
        },
      ];
    }),
  );
}

const half = (columns) => Math.floor(columns / 2);
const strongest = (edges) => Math.max(1, Math.round(edges.length / 20));

// The right half as gain · x + offset; what lies outside [0, 1] is only drawn at its ends.
function expose({ gray, size: [height, width] }, [, columns], { gain, offset }) {
  const from = half(columns) * (width / columns),
    exposed = gray.slice();
  for (let row = 0; row < height; row++) {
    for (let at = row * width + from; at < (row + 1) * width; at++) exposed[at] = gain * exposed[at] + offset;
  }
  return exposed;
}

// Scores. `present` and `even` are what the settings' exposure and an equal one give; null where nothing can be told.

function keptShare(present, even, count) {
  const before = largestPlaces(even, count),
    now = new Set(largestPlaces(present, count));
  return before.length ? before.filter((place) => now.has(place)).length / before.length : null;
}

// How related all others are to one patch; how far apart neighbors are.
function rowOf(described, { feature, metric }, query) {
  const row = new Float64Array(described.length - 1),
    asking = described[query][feature][metric];
  for (let at = 0; at < row.length; at++)
    row[at] = relatedness(asking, described[at + (at >= query)][feature][metric], metric);
  return row;
}

const edgesOf = (described, { feature, metric }, edges) =>
  Float64Array.from(
    edges,
    ([one, other]) => 0 - relatedness(described[one][feature][metric], described[other][feature][metric], metric),
  );

function scoreRow(row, { even, labels }, kind, query) {
  if (!labels) return keptShare(row, rowOf(even, kind, query), NEAREST);
  return averagePrecision(
    row,
    labels.filter((_, patch) => patch !== query).map((label) => label === labels[query]),
  );
}

function scoreEdges(apart, { even, labels, edges }, kind) {
  if (!labels) return keptShare(apart, edgesOf(even, kind, edges), strongest(edges));
  return averagePrecision(
    apart,
    edges.map(([one, other]) => labels[one] !== labels[other]),
  );
}

function chanceOf({ labels, edges, count }, mode) {
  if (!labels) return mode === "patch" ? NEAREST / (count - 1) : 1 / 20;
  if (mode === "neighbors") return edges.filter(([one, other]) => labels[one] !== labels[other]).length / edges.length;
  const sizes = new Map();
  for (const label of labels) sizes.set(label, (sizes.get(label) ?? 0) + 1);
  return [...sizes.values()].reduce((sum, size) => sum + size * (size - 1), 0) / count / (count - 1);
}

// The scores of all rows, kind by kind, row by row: it stops after each, so that the page can answer in between.
function* scoreAll(exposure) {
  const means = [];
  for (const kind of KINDS) {
    const found = [];
    for (let query = 0; query < exposure.count; query++) {
      const score = scoreRow(rowOf(exposure.described, kind, query), exposure, kind, query);
      if (score !== null) found.push(score);
      yield null;
    }
    means.push(found.length ? found.reduce((sum, each) => sum + each, 0) / found.length : null);
  }
  return means;
}

// What follows from the settings: twelve maps.

function look(exposure, settings) {
  const { mode, selected: query } = settings,
    maps = KINDS.map((kind) => mapOf(exposure, kind, mode, query));
  const chosen =
    maps[KINDS.findIndex(({ feature, metric }) => feature === settings.feature && metric === settings.metric)];
  const nearest =
    mode === "patch" ? largestPlaces(chosen.values, NEAREST).map((place) => place + (place >= query)) : [];
  const heat = mode === "patch" ? heatPictures(maps, exposure.grid) : null;
  return { ...settings, ...exposure, query, maps, chosen, nearest, heat, chance: chanceOf(exposure, mode) };
}

// Its values and their ranks, one for each patch or for each pair of neighbors. The patch that asks takes part in no
// ranking.
function mapOf(exposure, kind, mode, query) {
  const { described, edges } = exposure,
    one = mode === "patch",
    values = one ? rowOf(described, kind, query) : edgesOf(described, kind, edges);
  const sorted = values.slice().sort(),
    ranks = rankShares(values),
    at = (share) => valueText(sorted[Math.round(share * (sorted.length - 1))], kind, mode);
  return {
    ...kind,
    values,
    dim: described[0][kind.feature].dim,
    score: one ? scoreRow(values, exposure, kind, query) : scoreEdges(values, exposure, kind),
    shares: one ? [...ranks.slice(0, query), 1, ...ranks.slice(query)] : ranks,
    flat: sorted[0] === sorted.at(-1),
    all: at(0).replace(/\.0+$/, ""),
    ends: one ? [`least ${at(0)}`, at(0.5), `most ${at(1)}`] : [`alike ${at(0)}`, at(0.5), `apart ${at(1)}`],
  };
}

// Words and numbers.

const capital = (text) => text[0].toUpperCase() + text.slice(1);
const minus = (text) => text.replace("-", "−");
const scoreText = (score) => (score === null ? "–" : score.toFixed(2));

// A value as it is measured: distances are negated between one patch and all, cosines between neighbors.
function valueText(value, { metric }, mode) {
  if (metric === "euclidean") return Math.abs(value).toFixed(Math.abs(value) < 10 ? 3 : 1);
  return minus((mode === "patch" ? value : 0 - value).toFixed(3));
}

const measureText = ({ metric }) => (metric === "euclidean" ? "distance" : metric);
const kindText = ({ feature, metric }) =>
  `${capital(feature)} by ${metric === "euclidean" ? METRICS.euclidean : metric}`;
const patchText = ({ grid }, patch) => `patch ${patch} (${placeText(patch, grid)})`;
const fixed = (number) => minus(number.toFixed(2));

function whyFlat({ dim, metric, all }) {
  if (dim === 1 && metric === "correlation")
    return "One number minus its own mean is 0: its correlation is 0 by definition, and ranks nothing.";
  if (dim === 1 && metric === "cosine") return "One number has no direction, only a sign: its cosine ranks nothing.";
  return `Every value is ${all}: nothing is ranked.`;
}

function askSentence(view) {
  const { mode, query } = view;
  return mode === "patch" ? `${capital(patchText(view, query))} asks.` : neighborsSentence(view, query);
}

function neighborsSentence(view, patch) {
  const { edges, chosen, mode } = view,
    sides = edges.flatMap(([one, other], at) =>
      one === patch
        ? [`${valueText(chosen.values[at], chosen, mode)} ${other === one + 1 ? "to the right" : "below"}`]
        : [],
    );
  return `${capital(patchText(view, patch))}: ${sides.length ? `${measureText(chosen)} ${sides.join(", ")}` : "the last, with none at its right or below"}.`;
}

function scoreSentence({ mode, chosen, labels, edges }) {
  if (chosen.flat) return whyFlat(chosen);
  if (labels)
    return `${mode === "patch" ? "Does its region come first?" : "Do edges between regions come first?"} Average precision ${scoreText(chosen.score)}.`;
  const count = mode === "patch" ? NEAREST : strongest(edges),
    same = Math.round(chosen.score * count);
  return `${same} of ${mode === "patch" ? `its ${count} nearest patches` : `the ${count} strongest edges`} ${same === 1 ? "is" : "are"} so at equal exposure too.`;
}

function allSentence({ mode, chance, count }, mean) {
  return mode === "patch"
    ? `Over all ${count} patches ${mean === undefined ? "…" : scoreText(mean)}, chance ${scoreText(chance)}.`
    : `Chance ${scoreText(chance)}.`;
}

function nearestSentence({ mode, chosen, nearest, edges, labels, query, grid: [, columns] }) {
  const strong = mode === "neighbors" && largestPlaces(chosen.values, 1)[0];
  if (mode === "neighbors")
    return strong === undefined
      ? ""
      : `Most apart: patches ${edges[strong].join(" and ")}, ${measureText(chosen)} ${valueText(chosen.values[strong], chosen, mode)}.`;
  if (!nearest.length) return "";
  const right = nearest.filter((patch) => patch % columns >= half(columns)).length;
  const inside = labels ? `${nearest.filter((patch) => labels[patch] === labels[query]).length} in its region, ` : "";
  return `Nearest: ${nearest.join(", ")}; ${inside}${right} in the right half.`;
}

// What the pointer is over; without one, the patch most related.
function pairSentence(view, hovered) {
  const { mode, query, chosen, nearest, labels, count } = view,
    patch = hovered ?? nearest[0] ?? query;
  if (mode === "neighbors") return hovered === null ? "" : neighborsSentence(view, patch);
  const name = capital(patchText(view, patch)),
    at = patch - (patch > query);
  if (patch === query) return `${name}: itself, in no ranking.`;
  const ahead = chosen.values.filter((value) => value > chosen.values[at]).length;
  const region = labels ? `, ${labels[patch] === labels[query] ? "same region" : "another region"}` : "";
  return `${name}: ${measureText(chosen)} ${valueText(chosen.values[at], chosen, mode)}, ${chosen.flat ? "as all" : `rank ${ahead + 1} of ${count - 1}`}${region}.`;
}

// What the scores in the table mean.
function readSentence({ mode, labels, edges }) {
  const bars = "The tick on each bar is chance.";
  if (mode === "neighbors")
    return labels
      ? `Average precision: do edges between regions come first? ${bars}`
      : `Which share of the ${strongest(edges)} strongest edges is so at equal exposure too? ${bars}`;
  return labels
    ? `Average precision: do patches of the same region come first? For all patches in turn, and here. ${bars}`
    : `Which share of the ${NEAREST} nearest patches is so at equal exposure too? For all patches in turn, and here. ${bars}`;
}

// The page: settings, the exposure, twelve maps, the chosen one.

function buildControls(act) {
  const { photo, ...rest } = photoControls(act);
  return { photo, mode: choice("Show", (mode) => act.set({ mode })), ...rest };
}

function buildExposure(act, id) {
  const sliders = Object.fromEntries(
    Object.entries(RANGES).map(([name, ends]) => {
      const set = (steps) => act.set({ [name]: Number((steps * STEP).toFixed(2)) });
      return [
        name,
        range(
          capital(name),
          ends.map((end) => Math.round(end / STEP)),
          set,
          `${id}-${name}`,
        ),
      ];
    }),
  );
  const title = element("p", { class: "pw-note" }, "The right half, exposed otherwise: x → gain · x + offset");
  return {
    ...sliders,
    node: element(
      "div",
      { class: "pw-exposure", role: "group", "aria-label": "Exposure of the right half" },
      title,
      ...Object.values(sliders).map(({ node }) => node),
    ),
  };
}

function buildTile(kind, act, name) {
  const radio = element("input", { type: "radio", name, onchange: () => act.set(kind) }),
    canvas = element("canvas", { "aria-hidden": "true" });
  const here = element("span"),
    bar = element("span", { class: "pw-bar" }),
    all = element("b");
  return {
    ...kind,
    radio,
    canvas,
    here,
    bar,
    all,
    node: element(
      "label",
      { class: "pw-tile" },
      radio,
      canvas,
      element("span", { class: "pw-tile-score", "aria-hidden": "true" }, all, here),
      bar,
    ),
  };
}

function buildTiles(act, id) {
  const tiles = KINDS.map((kind) => buildTile(kind, act, `${id}-kind`)),
    dims = FEATURES.map(() => element("span"));
  const heads = FEATURES.map((feature, at) =>
    element("p", { class: "pw-feature" }, element("b", {}, capital(feature)), dims[at]),
  );
  const rows = Object.entries(METRICS).flatMap(([metric, words]) => [
    element("p", { class: "pw-metric" }, words),
    ...tiles.filter((tile) => tile.metric === metric).map(({ node }) => node),
  ]);
  return {
    tiles,
    dims,
    node: element(
      "div",
      { class: "pw-tiles", role: "radiogroup", "aria-label": "Feature and metric" },
      ...heads,
      ...rows,
    ),
  };
}

function buildPage(act) {
  const id = pageId(),
    controls = buildControls(act),
    message = messageLine(),
    exposure = buildExposure(act, id),
    { tiles, dims, node } = buildTiles(act, id);
  const large = slider("Patch that asks", id),
    legend = element("canvas", { role: "img" });
  const texts = sentences("place", "score", "all", "nearest", "told", "read");
  const panels = {
    maps: panel(id, "maps", node, texts.read),
    large: panel(id, "large", large, legend, texts.place, texts.score, texts.all, texts.nearest, texts.told),
  };
  const framed = frame(
    "similarity",
    "Similarity explorer",
    id,
    settingsRow(controls),
    exposure.node,
    message,
    panels.maps.node,
    panels.large.node,
  );
  return { ...framed, controls, message, exposure, tiles, dims, texts, panels, canvases: { large, legend } };
}

function showControls({ controls }, settings, photos) {
  showPhotos(controls.photo, photos, settings.photo);
  controls.mode.show(MODES, settings.mode);
}

class SimilarityExplorer extends GrayPhotoExplorer {
  static settings = ["photo", "mode", "feature", "metric", "gain", "offset", "selected"];
  static spoken = "canvas[role=slider]:focus, [type=range]:focus, [type=radio]:focus";

  build() {
    return buildPage(this);
  }

  draw() {
    this.keepAll({ large: drawLarge, legend: drawLegend });
    this.page.tiles.forEach(({ canvas }, at) => {
      this.keep(canvas, (context, width, height) =>
        drawTile(context, width, height, { ...this.drawn(), map: this.view.maps[at] }),
      );
    });
  }

  mount(el) {
    super.mount(el);
    const unmount = this.unmount;
    this.unmount = () => {
      clearTimeout(this.waitingSlice);
      unmount();
    };
  }

  // Pointers and keys.

  listen() {
    const {
        canvases: { large },
        tiles,
      } = this.page,
      at = (x, y) => gridPlace(x, y, large, this.view.grid);
    onPointer(large, { choose: (x, y) => this.ask(at(x, y)), hover: this.over(at) });
    walkGrid(large, { grid: () => this.view.grid, now: () => this.view.query, go: this.ask });
    tiles.forEach(({ radio }, place) => {
      const go = (to) => () => {
        if (to >= 0 && to < tiles.length) {
          tiles[to].radio.focus();
          this.set(KINDS[to]);
        }
      };
      const across = FEATURES.length;
      onKeys(radio, {
        ArrowLeft: go(place - 1),
        ArrowRight: go(place + 1),
        ArrowUp: go(place - across),
        ArrowDown: go(place + across),
        Home: go(0),
        End: go(tiles.length - 1),
      });
    });
  }

  forget() {
    super.forget();
    this.hover(null);
  }

  // From the settings to the page.

  // What the picture and its exposure give; the last exposure is kept, and each picture's equal one.
  expose({ photo, gain, offset }) {
    const picture = this.pictures.get(photo),
      key = JSON.stringify([photo, gain, offset]);
    if (this.exposure?.key === key && this.exposure.source === picture) return this.exposure;
    const patchSize = this.model.get("patch_size"),
      grid = picture.size.map((side) => side / patchSize);
    picture.even ??= grayPatches(picture.gray, picture.size, patchSize).map(describe);
    const { even } = picture;
    const gray = expose(picture, grid, { gain, offset }),
      equal = gain === 1 && offset === 0;
    const described = equal
      ? even
      : grayPatches(gray, picture.size, patchSize).map((patch, at) =>
          at % grid[1] < half(grid[1]) ? even[at] : describe(patch),
        );
    this.pairs ??= neighborPairs(grid);
    const labels = this.model.get("labels")[photo] ?? null;
    this.exposure = {
      key,
      source: picture,
      grid,
      count: even.length,
      labels,
      edges: this.pairs,
      even,
      described,
      picture: grayPicture(gray, picture.size),
    };
    return this.exposure;
  }

  update() {
    const { settings, page } = this;
    if (!this.pictures.get(settings.photo)) return; // half of a change from Python; the other half follows
    this.view = look(this.expose(settings), settings);
    showControls(page, settings, [...this.pictures.keys()]);
    page.canvases.large.style.aspectRatio = `${this.view.grid[1]} / ${this.view.grid[0]}`;
    page.tiles.forEach((tile, at) => {
      tile.canvas.style.aspectRatio = page.canvases.large.style.aspectRatio;
      tile.radio.checked = this.view.maps[at] === this.view.chosen;
    });
    page.dims.forEach((node, at) => {
      setText(node, `D = ${this.view.maps[at].dim}`);
    });
    this.updateScores();
    this.updateTexts();
    this.updateHovered();
    this.surfaces.forEach((each) => {
      each.invalidate();
    });
    this.scoreSoon();
  }

  // In slices: the page goes on answering meanwhile.
  scoreSoon() {
    const {
      exposure,
      view: { mode },
    } = this;
    if (this.scoring === exposure || mode !== "patch") return;
    this.scoring = exposure;
    const rows = scoreAll(exposure),
      slice = () => {
        if (this.exposure !== exposure) return; // nobody waits for it any more
        const until = performance.now() + SLICE;
        let step = rows.next();
        while (!step.done && performance.now() < until) step = rows.next();
        if (!step.done) {
          this.waitingSlice = setTimeout(slice);
          return;
        }
        exposure.means = step.value;
        this.updateScores();
        this.updateTexts();
        if (this.scored && this.view.mode === "patch") setText(this.page.status, this.page.texts.all.textContent); // the first view says nothing
        this.scored = true;
      };
    clearTimeout(this.waitingSlice);
    this.waitingSlice = setTimeout(slice, PAUSE);
  }

  updateScores() {
    const {
      view: { mode, maps, chance },
      exposure: { means },
      page,
    } = this;
    page.tiles.forEach(({ radio, here, bar, all }, at) => {
      const { score } = maps[at],
        mean = mode === "neighbors" ? score : means?.[at];
      setText(all, `${mode === "neighbors" ? "" : "all "}${mean === undefined ? "…" : scoreText(mean)}`);
      setText(here, mode === "neighbors" ? "" : `here ${scoreText(score)}`);
      if (mean !== undefined) bar.style.setProperty("--share", mean ?? 0);
      bar.toggleAttribute("data-old", mean === undefined);
      bar.style.setProperty("--chance", chance);
      radio.setAttribute("aria-label", `${kindText(KINDS[at])}: ${all.textContent} ${here.textContent}`);
    });
  }

  updateTexts() {
    const {
        view,
        exposure: { means },
        page: { canvases, exposure, panels, texts },
      } = this,
      mean = means?.[view.maps.indexOf(view.chosen)];
    setText(
      panels.maps.title,
      view.mode === "patch" ? `Patch ${view.query} and all others` : "Each patch and its neighbors",
    );
    setText(panels.large.title, kindText(view.chosen));
    setText(texts.read, readSentence(view));
    canvases.legend.setAttribute("aria-label", `Colors by rank: ${view.chosen.ends.join(", ")}`);
    const told = { place: askSentence(view), score: scoreSentence(view), nearest: nearestSentence(view) };
    tell(canvases.large, view.query, view.count - 1, `${told.place} ${told.score}`);
    for (const name in RANGES)
      showRange(
        exposure[name],
        Math.round(view[name] / STEP),
        `${name} ${fixed(view[name])}. ${told.score}`,
        fixed(view[name]),
      );
    setText(texts.all, allSentence(view, mean));
    this.say(told);
  }

  updateHovered() {
    const {
      view,
      hovered,
      page: { texts },
      surfaces: [large],
    } = this;
    setText(texts.told, pairSentence(view, hovered === null ? null : clamped(hovered, view.count - 1)));
    large.invalidate();
  }
}

export default mounted(SimilarityExplorer);
