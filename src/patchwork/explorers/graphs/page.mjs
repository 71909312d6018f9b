// Patches as the nodes of a graph: its edges over the picture, and beside them degrees, a slow pattern, clusters, or a
// walk; below, the smallest eigenvalues, or what diffusion does to the features.

import { gridPlace, onPointer, walkGrid } from "../common/canvas.mjs";
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
import { grayPatches, patchFeature } from "../similarity/formulas.mjs";
import { drawChart, drawEdges, drawLegend, drawShown } from "./drawings.mjs";
import {
  connected,
  diffused,
  edgeWeights,
  kMeans,
  meanLength,
  medianLength,
  nearestEdges,
  patternRows,
  radiusEdges,
  randIndex,
  settled,
  slowPatterns,
  squaredDistance,
  squaredDistances,
  standardized,
  walkFrom,
} from "./formulas.mjs";
import limits from "./limits.json" with { type: "json" };
import * as words from "./words.mjs";

const { steps: STEPS } = limits.choices;
const UNWEIGHTED = 9; // the bandwidth slider's last place; the others are quarters of an octave

// What sliders show and set: from a setting to the slider's place, and back.
const SLIDERS = {
  k: { ends: limits.counts.k, fits: ({ graph }) => graph === "nearest" },
  radius: {
    ends: limits.ranges.radius.map((radius) => 2 * radius),
    to: (place) => place / 2,
    from: (radius) => Math.round(2 * radius),
    fits: ({ graph }) => graph !== "nearest",
  },
  bandwidth: {
    ends: [4 * Math.log2(limits.ranges.bandwidth[0]), UNWEIGHTED],
    to: (place) => (place === UNWEIGHTED ? null : 2 ** (place / 4)),
    from: (bandwidth) => (bandwidth === null ? UNWEIGHTED : Math.round(4 * Math.log2(bandwidth))),
    text: words.bandwidthText,
    fits: () => true,
  },
  pattern: { ends: limits.counts.pattern, fits: ({ view }) => view === "pattern" },
  steps: {
    ends: [0, STEPS.length - 1],
    to: (place) => STEPS[place],
    from: (steps) => STEPS.indexOf(steps),
    fits: ({ view }) => view === "diffusion",
  },
  clusters: { ends: limits.counts.clusters, fits: ({ view }) => view === "clusters" || view === "diffusion" },
};
const PLACES = [["k", "radius"], ["bandwidth"], ["pattern", "clusters"], ["steps"]]; // who shares one

// What follows from picture and settings, in generators that stop now and then.

function* measure({ gray, size }, patchSize, feature) {
  const vectors = [];
  for (const patch of grayPatches(gray, size, patchSize)) {
    vectors.push(patchFeature(patch, feature));
    if (vectors.length % 16 === 0) yield;
  }
  return yield* standardized(vectors);
}

function* tie(features, grid, { graph, k, radius, bandwidth }) {
  if (graph === "nearest") features.squared ??= yield* squaredDistances(features);
  const edges =
    graph === "nearest"
      ? nearestEdges(features.squared, features.count, k)
      : radiusEdges(grid, graph === "grid" ? 1 : radius);
  yield;
  const squared = Float64Array.from(edges, ([first, second]) => squaredDistance(features, first, second));
  const sigma = bandwidth === null ? null : bandwidth * medianLength(squared) || 1,
    weights = edgeWeights(squared, sigma);
  yield;
  const tied = connected(features.count, edges, weights),
    counts = new Int32Array(features.count);
  for (const ends of edges) for (const patch of ends) counts[patch]++;
  return {
    ...tied,
    edges,
    weights,
    sigma,
    counts,
    heaviest: Math.max(...weights) || 1,
    largest: Math.max(...tied.degrees) || 1,
  };
}

// What is left after each number of steps: with regions, how well the clusters of the diffused features fit them. It
// stops after each with a view of what it has.
function* diffuse(features, view, draws) {
  const { graph, labels, clusters } = view,
    curve = [],
    before = labels ? 0 : meanLength(features, graph.edges);
  let now = features,
    step = 0;
  for (const steps of STEPS) {
    for (; step < steps; step++) {
      now = diffused(graph, now);
      yield;
    }
    if (labels) curve.push(randIndex(labels, yield* kMeans(settled(now), clusters, draws)));
    else curve.push(before ? meanLength(settled(now), graph.edges) / before : null);
    yield { ...view, curve: [...curve] };
  }
  return curve;
}

// A number for each patch, with the largest, and what stands below the colors.
function scaled(base, shown) {
  const most = shown.reduce((largest, each) => Math.max(largest, Math.abs(each)), 0) || 1;
  return { shown, most, ends: words.endTexts(base, most) };
}

