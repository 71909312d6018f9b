// Formulas of kernels, as in the module convolution.

import limits from "./limits.json" with { type: "json" };

const { kernels: PRESETS } = limits;

// The names of the kernels there are for K.
export const presets = (size) => (size === 1 ? PRESETS.slice(0, 1) : PRESETS);

// A kernel by its name, as in kernels.py, flat, for K of 1, 3 or 5.
export function presetKernel(name, size) {
  const radius = (size - 1) / 2,
    binomial = { 1: [1], 3: [1, 2, 1], 5: [1, 4, 6, 4, 1] }[size],
    total = binomial.reduce((sum, each) => sum + each, 0);
  const weigh = {
    identity: (down, right) => Number(down === 0 && right === 0),
    mean: () => 1 / size ** 2,
    Gaussian: (down, right) => (binomial[down + radius] * binomial[right + radius]) / total ** 2,
    sharpen: (down, right) => (down || right ? -Number(Math.abs(down) + Math.abs(right) === 1) : 5),
    "edge left–right": (_, right) => Math.sign(right),
    "edge top–bottom": (down) => Math.sign(down),
    Laplacian: (down, right) => (down || right ? Number(Math.abs(down) + Math.abs(right) === 1) : -4),
    "shift by one": (down, right) => Number(down === 0 && right === 1),
  }[name];
  return Array.from(
    { length: size ** 2 },
    (_, index) => weigh(Math.floor(index / size) - radius, (index % size) - radius) + 0,
  );
}

// The name of a flat kernel, or null where it has none.
export function presetName(kernel, size) {
  const close = (name) => presetKernel(name, size).every((weight, index) => Math.abs(weight - kernel[index]) < 1e-9);
  return presets(size).find(close) ?? null;
}

export const rowsOf = (flat, size) =>
  Array.from({ length: size }, (_, row) => flat.slice(row * size, (row + 1) * size));

// A kernel, as rows, for another K: one with a name keeps it, another one its middle.
export function resizedKernel(kernel, size) {
  const name = presetName(kernel.flat(), kernel.length),
    margin = (size - kernel.length) / 2;
  if (name !== null) return rowsOf(presetKernel(presets(size).includes(name) ? name : "identity", size), size);
  return Array.from({ length: size }, (_, row) =>
    Array.from({ length: size }, (__, column) => kernel[row - margin]?.[column - margin] ?? 0),
  );
}

// The pixels a K × K kernel asks for one, row by row; null for those outside, which a circular boundary takes from the
// other side.
export function neighborPlaces(pixel, [rows, columns], size, boundary) {
  const radius = (size - 1) / 2,
    top = Math.floor(pixel / columns) - radius,
    left = (pixel % columns) - radius;
  const along = (place, length) => {
    if (boundary === "circular") return (place + length) % length;
    return place >= 0 && place < length ? place : null;
  };
  return Array.from({ length: size ** 2 }, (_, index) => {
    const row = along(top + Math.floor(index / size), rows),
      column = along(left + (index % size), columns);
    return row === null || column === null ? null : row * columns + column;
  });
}

// All answers to a kernel, which is not flipped, as in convolution.conv2d_from_patches.
export function convolve(image, grid, kernel, boundary) {
  const size = Math.sqrt(kernel.length),
    radius = (size - 1) / 2,
    answers = new Float64Array(image.length);
  kernel.forEach((weight, index) => {
    const shift = [Math.floor(index / size) - radius, (index % size) - radius];
    if (weight !== 0) addShifted(answers, image, grid, { weight, shift, circular: boundary === "circular" });
  });
  return answers;
}

// Add to each answer the weighted pixel that lies (down, right) of it.
function addShifted(answers, image, [rows, columns], { weight, shift: [down, right], circular }) {
  for (let row = 0; row < rows; row++) {
    const from = circular ? (row + down + rows) % rows : row + down;
    if (from < 0 || from >= rows) continue;
    for (let column = 0; column < columns; column++) {
      const across = circular ? (column + right + columns) % columns : column + right;
      if (across >= 0 && across < columns) answers[row * columns + column] += weight * image[from * columns + across];
    }
  }
}

// How far each number of layers sees, none first: the size and jump of convolution.receptive_field, and what each row
// of the field counts for: the share of the paths that start there. `layers` are {size, stride, dilation}.
export function receptiveFields(layers) {
  const fields = [{ size: 1, jump: 1, shares: Float64Array.of(1) }];
  for (const { size, stride, dilation } of layers) {
    const { jump, shares } = fields.at(-1),
      step = dilation * jump,
      wider = new Float64Array(shares.length + (size - 1) * step);
    for (let tap = 0; tap < size; tap++) {
      for (let from = 0, to = tap * step; from < shares.length; from++, to++) wider[to] += shares[from] / size;
    }
    fields.push({ size: wider.length, jump: jump * stride, shares: wider });
  }
  return fields;
}

// The side of the smallest centered square that holds a share of the influence; the field is `shares` times themselves.
export function holdingWidth(shares, held) {
  const center = (shares.length - 1) / 2;
  let inside = shares[center],
    radius = 0;
  while (inside ** 2 < held - 1e-12 && radius < center) inside += 2 * shares[center + ++radius];
  return 2 * radius + 1;
}
