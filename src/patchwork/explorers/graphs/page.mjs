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
import { entropy, neighborPairs } from "../common/formulas.mjs";
import { placeText, plural } from "../common/words.mjs";
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

const FEATURES = [
  ["pixels", "pixels"],
  ["mean color", "mean color"],
  ["gradient energy", "gradient energy"],
  ["spectrum", "spectrum"],
];
const GRAPHS = [
  ["nearest", "k most alike"],
  ["grid", "4 that touch"],
  ["radius", "all in a radius"],
];
const VIEWS = [
  ["degrees", "degrees"],
  ["pattern", "one pattern"],
  ["clusters", "clusters"],
  ["diffusion", "diffusion"],
];
const STEPS = [0, 1, 2, 4, 8, 16, 32, 64, 128, 256],
  PATTERNS = 12,
  SLICE = 4; // ms of work at a time
const UNWEIGHTED = 9; // the bandwidth slider's last place; the others are quarters of an octave

// What sliders show and set.
const SLIDERS = {
  k: { words: "Neighbors k", ends: [1, 15], fits: ({ graph }) => graph === "nearest" },
  radius: {
    words: "Radius r",
    ends: [2, 8],
    to: (at) => at / 2,
    from: (radius) => Math.round(2 * radius),
    fits: ({ graph }) => graph !== "nearest",
  },
  bandwidth: {
    words: "σ, in medians",
    ends: [-8, UNWEIGHTED],
    to: (at) => (at === UNWEIGHTED ? null : 2 ** (at / 4)),
    fits: () => true,
    from: (bandwidth) => (bandwidth === null ? UNWEIGHTED : Math.round(4 * Math.log2(bandwidth))),
    text: (bandwidth) => (bandwidth === null ? "∞" : fixed(bandwidth)),
  },
  pattern: { words: "Pattern number", ends: [1, PATTERNS], fits: ({ view }) => view === "pattern" },
  steps: {
    words: "Steps",
    ends: [0, STEPS.length - 1],
    to: (at) => STEPS[at],
    from: (steps) => STEPS.indexOf(steps),
    fits: ({ view }) => view === "diffusion",
  },
  clusters: { words: "Clusters", ends: [2, 8], fits: ({ view }) => view === "clusters" || view === "diffusion" },
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
    found = [],
    before = labels ? 0 : meanLength(features, graph.edges);
  let now = features,
    step = 0;
  for (const steps of STEPS) {
    for (; step < steps; step++) {
      now = diffused(graph, now);
      yield;
    }
    if (labels) found.push(randIndex(labels, yield* kMeans(settled(now), clusters, draws)));
    else found.push(before ? meanLength(settled(now), graph.edges) / before : null);
    yield { ...view, curve: [...found] };
  }
  return found;
}

// A number for each patch, with the largest, and what stands below the colors.
function scaled(base, shown) {
  const most = shown.reduce((largest, each) => Math.max(largest, Math.abs(each)), 0) || 1;
  return { shown, most, ends: endsOf(base, most) };
}

// Clusters: their sizes, the share of all weight between them, and how well they fit the regions.
function judged({ edges, weights }, found, labels) {
  const sizes = Array.from(
    { length: Math.max(...found) + 1 },
    (_, cluster) => found.filter((each) => each === cluster).length,
  );
  let cut = 0,
    all = 0;
  edges.forEach(([first, second], edge) => {
    all += weights[edge];
    if (found[first] !== found[second]) cut += weights[edge];
  });
  return { sizes, cut: cut / (all || 1), score: labels && randIndex(labels, found) };
}

// Words and numbers.

const minus = (text) => text.replace("-", "−");
const fixed = (number, digits = 2) => minus(number.toFixed(digits));
const brief = (number) => fixed(number, Math.abs(number) >= 10 ? 1 : Math.abs(number) >= 0.01 || number === 0 ? 3 : 4);
const percent = (share) => `${Math.round(100 * share)}\u202f%`;
const listed = (items) =>
  items.length > 1 ? `${items.slice(0, -1).join(", ")} and ${items.at(-1)}` : String(items[0]);
const largestPlace = (numbers) => numbers.reduce((best, number, at) => (number > numbers[best] ? at : best), 0);
const named = ({ grid }, patch) => `Patch ${patch} (${placeText(patch, grid)})`;

function placeSentence(view) {
  const {
      graph: { counts, degrees },
      selected,
    } = view,
    hub = largestPlace(counts);
  return `${named(view, selected)}: ${plural(counts[selected], "edge")}, degree ${fixed(degrees[selected])}. Most edges: patch ${hub}, ${counts[hub]}.`;
}

function graphSentence({ graph: { edges, components, sigma }, count, bandwidth }) {
  const weights =
    sigma === null
      ? "All edges weigh 1."
      : `σ = ${brief(sigma)}, ${fixed(bandwidth)} times the median length of an edge.`;
  return `${count} patches, ${plural(edges.length, "edge")}, ${plural(components, "component")}. ${weights}`;
}