// Clusters: their sizes, the share of all weight between them, and how well they fit the regions.
function judged({ edges, weights }, labels, regions) {
  const sizes = Array.from(
    { length: Math.max(...labels) + 1 },
    (_, cluster) => labels.filter((each) => each === cluster).length,
  );
  let cut = 0,
    all = 0;
  edges.forEach(([first, second], edge) => {
    all += weights[edge];
    if (labels[first] !== labels[second]) cut += weights[edge];
  });
  return { sizes, cut: cut / (all || 1), score: regions && randIndex(regions, labels) };
}

// The page.

function buildControls(act) {
  const { photo, ...rest } = photoControls(act);
  const chosen = Object.fromEntries(
    Object.entries(words.CHOICES).map(([name, { label }]) => [
      name,
      choice(label, (value) => act.set({ [name]: value })),
    ]),
  );
  return { photo, ...chosen, ...rest };
}

function buildSliders(act, id) {
  const sliders = Object.fromEntries(
    Object.entries(SLIDERS).map(([name, { ends, to = Number }]) => [
      name,
      range(words.SLIDERS[name], ends, (place) => act.set({ [name]: to(place) }), `${id}-${name}`),
    ]),
  );
  const places = PLACES.map((names) =>
    element("div", { class: "pw-slot" }, ...names.map((name) => sliders[name].node)),
  );
  return { sliders, node: element("div", { class: "pw-sliders" }, ...places) };
}

function buildPage(act) {
  const id = pageId(),
    controls = buildControls(act),
    message = messageLine(),
    { sliders, node } = buildSliders(act, id);
  const edges = slider(words.CHOSEN, id),
    [shown, legend, chart] = Array.from({ length: 3 }, () => element("canvas", { role: "img" }));
  const texts = sentences("place", "graph", "shown", "told", "chart");
  const panels = {
    edges: panel(id, "edges", edges, texts.place, texts.graph),
    shown: panel(id, "view", shown, legend, texts.shown),
    chart: panel(id, "spectrum", chart, texts.chart),
  };
  const framed = frame(
    "graphs",
    words.LABEL,
    id,
    settingsRow(controls),
    node,
    message,
    panels.edges.node,
    panels.shown.node,
    texts.told,
    panels.chart.node,
  );
  return { ...framed, controls, sliders, message, texts, panels, canvases: { edges, shown, legend, chart } };
}

function showControls({ controls, sliders }, settings, photos, told) {
  showPhotos(controls.photo, photos, settings.photo);
  for (const [name, { label: _, ...texts }] of Object.entries(words.CHOICES))
    controls[name].show(
      limits.choices[name].map((value) => [value, texts[value]]),
      settings[name],
    );
  for (const [name, { from = Number, text = String, fits }] of Object.entries(SLIDERS)) {
    const touching = name === "radius" && settings.graph === "grid",
      value = touching ? 1 : settings[name];
    sliders[name].node.toggleAttribute("data-unused", !fits(settings));
    sliders[name].control.disabled = touching;
    showRange(sliders[name], from(value), words.sliderText(name, text(value), told), text(value));
  }
}

class GraphExplorer extends GrayPhotoExplorer {
  static settings = [
    "photo",
    "feature",
    "graph",
    "k",
    "radius",
    "bandwidth",
    "view",
    "pattern",
    "clusters",
    "steps",
    "selected",
  ];

  known = {}; // what was last computed, and from what

  build() {
    return buildPage(this);
  }

  draw() {
    this.keepAll({ edges: drawEdges, shown: drawShown, legend: drawLegend, chart: drawChart });
  }

  listen() {
    const { edges, shown } = this.page.canvases;
    for (const canvas of [edges, shown]) {
      const patchAt = (x, y) => gridPlace(x, y, canvas, this.view.grid);
      onPointer(canvas, { choose: (x, y) => this.ask(patchAt(x, y)), hover: this.over(patchAt) });
    }
    walkGrid(edges, { grid: () => this.view.grid, now: () => this.model.get("selected"), go: this.ask });
  }

  forget() {
    super.forget();
    this.hover(null);
  }

  // From the settings to what is shown, in slices: the page goes on responding meanwhile, and shows what it has.

  knows(name, from) {
    return this.known[name]?.from.every((each, index) => each === from[index]) ?? false;
  }

  draws(clusters) {
    return this.model.get("draws").slice(0, 10 * clusters);
  }

  *once(name, from, make) {
    if (this.knows(name, from)) return this.known[name].value;
    const value = yield* make();
    this.known[name] = { from, value };
    return value;
  }

