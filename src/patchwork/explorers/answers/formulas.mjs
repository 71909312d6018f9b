// Chapter 7's networks, as patchwork.synthesis has them: who hears whom, when news of a mark arrives, what is asked.
// Then what follows from a scene's answers. Pure functions.

import limits from "./limits.json" with { type: "json" };

export const GRID = limits.grid;
export const BLOCKS = limits.blocks;
const WINDOW = limits.window,
  COUNT = GRID[0] * GRID[1],
  SHIFTS = { window: [0, 0, 0], shifted: [0, WINDOW / 2, 0] };

export const PATCHES = Array.from({ length: COUNT }, (_, patch) => patch);

const rowOf = (patch, columns) => Math.floor(patch / columns);
const farther = (down, right) => Math.max(Math.abs(down), Math.abs(right));

// Whether a patch so many rows below and columns right of another hears it.
const NEAR = {
  own: (down, right) => farther(down, right) === 0,
  convolution: (down, right) => farther(down, right) <= 1,
  local: (down, right) => farther(down, right) <= 1,
  grid: (down, right) => Math.abs(down) + Math.abs(right) <= 1,
  global: () => true,
};

// Which window a patch is in. One that the shift takes around the border is masked, so cut there.
const windowOf = (patch, columns, shift) =>
  Math.floor((rowOf(patch, columns) + shift) / WINDOW) * columns + Math.floor(((patch % columns) + shift) / WINDOW);

function hearing(relation, [rows, columns], edges, block) {
  if (edges) return (one, other) => edges[one * rows * columns + other] > 0.5;
  if (relation in NEAR)
    return (one, other) =>
      NEAR[relation](rowOf(one, columns) - rowOf(other, columns), (one % columns) - (other % columns));
  const windows = Array.from({ length: rows * columns }, (_, patch) =>
    windowOf(patch, columns, SHIFTS[relation][block]),
  );
  return (one, other) => windows[one] === windows[other];
}

// synthesis.relation_masks as lists: hearers[block][patch] are those that hear the patch. `edges` are those of "knn", N
// × N numbers.
export function hearersOf(relation, grid, edges = null) {
  const patches = Array.from({ length: grid[0] * grid[1] }, (_, patch) => patch);
  const lists = (block) => {
    const hears = hearing(relation, grid, edges, block);
    return patches.map((other) => patches.filter((one) => hears(one, other)));
  };
  const first = lists(0);
  return Array.from({ length: BLOCKS }, (_, block) => (relation === "shifted" && block ? lists(block) : first));
}

// After how many blocks each patch has heard of the mark; null where it never does.
export function arrivals(hearers, mark) {
  const steps = Array.from(hearers[0], () => null),
    reached = [mark];
  steps[mark] = 0;
  hearers.forEach((lists, block) => {
    for (let index = 0, before = reached.length; index < before && reached.length < steps.length; index++) {
      for (const patch of lists[reached[index]])
        if (steps[patch] === null) {
          steps[patch] = block + 1;
          reached.push(patch);
        }
    }
  });
  return steps;
}

// How far each patch is from the mark along the longer axis; 0 where the question is not put.
export function askedDistances(mark, [rows, columns], question) {
  return Array.from({ length: rows * columns }, (_, patch) => {
    const down = rowOf(patch, columns) - rowOf(mark, columns),
      right = (patch % columns) - (mark % columns),
      mirrored = (patch % columns) + right;
    return question === "same" || (right !== 0 && mirrored >= 0 && mirrored < columns) ? farther(down, right) : 0;
  });
}

// What is to be answered: am I of the marked one's texture, or is it in a column left of mine?
export function truths(mark, columns, question, textures) {
  return textures.map((texture, patch) =>
    question === "same" ? texture === textures[mark] : patch % columns > mark % columns,
  );
}

