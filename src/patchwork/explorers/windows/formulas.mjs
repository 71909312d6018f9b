// Formulas of windows, as in the module windows.

import { divides } from "../common/formulas.mjs";
import limits from "./limits.json" with { type: "json" };

// The window sizes that divide a grid and are smaller.
export function windowSizes(grid) {
  const sizes = Array.from({ length: limits.largest_window - 1 }, (_, index) => index + 2);
  return sizes.filter((size) => size < Math.min(...grid) && grid.every((length) => divides(size, length)));
}

// Where a token stands after windows.cyclic_shift, by `shift` up and to the left; a negative shift undoes it.
export function shiftedToken(token, [rows, columns], shift) {
  const moved = (place, length) => (((place - shift) % length) + length) % length;
  return moved(Math.floor(token / columns), rows) * columns + moved(token % columns, columns);
}

// Which window a token is in, where windows.window_partition cuts the shifted grid.
export function windowIndex(token, grid, windowSize, shift) {
  const [, columns] = grid,
    place = shiftedToken(token, grid, shift);
  const [row, column] = [Math.floor(place / columns), place % columns].map((each) => Math.floor(each / windowSize));
  return (row * columns) / windowSize + column;
}

// The M² tokens of that window, row by row.
export function windowTokens(window, grid, windowSize, shift) {
  const [, columns] = grid,
    across = columns / windowSize;
  const [top, left] = [Math.floor(window / across) * windowSize, (window % across) * windowSize];
  return Array.from({ length: windowSize ** 2 }, (_, index) => {
    const [row, column] = [top + Math.floor(index / windowSize), left + (index % windowSize)];
    return shiftedToken(row * columns + column, grid, -shift);
  });
}

// From which part of the picture each token came into its window: 0 in place, 1 round from the left, 2 from the top, 3
// from both.
export function tokenRegions(tokens, [, columns], shift) {
  return tokens.map((token) => 2 * (Math.floor(token / columns) < shift) + (token % columns < shift));
}

// One row of a window of windows.shifted_window_mask: which of its tokens may answer the one at place `row`.
export const maskRow = (regions, row) => regions.map((region) => region === regions[row]);

// How many rows and columns lie between two places of a grid.
export function placesApart(one, other, columns) {
  const rows = Math.floor(one / columns) - Math.floor(other / columns);
  return [rows, (one % columns) - (other % columns)].map(Math.abs);
}

// The place of the false neighbor that stands nearest in the window; without one, of the token that stands furthest.
export function nearestFalse(may, row, windowSize) {
  const distance = (place) => placesApart(place, row, windowSize).reduce((sum, each) => sum + each, 0),
    places = may.map((_, place) => place),
    others = places.filter((place) => !may[place]);
  if (others.length) return others.reduce((best, place) => (distance(place) < distance(best) ? place : best));
  return places.reduce((best, place) => (distance(place) > distance(best) ? place : best));
}

// The window and shift of a block on this grid: one that is no larger than the window needs no shift.
const fitting = (grid, windowSize, shift) =>
  Math.min(...grid) > windowSize ? [windowSize, shift] : [Math.min(...grid), 0];

// How often tokens have merged before a block, from 1: with merging, 2 × 2 become one before blocks 3, 5, 7, …
export const mergings = (block, merging) => (merging ? Math.max(block - 1, 0) >> 1 : 0);

// What one token of the last block has heard, a row of windows.reach: windows, masks and merging act on rows and on
// columns alone, so it is always a rectangle, [[first row, last row], [first column, last column]]. Every second block
// is shifted.
export function heardSpans(token, grid, { windowSize, shift, blocks, merging }) {
  const merged = mergings(blocks, merging);
  let spans = [Math.floor(token / grid[1]), token % grid[1]].map((place) => [place >> merged, place >> merged]);
  for (let block = blocks; block > 0; block--) {
    const stage = mergings(block, merging),
      lengths = grid.map((length) => Math.ceil(length / 2 ** stage));
    const [size, moved] = fitting(lengths, windowSize, block % 2 ? 0 : shift);
    spans = spans.map((span, axis) => widened(span, lengths[axis], size, moved));
    if (stage > mergings(block - 1, merging)) spans = spans.map(([from, to]) => [2 * from, 2 * to + 1]);
  }
  return spans;
}

function widened([from, to], length, size, shift) {
  const start = (place) => Math.floor((place - shift) / size) * size + shift;
  return [Math.max(start(from), 0), Math.min(start(to) + size, length) - 1];
}

// Multiply-adds of windows.attention_cost, its two terms apart: projections 4ND², products 2N²D or, in windows, 2M²ND.
export function attentionCost(grid, dim, windowSize = null) {
  const size = windowSize === null ? 1 : fitting(grid, windowSize, 0)[0];
  const [rows, columns] = grid.map((length) => Math.ceil(length / size) * size),
    count = rows * columns;
  const projections = 4 * count * dim ** 2,
    products = 2 * (windowSize === null ? count : size ** 2) * count * dim;
  return { projections, products, total: projections + products };
}