const SHOWN = {
  degrees: ({ graph: { degrees, largest }, selected }) =>
    `Sums of weights, from ${fixed(Math.min(...degrees))} to ${fixed(largest)} at patch ${largestPlace(degrees)}; ${fixed(degrees[selected])} here.`,
  pattern: ({ pattern, values, shown, selected, graph: { components } }) =>
    `Eigenvalue ${pattern} of the Laplacian is ${brief(values[pattern - 1])}. ${
      pattern <= components
        ? "The pattern is constant on one component and 0 elsewhere."
        : `The pattern is ${brief(shown[selected])} here.`
    }${pattern === 2 && components === 1 ? " No cut in two has a smaller Ncut." : ""}`,
  clusters: ({ sizes, cut, labels, score }) =>
    `${sizes.length} clusters; ${percent(cut)} of the weight lies between them. ${
      labels
        ? `Adjusted Rand index ${fixed(score)} against the regions: 1 is the same parts, 0 is chance.`
        : "No regions are known here to compare with."
    }`,
  diffusion: ({ steps, selected, shown, count, labels }) => {
    const wide = Math.exp(entropy(shown)),
      around = `After ${plural(steps, "step")} a walk from patch ${selected} is spread over about ${Math.round(wide)} of ${count} patches`;
    if (!labels) return `${around}; ${percent(shown[selected])} of it is where it began.`;
    const own = labels.map((label) => label === labels[selected]);
    return `${around}. ${percent(shown.reduce((sum, share, at) => sum + (own[at] ? share : 0), 0))} of it is in its region, which has ${percent(own.filter(Boolean).length / count)} of them.`;
  },
};

function chartSentence({ view, values, graph: { components }, curve, labels, clusters, steps }) {
  if (view !== "diffusion") {
    const gaps = values.slice(1).map((value, at) => value - values[at]),
      widest = largestPlace(gaps);
    return `The ${values.length} smallest eigenvalues. ${components >= values.length ? `All are 0, for there are ${components} components` : `${components === 1 ? "One is 0, for the graph is in one piece" : `${components} are 0, one for each component`}; the widest gap follows number ${widest + 1}`}.`;
  }
  const what = labels
    ? `k-means into ${clusters} clusters of what the features have become: adjusted Rand index`
    : "Mean length of an edge, against what it was before:";
  const text = (number) => (number === undefined ? "…" : number === null ? "–" : fixed(number)),
    [now, last] = [steps, 256].map((each) => text(curve[STEPS.indexOf(each)]));
  return `${what} ${labels ? `${text(curve[0])} before, ` : ""}${now} after ${plural(steps, "step")}, ${last} after 256.`;
}

const VALUES = {
  degrees: (view, patch) => `degree ${fixed(view.graph.degrees[patch])}`,
  pattern: (view, patch) => `the pattern is ${brief(view.shown[patch])}`,
  clusters: (view, patch) => `in the cluster of ${view.sizes[view.shown[patch]]}`,
  diffusion: (view, patch) => `${fixed(100 * view.shown[patch])}\u202f% of the walk`,
};

// What the pointer is over; without one, where the chosen patch's heaviest edge leads.
function toldSentence(view, hovered) {
  const {
      graph: { edges, weights },
      selected,
    } = view,
    own = edges.map((_, edge) => edge).filter((edge) => edges[edge].includes(selected));
  const other = (edge) => edges[edge][Number(edges[edge][0] === selected)],
    heaviest = own[largestPlace(own.map((edge) => weights[edge]))];
  const patch = hovered ?? other(heaviest),
    edge = own.find((each) => other(each) === patch);
  const tied =
    patch === selected
      ? "the chosen one"
      : edge === undefined
        ? `no edge to patch ${selected}`
        : `an edge of weight ${brief(weights[edge])} to patch ${selected}`;
  return `${named(view, patch)}: ${tied}; ${VALUES[view.view](view, patch)}.`;
}

// The ends of a scale, and its middle.
function endsOf({ view, graph: { largest } }, most) {
  if (view === "degrees") return ["degree 0", fixed(largest / 2), fixed(largest)];
  if (view === "pattern") return [brief(-most), "0", brief(most)];
  return ["0\u202f%", `${fixed(25 * most)}\u202f%`, `${fixed(100 * most)}\u202f% of the walk`];
}

// The page.

function buildControls(act) {
  const { photo, ...rest } = photoControls(act);
  const choices = { feature: "Feature", graph: "Edges to", view: "Show" };
  return {
    photo,
    ...Object.fromEntries(
      Object.entries(choices).map(([name, words]) => [name, choice(words, (value) => act.set({ [name]: value }))]),
    ),
    ...rest,
  };
}

