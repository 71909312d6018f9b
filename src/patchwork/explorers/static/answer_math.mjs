// Chapter 7's networks, as patchwork.synthesis has them: who hears whom, when news of a mark arrives, what is asked. Pure functions.

export const BLOCKS = 3;
const WINDOW = 4;

const place = (patch, [, columns]) => [Math.floor(patch / columns), patch % columns];
const offsets = (one, other, grid) => place(one, grid).map((at, axis) => at - place(other, grid)[axis]);
const apart = (one, other, grid) => offsets(one, other, grid).map(Math.abs);
const windowOf = (patch, grid, shift) => place(patch, grid).map((at) => Math.floor((at + shift) / WINDOW)).join();
const inOneWindow = (shifts) => (one, other, grid, block) => windowOf(one, grid, shifts[block]) === windowOf(other, grid, shifts[block]);

// Whether one patch hears another in a block, by the relation. A window that the shift takes around the border is masked, so cut there.
const HEARS = {
  own: (one, other) => one === other,
  convolution: (one, other, grid) => Math.max(...apart(one, other, grid)) <= 1,
  local: (one, other, grid) => Math.max(...apart(one, other, grid)) <= 1,
  window: inOneWindow([0, 0, 0]),
  shifted: inOneWindow([0, WINDOW / 2, 0]),
  global: () => true,
  grid: (one, other, grid) => apart(one, other, grid).reduce((sum, each) => sum + each) <= 1,
};

// synthesis.relation_masks as lists: heard[block][patch] are the patches that it hears. `edges` are those of "knn", N × N numbers.
export function heardLists(relation, grid, edges = null) {
  const count = grid[0] * grid[1], patches = Array.from({ length: count }, (_, patch) => patch);
  const hears = edges ? (one, other) => edges[one * count + other] > 0.5 : HEARS[relation];
  return Array.from({ length: BLOCKS }, (_, block) => patches.map((one) => patches.filter((other) => hears(one, other, grid, block))));
}

// After how many blocks each patch has heard of the mark; null where it never does.
export function arrivals(heard, mark) {
  const steps = heard[0].map((_, patch) => (patch === mark ? 0 : null));
  heard.forEach((lists, block) => {
    const before = steps.slice();
    lists.forEach((list, patch) => { if (before[patch] === null && list.some((other) => before[other] !== null)) steps[patch] = block + 1; });
  });
  return steps;
}

// How far a patch is from the mark along the longer axis; 0 where the question is not put.
export function askedDistance(mark, patch, grid, question) {
  const right = offsets(patch, mark, grid)[1], mirrored = place(patch, grid)[1] + right, far = Math.max(...apart(patch, mark, grid));
  return question === "same" || (right !== 0 && mirrored >= 0 && mirrored < grid[1]) ? far : 0;
}

// What is to be answered: am I of the marked one's texture, or is it in a column left of mine?
export const truth = (mark, patch, grid, question, textures) => (question === "same" ? textures[patch] === textures[mark] : offsets(patch, mark, grid)[1] > 0);

// Which share of the pairs so[mark][patch] is so, by the distance 1 … 11; null where nothing is asked.
export function sharesByDistance(grid, question, so) {
  const chosen = new Array(Math.max(...grid)).fill(0), asked = chosen.slice();
  so.forEach((row, mark) => row.forEach((each, patch) => {
    const distance = askedDistance(mark, patch, grid, question);
    asked[distance]++;
    if (each) chosen[distance]++;
  }));
  return chosen.map((number, distance) => (asked[distance] ? number / asked[distance] : null)).slice(1);
}

// synthesis.ceiling: where news arrives, reached[mark][patch], the answer can be right; elsewhere it is a guess.
export const ceilings = (grid, question, reached) => sharesByDistance(grid, question, reached).map((share) => (share === null ? null : (1 + share) / 2));