// Which share of the pairs so[mark][patch] is so, by the distance 1 … 11; null where nothing is asked.
// `distances[mark][patch]`.
export function sharesByDistance(distances, so) {
  const chosen = Array.from({ length: 1 + Math.max(...distances[0]) }, () => 0),
    asked = chosen.slice();
  so.forEach((row, mark) => {
    row.forEach((each, patch) => {
      asked[distances[mark][patch]]++;
      if (each) chosen[distances[mark][patch]]++;
    });
  });
  return chosen.map((number, distance) => (asked[distance] ? number / asked[distance] : null)).slice(1);
}

// synthesis.ceiling: where news arrives, reached[mark][patch], the answer can be right; elsewhere it is a guess.
export const ceilings = (distances, reached) =>
  sharesByDistance(distances, reached).map((share) => (share === null ? null : (1 + share) / 2));

// One network of a scene and one mark: when the news arrives, what each patch answers and how surely, whether that is
// right, and how many are among those the news reaches and among the others. A network is {relation, pooling, hearers,
// yes: probabilities, 144 for each mark}; a solved scene {question, textures, distances[mark], labels[mark]}.
export function answersTo(mark, network, solved) {
  const { textures, question, distances } = solved,
    steps = stepsFrom(mark, network),
    right = rightAnswers(mark, network, solved),
    yes = PATCHES.map((patch) => network.yes[mark * COUNT + patch]),
    sure = yes.map((share) => Math.max(share, 1 - share)),
    claimed = yes.map((share) => claimOf(share > 0.5, question, textures[mark]));
  const count = (reached) => {
    const asked = PATCHES.filter((patch) => distances[mark][patch] && (steps[patch] !== null) === reached);
    return [asked.filter((patch) => right[patch]).length, asked.length];
  };
  return { ...network, steps, right, yes, sure, claimed, reached: count(true), others: count(false) };
}

// What the patch says it is: of which texture, or on which side of the mark.
function claimOf(yes, question, texture) {
  if (question === "left") return Number(yes);
  return yes ? texture : 1 - texture;
}

const rightAnswers = (mark, { yes }, { labels }) =>
  PATCHES.map((patch) => yes[mark * COUNT + patch] > 0.5 === labels[mark][patch]);

// With pooling the mean brings the news to whom no block brings it.
const stepsFrom = (mark, { hearers, pooling }) =>
  arrivals(hearers, mark).map((step) => (step === null && pooling ? BLOCKS + 1 : step));

// One network over all marks: right answers by distance, the ceiling (null where it depends on the patches), and the
// share of right ones without news.
export function overAllMarks(network, solved) {
  const { distances } = solved,
    right = PATCHES.map((mark) => rightAnswers(mark, network, solved)),
    reached = PATCHES.map((mark) => stepsFrom(mark, network).map((step) => step !== null));
  return {
    accuracy: sharesByDistance(distances, right),
    ceiling: network.relation !== "knn" || network.pooling ? ceilings(distances, reached) : null,
    guessed: shareWithout(reached, right, distances),
  };
}

function shareWithout(reached, right, distances) {
  const silent = reached.map((row, mark) => PATCHES.filter((patch) => !row[patch] && distances[mark][patch])),
    all = silent.reduce((sum, { length }) => sum + length, 0);
  const guessed = silent.reduce((sum, row, mark) => sum + row.filter((patch) => right[mark][patch]).length, 0);
  return all ? guessed / all : null;
}

// The patch that is read out without a choice: of those that no news reaches the nearest, else of all the furthest.
export function firstRead({ chosen: { steps }, distances, selected }) {
  const asked = PATCHES.filter((patch) => distances[patch]),
    silent = asked.filter((patch) => steps[patch] === null);
  if (!asked.length) return selected;
  return silent.length
    ? silent.reduce((best, patch) => (distances[patch] < distances[best] ? patch : best))
    : asked.reduce((best, patch) => (distances[patch] > distances[best] ? patch : best));
}
