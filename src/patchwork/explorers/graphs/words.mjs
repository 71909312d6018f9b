// What a reader is told about a graph: whole sentences, and what the parts of the page are called.

import { entropy } from "../common/formulas.mjs";
import { fixed, listed, percent, placeText, plural, text } from "../common/words.mjs";
import limits from "./limits.json" with { type: "json" };

const { steps: STEPS } = limits.choices;

export const LABEL = "Graph explorer";
export const EDGES = "The graph: edges over the picture";
export const CHOSEN = "Chosen patch";

export const CHOICES = {
  feature: {
    label: "Feature",
    pixels: "pixels",
    "mean color": "mean color",
    "gradient energy": "gradient energy",
    spectrum: "spectrum",
  },
  graph: { label: "Edges to", nearest: "k most alike", grid: "4 that touch", radius: "all in a radius" },
  view: { label: "Show", degrees: "degrees", pattern: "one pattern", clusters: "clusters", diffusion: "diffusion" },
};

export const SLIDERS = {
  k: "Neighbors k",
  radius: "Radius r",
  bandwidth: "σ, in medians",
  pattern: "Pattern number",
  clusters: "Clusters",
  steps: "Steps",
};

export const bandwidthText = (bandwidth) => (bandwidth === null ? "∞" : fixed(bandwidth));
export const sliderText = (name, value, told) => `${SLIDERS[name]} ${value}. ${told}`;

const brief = (number) => fixed(number, Math.abs(number) >= 10 ? 1 : Math.abs(number) >= 0.01 || number === 0 ? 3 : 4);
const largestPlace = (numbers) => numbers.reduce((best, number, place) => (number > numbers[best] ? place : best), 0);
const named = ({ grid }, patch) => `Patch ${patch} (${placeText(patch, grid)})`;

export function placeSentence(view) {
  const { counts, degrees } = view.graph,
    { selected } = view,
    hub = largestPlace(counts);
  return text`${named(view, selected)}: ${plural(counts[selected], "edge")}, degree ${fixed(degrees[selected])}.
    Most edges: patch ${hub}, ${counts[hub]}.`;
}

export function graphSentence({ graph: { edges, components, sigma }, count, bandwidth }) {
  const size = `${count} patches, ${plural(edges.length, "edge")}, ${plural(components, "component")}.`;
  if (sigma === null) return `${size} All edges weigh 1.`;
  return `${size} σ = ${brief(sigma)}, ${fixed(bandwidth)} times the median length of an edge.`;
}

const SHOWN = {
  degrees({ graph: { degrees, largest }, selected }) {
    return text`Sums of weights, from ${fixed(Math.min(...degrees))} to ${fixed(largest)} at patch
      ${largestPlace(degrees)}; ${fixed(degrees[selected])} here.`;
  },
  pattern({ pattern, values, shown, selected, graph: { components } }) {
    const eigenvalue = `Eigenvalue ${pattern} of the Laplacian is ${brief(values[pattern - 1])}.`;
    if (pattern <= components) return `${eigenvalue} The pattern is constant on one component and 0 elsewhere.`;
    const here = `${eigenvalue} The pattern is ${brief(shown[selected])} here.`;
    return pattern === 2 && components === 1 ? `${here} No cut in two has a smaller Ncut.` : here;
  },
  clusters({ sizes, cut, labels, score }) {
    const between = `${sizes.length} clusters; ${percent(cut)} of the weight lies between them.`;
    if (!labels) return `${between} No regions are known here to compare with.`;
    return `${between} Adjusted Rand index ${fixed(score)} against the regions: 1 is the same parts, 0 is chance.`;
  },
  diffusion({ steps, selected, shown, count, labels }) {
    const wide = Math.round(Math.exp(entropy(shown)));
    const spread = text`After ${plural(steps, "step")} a walk from patch ${selected} is spread over about ${wide} of
      ${count} patches`;
    if (!labels) return `${spread}; ${percent(shown[selected])} of it is where it began.`;
    const own = labels.map((label) => label === labels[selected]);
    const inside = shown.reduce((sum, share, patch) => sum + (own[patch] ? share : 0), 0);
    return text`${spread}. ${percent(inside)} of it is in its region, which has
      ${percent(own.filter(Boolean).length / count)} of them.`;
  },
};

