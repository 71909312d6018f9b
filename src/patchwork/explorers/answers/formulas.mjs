// Chapter 7's networks, as patchwork.synthesis has them: who hears whom, when news of a mark arrives, what is asked.
// Pure functions.

export const BLOCKS = 3;
const WINDOW = 4,
  SHIFTS = { window: [0, 0, 0], shifted: [0, WINDOW / 2, 0] };

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
    for (let at = 0, before = reached.length; at < before && reached.length < steps.length; at++) {
      for (const patch of lists[reached[at]])
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