function buildSliders(act, id) {
  const sliders = Object.fromEntries(
    Object.entries(SLIDERS).map(([name, { words, ends, to = Number }]) => [
      name,
      range(words, ends, (at) => act.set({ [name]: to(at) }), `${id}-${name}`),
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
  const edges = slider("Chosen patch", id),
    [shown, legend, chart] = Array.from({ length: 3 }, () => element("canvas", { role: "img" }));
  const texts = sentences("place", "graph", "shown", "told", "chart");
  const panels = {
    edges: panel(id, "edges", edges, texts.place, texts.graph),
    shown: panel(id, "view", shown, legend, texts.shown),
    chart: panel(id, "spectrum", chart, texts.chart),
  };
  const framed = frame(
    "graphs",
    "Graph explorer",
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

const TITLES = {
  degrees: () => "Degrees",
  pattern: ({ pattern }) => `Pattern ${pattern}`,
  clusters: ({ clusters }) => `${clusters} clusters`,
  diffusion: ({ steps, selected }) => `A walk from patch ${selected}, ${plural(steps, "step")}`,
};

function showControls({ controls, sliders }, settings, photos, told) {
  showPhotos(controls.photo, photos, settings.photo);
  controls.feature.show(FEATURES, settings.feature);
  controls.graph.show(GRAPHS, settings.graph);
  controls.view.show(VIEWS, settings.view);
  for (const [name, { words, from = Number, text = String, fits }] of Object.entries(SLIDERS)) {
    const touching = name === "radius" && settings.graph === "grid",
      value = touching ? 1 : settings[name];
    sliders[name].node.toggleAttribute("data-unused", !fits(settings));
    sliders[name].control.disabled = touching;
    showRange(sliders[name], from(value), `${words} ${text(value)}. ${told}`, text(value));
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

  known = {}; // what was last found, and from what

  build() {
    return buildPage(this);
  }

  draw() {
    this.keepAll({ edges: drawEdges, shown: drawShown, legend: drawLegend, chart: drawChart });
  }

  mount(el) {
    super.mount(el);
    const unmount = this.unmount;
    this.unmount = () => {
      this.solving = null;
      unmount();
    };
  }

  listen() {
    const { edges, shown } = this.page.canvases;
    for (const canvas of [edges, shown]) {
      const at = (x, y) => gridPlace(x, y, canvas, this.view.grid);
      onPointer(canvas, { choose: (x, y) => this.ask(at(x, y)), hover: this.over(at) });
    }
    walkGrid(edges, { grid: () => this.view.grid, now: () => this.model.get("selected"), go: this.ask });
  }

  forget() {
    super.forget();
    this.hover(null);
  }

  // From the settings to what is shown, in slices: the page goes on answering meanwhile, and shows what it has.

  knows(name, from) {
    return this.known[name]?.from.every((each, at) => each === from[at]) ?? false;
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
    const reach = { nearest: k, radius, grid: null }[graph],
      tied = yield* this.once("graph", [features, graph, reach, bandwidth], () => tie(features, grid, settings));
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
      { values, patterns } = yield* this.once("spectrum", [graph], () => slowPatterns(graph, PATTERNS));
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
    this.stale = true;
    if (!this.solving || this.seen) this.start();
  }

  start() {
    const { settings } = this,
      picture = this.pictures.get(settings.photo);
    this.stale = this.seen = false;
    this.solving = picture ? this.solve(settings, picture) : null;
    if (picture) this.proceed(this.solving, this.view ? SLICE : Infinity);
  }

  // What is under way is shown before anything else is begun, or a slider that moves on would show nothing.
  proceed(solving, most) {
    const until = performance.now() + most;
    let step = solving.next();
    while (!step.done && !step.value && performance.now() < until) step = solving.next();
    if (step.value) this.show(step.value);
    if (this.stale && this.seen) this.start();
    else if (step.done) {
      this.solving = null;
      this.page.root.removeAttribute("data-busy");
    } else
      setTimeout(() => {
        if (this.solving === solving) this.proceed(solving, SLICE);
      });
  }

  show(view) {
    const { page } = this,
      { edges, shown } = page.canvases,
      late = this.seen && view.curve?.length === STEPS.length;
    this.view = view;
    this.seen = true;
    for (const canvas of [edges, shown]) canvas.style.aspectRatio = `${view.grid[1]} / ${view.grid[0]}`;
    this.updateTexts();
    if (late) setText(page.status, page.texts.chart.textContent);
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
      told = { place: placeSentence(view), graph: graphSentence(view), shown: SHOWN[view.view](view) };
    showControls(this.page, this.settings, [...this.pictures.keys()], told.shown);
    setText(panels.edges.title, "The graph: edges over the picture");
    setText(panels.shown.title, TITLES[view.view](view));
    setText(
      panels.chart.title,
      view.view === "diffusion" ? "What diffusion does to the features" : "The smallest eigenvalues",
    );
    setText(texts.chart, chartSentence(view));
    tell(canvases.edges, view.selected, view.count - 1, `${told.place} ${told.shown}`);
    canvases.shown.setAttribute("aria-label", `${TITLES[view.view](view)}. ${told.shown}`);
    canvases.legend.setAttribute(
      "aria-label",
      view.sizes ? `Clusters of ${listed(view.sizes)} patches` : `Colors: ${view.ends.join(", ")}`,
    );
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
    setText(texts.told, toldSentence(view, hovered === null ? null : clamped(hovered, view.count - 1)));
    edges.invalidate();
    shown.invalidate();
  }
}

export default mounted(GraphExplorer);