  *solve(settings, picture) {
    const { photo, feature, graph, k, radius, bandwidth, clusters } = settings,
      patchSize = this.model.get("patch_size");
    const grid = picture.size.map((side) => side / patchSize),
      labels = this.model.get("labels")[photo] ?? null;
    this.pairs ??= neighborPairs(grid);
    const features = yield* this.once("features", [picture, feature], () => measure(picture, patchSize, feature));
    const setting = { nearest: k, radius, grid: null }[graph],
      tied = yield* this.once("graph", [features, graph, setting, bandwidth], () => tie(features, grid, settings));
    const base = {
      ...settings,
      grid,
      count: features.count,
      labels,
      pairs: this.pairs,
      picture: picture.picture,
      graph: tied,
    };
    if (settings.view !== "diffusion") return yield* this.solvePatterns(base);
    const spread = yield* this.once("spread", [tied, settings.selected, settings.steps], () =>
      walkFrom(tied, settings.selected, settings.steps),
    );
    const view = { ...base, ...scaled(base, spread) },
      from = [tied, labels, clusters];
    if (!this.knows("curve", from)) yield { ...view, curve: [] };
    return { ...view, curve: yield* this.once("curve", from, () => diffuse(features, view, this.draws(clusters))) };
  }

  *solvePatterns(base) {
    const { graph, view, pattern, clusters, labels } = base,
      { values, patterns } = yield* this.once("spectrum", [graph], () => slowPatterns(graph, limits.counts.pattern[1]));
    const solved = {
      ...base,
      values,
      marked: (number) => ({ pattern: number === pattern, clusters: number <= clusters })[view] ?? false,
    };
    if (view !== "clusters")
      return { ...solved, ...scaled(base, view === "pattern" ? patterns[pattern - 1] : graph.degrees) };
    const shown = yield* this.once("clusters", [patterns, clusters], () =>
      kMeans(patternRows(patterns, clusters), clusters, this.draws(clusters)),
    );
    return { ...solved, shown, ...judged(graph, shown, labels) };
  }

  update() {
    if (!this.pictures.get(this.settings.photo)) return; // half of a change from Python; the other half follows
    this.page.root.toggleAttribute("data-busy", true);
    this.changed = true;
    if (!this.work.busy || this.seen) this.start();
  }

  // What is under way is shown before anything else is begun, or a slider that moves on would show nothing.
  start() {
    const { settings } = this,
      take = (view) => this.take(view);
    this.changed = this.seen = false;
    const steps = this.solve(settings, this.pictures.get(settings.photo));
    this.work.start(steps, { told: take, done: take, ...(this.view ? {} : { most: Infinity }) });
  }

  take(view) {
    this.show(view, this.seen);
    this.seen = true;
    if (this.changed) this.start();
    else if (!this.work.busy) this.page.root.removeAttribute("data-busy");
  }

  // A curve that is complete only `late`, after the rest was told, is told then.
  show(view, late) {
    const { edges, shown } = this.page.canvases;
    this.view = view;
    for (const canvas of [edges, shown]) canvas.style.aspectRatio = `${view.grid[1]} / ${view.grid[0]}`;
    this.updateTexts();
    if (late && view.curve?.length === STEPS.length) setText(this.page.status, words.chartSentence(view));
    this.updateHovered();
    for (const each of this.surfaces) each.invalidate();
  }

  updateTexts() {
    const { view, page } = this,
      { canvases, panels, texts } = page;
    const told = {
      place: words.placeSentence(view),
      graph: words.graphSentence(view),
      shown: words.shownSentence(view),
    };
    showControls(page, this.settings, [...this.pictures.keys()], told.shown);
    setText(panels.edges.title, words.EDGES);
    setText(panels.shown.title, words.shownTitle(view));
    setText(panels.chart.title, words.chartTitle(view));
    setText(texts.chart, words.chartSentence(view));
    tell(canvases.edges, view.selected, view.count - 1, `${told.place} ${told.shown}`);
    canvases.shown.setAttribute("aria-label", `${words.shownTitle(view)}. ${told.shown}`);
    canvases.legend.setAttribute("aria-label", words.legendLabel(view));
    canvases.chart.setAttribute("aria-label", texts.chart.textContent);
    this.say(told);
  }

  updateHovered() {
    const {
      view,
      hovered,
      page: { texts },
      surfaces: [edges, shown],
    } = this;
    setText(texts.told, words.toldSentence(view, hovered === null ? null : clamped(hovered, view.count - 1)));
    edges.invalidate();
    shown.invalidate();
  }
}

export default mounted(GraphExplorer);
