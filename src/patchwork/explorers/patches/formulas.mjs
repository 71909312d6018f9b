// Formulas of patches, of the modules patches and explorers.patches: cuts, vectors, orders.

import { divides, patchCorner, patchGrid } from "../common/formulas.mjs";
import limits from "./limits.json" with { type: "json" };

const { most_patches: MOST_PATCHES, smallest_on_offer: SMALLEST } = limits;

// The cuts that a photograph allows, {width, height}.

export function fits({ width, height }, patchSize, stride) {
  const tiles = (side) => patchSize <= side && divides(patchSize, side) && divides(stride, side - patchSize);
  if (!tiles(width) || !tiles(height)) return false;
  const [rows, columns] = patchGrid(height, width, patchSize, stride);
  return rows * columns <= MOST_PATCHES;
}

export function patchSizes(photo) {
  const sizes = Array.from({ length: photo.height }, (_, index) => index + 1);
  return sizes.filter((size) => size >= SMALLEST && fits(photo, size, size));
}

// No overlap, half, three quarters; a patch as large as the image has nowhere to go.
export function strides(photo, patchSize) {
  if (patchSize === photo.width && patchSize === photo.height) return [patchSize];
  const wholes = [1, 2, 4].map((part) => patchSize / part).filter(Number.isInteger);
  return wholes.filter((stride) => fits(photo, patchSize, stride));
}

// What a grid costs: N patches of D numbers each, and an N × N relation in float32.
export function patchCounts([rows, columns], patchSize, channels = 3) {
  const count = rows * columns,
    dim = channels * patchSize * patchSize;
  return { count, dim, numbers: count * dim, weights: count * count, bytes: 4 * count * count };
}

// One patch as its vector, flattened (C, P, P), in [0, 1]. `pixels` are RGBA bytes, row by row.
export function patchVector(pixels, width, [top, left], patchSize) {
  const vector = new Float32Array(3 * patchSize * patchSize);
  let element = 0;
  for (let channel = 0; channel < 3; channel++) {
    for (let row = 0; row < patchSize; row++) {
      let pixel = 4 * ((top + row) * width + left) + channel;
      for (let column = 0; column < patchSize; column++, pixel += 4) vector[element++] = pixels[pixel] / 255;
    }
  }
  return vector;
}

// Where number k of a vector stands in its patch, and back.
export function elementPlace(element, patchSize) {
  const channel = Math.floor(element / patchSize ** 2),
    within = element % patchSize ** 2;
  return { channel, row: Math.floor(within / patchSize), column: within % patchSize };
}
export const elementIndex = ({ channel, row, column }, patchSize) => (channel * patchSize + row) * patchSize + column;

// The image that patches order[0], order[1], … give in places 0, 1, …; overlaps are averaged, as merge_patches does.
export function mergePatches(pixels, height, width, patchSize, stride, order) {
  const grid = patchGrid(height, width, patchSize, stride);
  const moves = order.map((patch, place) => [patchCorner(patch, grid, stride), patchCorner(place, grid, stride)]);
  const merge = stride === patchSize ? moveRows : averageMoves;
  return merge(pixels, height, width, patchSize, moves);
}

// Without overlap each row of a patch is copied whole.
function moveRows(pixels, height, width, patchSize, moves) {
  const merged = new Uint8ClampedArray(4 * height * width);
  for (const [[fromTop, fromLeft], [toTop, toLeft]] of moves) {
    for (let row = 0; row < patchSize; row++) {
      const from = 4 * ((fromTop + row) * width + fromLeft);
      merged.set(pixels.subarray(from, from + 4 * patchSize), 4 * ((toTop + row) * width + toLeft));
    }
  }
  return merged;
}

function averageMoves(pixels, height, width, patchSize, moves) {
  const sums = new Float32Array(4 * height * width),
    covered = new Uint16Array(height * width);
  for (const [[fromTop, fromLeft], [toTop, toLeft]] of moves) {
    for (let row = 0; row < patchSize; row++) {
      let from = 4 * ((fromTop + row) * width + fromLeft),
        to = 4 * ((toTop + row) * width + toLeft);
      for (let column = 0; column < patchSize; column++) covered[to / 4 + column]++;
      for (let value = 0; value < 4 * patchSize; value++) sums[to++] += pixels[from++];
    }
  }
  return Uint8ClampedArray.from(sums, (sum, byte) => sum / covered[byte >> 2]);
}

// Mean color of every patch, RGBA bytes, N × 1: the whole sequence as one row of pixels.
export function meanColors(pixels, height, width, patchSize, stride, order) {
  const grid = patchGrid(height, width, patchSize, stride);
  const means = new Uint8ClampedArray(4 * order.length),
    area = patchSize ** 2;
  order.forEach((patch, place) => {
    const [top, left] = patchCorner(patch, grid, stride);
    let red = 0,
      green = 0,
      blue = 0;
    for (let row = 0; row < patchSize; row++) {
      let pixel = 4 * ((top + row) * width + left);
      for (let column = 0; column < patchSize; column++, pixel += 4) {
        red += pixels[pixel];
        green += pixels[pixel + 1];
        blue += pixels[pixel + 2];
      }
    }
    means.set([red / area, green / area, blue / area, 255], 4 * place);
  });
  return means;
}

export function inversePermutation(order) {
  const inverse = Array.from(order, () => 0);
  order.forEach((patch, place) => {
    inverse[patch] = place;
  });
  return inverse;
}

// The patch of a new cut whose center lies nearest that of patch `index` of the old one. A cut: {height, width,
// patchSize, stride}.
export function samePlace(index, before, after) {
  const [, columns] = patchGrid(before.height, before.width, before.patchSize, before.stride);
  const corner = patchCorner(index, [0, columns], before.stride);
  const grid = patchGrid(after.height, after.width, after.patchSize, after.stride);
  const along = (axis, side) => {
    const center = ((corner[axis] + before.patchSize / 2) / before[side]) * after[side];
    const nearest = Math.floor((center - after.patchSize / 2) / after.stride + 0.5);
    return Math.min(Math.max(nearest, 0), grid[axis] - 1);
  };
  return along(0, "height") * grid[1] + along(1, "width");
}