export const shownSentence = (view) => SHOWN[view.view](view);

const TITLES = {
  degrees: () => "Degrees",
  pattern: ({ pattern }) => `Pattern ${pattern}`,
  clusters: ({ clusters }) => `${clusters} clusters`,
  diffusion: ({ steps, selected }) => `A walk from patch ${selected}, ${plural(steps, "step")}`,
};

export const shownTitle = (view) => TITLES[view.view](view);
export const chartTitle = ({ view }) =>
  view === "diffusion" ? "What diffusion does to the features" : "The smallest eigenvalues";

export const chartSentence = (view) => (view.view === "diffusion" ? curveSentence(view) : spectrumSentence(view));

const ROUNDING = 1e-9; // eigenvalues lie between 0 and 2

function spectrumSentence({ values, graph: { components } }) {
  const smallest = `The ${values.length} smallest eigenvalues.`;
  if (components >= values.length) return `${smallest} All are 0, for there are ${components} components.`;
  if (values.at(-1) < ROUNDING)
    return `${smallest} All are 0 but for rounding, for edges as weak as these hold next to nothing together.`;
  const widest = largestPlace(values.slice(1).map((value, index) => value - values[index])) + 1;
  if (components === 1)
    return `${smallest} One is 0, for the graph is in one piece; the widest gap follows number ${widest}.`;
  return `${smallest} ${components} are 0, one for each component; the widest gap follows number ${widest}.`;
}

function curveSentence({ curve, labels, clusters, steps }) {
  const after = (number) => {
    const value = curve[STEPS.indexOf(number)];
    return value === undefined ? "…" : fixed(value);
  };
  const taken = plural(steps, "step");
  if (!labels)
    return text`Mean length of an edge, against what it was before: ${after(steps)} after ${taken}, ${after(256)} after
      256.`;
  return text`k-means into ${clusters} clusters of what the features have become: adjusted Rand index ${after(0)}
    before, ${after(steps)} after ${taken}, ${after(256)} after 256.`;
}

const VALUES = {
  degrees: (view, patch) => `degree ${fixed(view.graph.degrees[patch])}`,
  pattern: (view, patch) => `the pattern is ${brief(view.shown[patch])}`,
  clusters: (view, patch) => `in the cluster of ${view.sizes[view.shown[patch]]}`,
  diffusion: (view, patch) => `${percent(view.shown[patch], 2)} of the walk`,
};

// What the pointer is over; without one, where the chosen patch's heaviest edge leads.
export function toldSentence(view, hovered) {
  const { edges, weights } = view.graph,
    { selected } = view;
  const own = edges.map((_, edge) => edge).filter((edge) => edges[edge].includes(selected));
  const other = (edge) => edges[edge][Number(edges[edge][0] === selected)];
  const patch = hovered ?? other(own[largestPlace(own.map((edge) => weights[edge]))]);
  const edge = own.find((each) => other(each) === patch),
    value = VALUES[view.view](view, patch);
  if (patch === selected) return `${named(view, patch)}: the chosen one; ${value}.`;
  if (edge === undefined) return `${named(view, patch)}: no edge to patch ${selected}; ${value}.`;
  return `${named(view, patch)}: an edge of weight ${brief(weights[edge])} to patch ${selected}; ${value}.`;
}

// The ends of a scale, and its middle.
export function endTexts({ view, graph: { largest } }, most) {
  if (view === "degrees") return ["degree 0", fixed(largest / 2), fixed(largest)];
  if (view === "pattern") return [brief(-most), "0", brief(most)];
  return [percent(0), percent(most / 4, 2), `${percent(most, 2)} of the walk`];
}

export const legendLabel = ({ sizes, ends }) =>
  sizes ? `Clusters of ${listed(sizes)} patches` : `Colors: ${ends.join(", ")}`;
