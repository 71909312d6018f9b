// Formulas that also stand in the Python library. Pure functions, held equal to it by tests on random input.

export const divides = (part, whole) => part > 0 && whole % part === 0;

// (rows, columns) of the patches of size P taken every `stride` pixels, as patches.extract_patches lays them out.
export function patchGrid(height, width, patchSize, stride = patchSize) {
  const fits = (length) => patchSize <= length && divides(stride, length - patchSize);
  if (patchSize < 1 || stride < 1 || !fits(height) || !fits(width)) {
    throw new RangeError(`patches of ${patchSize} every ${stride} pixels don't tile an image of ${height} × ${width}`);
  }
  return [(height - patchSize) / stride + 1, (width - patchSize) / stride + 1];
}

// What a grid costs: N patches of D numbers each, and an N × N relation in float32.
export function patchCounts([rows, columns], patchSize, channels = 3) {
  const count = rows * columns, dim = channels * patchSize * patchSize;
  return { count, dim, numbers: count * dim, weights: count * count, bytes: 4 * count * count };
}

// Top left pixel of patch `index`: rows of the grid first.
export function patchCorner(index, [, columns], stride) {
  return [Math.floor(index / columns) * stride, (index % columns) * stride];
}

// One patch as its vector, flattened (C, P, P), in [0, 1]. `pixels` are RGBA bytes, row by row.
export function patchVector(pixels, width, [top, left], patchSize) {
  const vector = new Float32Array(3 * patchSize * patchSize);
  let at = 0;
  for (let channel = 0; channel < 3; channel++) {
    for (let row = 0; row < patchSize; row++) {
      let pixel = 4 * ((top + row) * width + left) + channel;
      for (let column = 0; column < patchSize; column++, pixel += 4) vector[at++] = pixels[pixel] / 255;
    }
  }
  return vector;
}

// Where number k of a vector stands in its patch, and back.
export function elementPlace(element, patchSize) {
  const channel = Math.floor(element / patchSize ** 2), within = element % patchSize ** 2;
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
  const sums = new Float32Array(4 * height * width), covered = new Uint16Array(height * width);
  for (const [[fromTop, fromLeft], [toTop, toLeft]] of moves) {
    for (let row = 0; row < patchSize; row++) {
      let from = 4 * ((fromTop + row) * width + fromLeft), to = 4 * ((toTop + row) * width + toLeft);
      for (let column = 0; column < patchSize; column++) covered[to / 4 + column]++;
      for (let value = 0; value < 4 * patchSize; value++) sums[to++] += pixels[from++];
    }
  }
  return Uint8ClampedArray.from(sums, (sum, at) => sum / covered[at >> 2]);
}

// Mean color of every patch, RGBA bytes, N × 1: the whole sequence as one row of pixels.
export function meanColors(pixels, height, width, patchSize, stride, order) {
  const grid = patchGrid(height, width, patchSize, stride);
  const means = new Uint8ClampedArray(4 * order.length), area = patchSize ** 2;
  order.forEach((patch, place) => {
    const [top, left] = patchCorner(patch, grid, stride);
    let red = 0, green = 0, blue = 0;
    for (let row = 0; row < patchSize; row++) {
      let pixel = 4 * ((top + row) * width + left);
      for (let column = 0; column < patchSize; column++, pixel += 4) {
        red += pixels[pixel]; green += pixels[pixel + 1]; blue += pixels[pixel + 2];
      }
    }
    means.set([red / area, green / area, blue / area, 255], 4 * place);
  });
  return means;
}

// A permutation of 0 … count − 1 that is the same everywhere: Fisher and Yates' shuffle on a 32-bit congruential generator.
export function shuffledOrder(count, seed = 1) {
  const order = Array.from({ length: count }, (_, index) => index);
  let state = seed >>> 0;
  for (let last = count - 1; last > 0; last--) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const other = Math.floor((state / 2 ** 32) * (last + 1));
    [order[last], order[other]] = [order[other], order[last]];
  }
  return order;
}

export function inversePermutation(order) {
  const inverse = new Array(order.length);
  order.forEach((patch, place) => { inverse[patch] = place; });
  return inverse;
}

// The patch of a new cut whose center lies nearest that of patch `index` of the old one. A cut: {height, width, patchSize, stride}.
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

// The numbers of base.encode_array: levels of `bits` bits, one after the other.
export function decodeArray({ shape, bits, low, high, data }) {
  const bytes = Uint8Array.from(atob(data), (character) => character.charCodeAt(0)), most = 2 ** bits - 1;
  const count = shape.reduce((product, length) => product * length, 1), values = new Float32Array(count);
  for (let index = 0, bit = 0; index < count; index++, bit += bits) {
    const at = bit >> 3, three = (bytes[at] << 16) | (bytes[at + 1] << 8) | bytes[at + 2];
    values[index] = low + (((three >> (24 - bits - (bit & 7))) & most) / most) * (high - low);
  }
  return { shape, values };
}

// q·k of one query (d numbers) with every key (one after the other, d numbers each).
export function dotProducts(query, keys) {
  const { length: dim } = query, products = new Float64Array(keys.length / dim);
  for (let token = 0, at = 0; token < products.length; token++) {
    for (let axis = 0; axis < dim; axis++, at++) products[token] += query[axis] * keys[at];
  }
  return products;
}

// exp(x_j) / Σ exp(x_j); the largest is taken off first, so that nothing overflows.
export function softmaxRow(logits) {
  const largest = logits.reduce((most, each) => Math.max(most, each), -Infinity);
  const powers = Float64Array.from(logits, (each) => Math.exp(each - largest));
  const sum = powers.reduce((total, each) => total + each, 0);
  return powers.map((each) => each / sum);
}

// One row of attention.attention_weights.
export const attentionRow = (query, keys, scale) => softmaxRow(dotProducts(query, keys).map((product) => product * scale));

export function meanRow(rows) {
  return rows[0].map((_, at) => rows.reduce((sum, row) => sum + row[at], 0) / rows.length);
}

// −Σ a ln a, in nats; e to this power is over how many answers the row is spread.
export const entropy = (weights) => weights.reduce((sum, each) => sum - (each > 0 ? each * Math.log(each) : 0), 0);

// One row of relations.region_mass, the query's own patch left out: {mass, chance}, or null where the row can't be scored.
export function regionMass(weights, labels, query) {
  let mass = 0, total = 0, same = 0;
  labels.forEach((label, patch) => {
    if (patch === query) return;
    total += weights[patch];
    if (label === labels[query]) { same++; mass += weights[patch]; }
  });
  const others = labels.length - 1;
  return total > 0 && same > 0 && same < others ? { mass: mass / total, chance: same / others } : null;
}

// Where a token stands after windows.cyclic_shift, by `shift` up and to the left; a negative shift undoes it.
export function shiftedToken(token, [rows, columns], shift) {
  const moved = (at, length) => (((at - shift) % length) + length) % length;
  return moved(Math.floor(token / columns), rows) * columns + moved(token % columns, columns);
}

// Which window a token is in, where windows.window_partition cuts the shifted grid.
export function windowIndex(token, grid, windowSize, shift) {
  const [, columns] = grid, place = shiftedToken(token, grid, shift);
  const [row, column] = [Math.floor(place / columns), place % columns].map((at) => Math.floor(at / windowSize));
  return (row * columns) / windowSize + column;
}

// The M² tokens of that window, row by row.
export function windowTokens(window, grid, windowSize, shift) {
  const [, columns] = grid, across = columns / windowSize;
  const [top, left] = [Math.floor(window / across) * windowSize, (window % across) * windowSize];
  const place = (at) => (top + Math.floor(at / windowSize)) * columns + left + (at % windowSize);
  return Array.from({ length: windowSize ** 2 }, (_, at) => shiftedToken(place(at), grid, -shift));
}

// From which part of the picture each token came into its window: 0 in place, 1 round from the left, 2 from the top, 3 from both.
export function tokenRegions(tokens, [, columns], shift) {
  return tokens.map((token) => 2 * (Math.floor(token / columns) < shift) + (token % columns < shift));
}

// One row of a window of windows.shifted_window_mask: which of its tokens may answer the one at place `row`.
export const maskRow = (regions, row) => regions.map((region) => region === regions[row]);

// The window and shift of a block on this grid: one that is no larger than the window needs no shift.
const fitting = (grid, windowSize, shift) => (Math.min(...grid) > windowSize ? [windowSize, shift] : [Math.min(...grid), 0]);

// What one token of the last block has heard, a row of windows.reach: windows, masks and merging act on rows and on columns alone,
// so it is always a rectangle, [[first row, last row], [first column, last column]]. Every second block is shifted; with
// merging, 2 × 2 tokens become one before blocks 3, 5, 7, …
export function heardSpans(token, grid, { windowSize, shift, blocks, merging }) {
  const stage = (block) => (merging ? Math.max(block - 1, 0) >> 1 : 0), sides = (of) => grid.map((length) => Math.ceil(length / 2 ** of));
  let spans = [Math.floor(token / grid[1]), token % grid[1]].map((at) => [at, at].map((each) => each >> stage(blocks)));
  for (let block = blocks; block > 0; block--) {
    const lengths = sides(stage(block));
    const [size, moved] = fitting(lengths, windowSize, block % 2 ? 0 : shift);
    spans = spans.map((span, axis) => widened(span, lengths[axis], size, moved));
    if (stage(block) > stage(block - 1)) spans = spans.map(([from, to]) => [2 * from, 2 * to + 1]);
  }
  return spans;
}

function widened([from, to], length, size, shift) {
  const start = (at) => Math.floor((at - shift) / size) * size + shift;
  return [Math.max(start(from), 0), Math.min(start(to) + size, length) - 1];
}

// Multiply-adds of windows.attention_cost, its two terms apart: projections 4ND², products 2N²D or, in windows, 2M²ND.
export function attentionCost(grid, dim, windowSize = null) {
  const size = windowSize === null ? 1 : fitting(grid, windowSize, 0)[0];
  const [rows, columns] = grid.map((length) => Math.ceil(length / size) * size), count = rows * columns;
  const projections = 4 * count * dim ** 2, products = 2 * (windowSize === null ? count : size ** 2) * count * dim;
  return { projections, products, total: projections + products };
}

// The kernels of explorers/convolution.py by name, flat, for K of 1, 3 or 5.
export function presetKernel(name, size) {
  const radius = (size - 1) / 2, binomial = { 1: [1], 3: [1, 2, 1], 5: [1, 4, 6, 4, 1] }[size], total = binomial.reduce((sum, each) => sum + each, 0);
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
  return Array.from({ length: size ** 2 }, (_, at) => weigh(Math.floor(at / size) - radius, (at % size) - radius) + 0);
}

// The pixels a K × K kernel asks for one, row by row; null for those outside, which a circular boundary takes from the other side.
export function neighborPlaces(pixel, [rows, columns], size, boundary) {
  const radius = (size - 1) / 2, top = Math.floor(pixel / columns) - radius, left = (pixel % columns) - radius;
  const along = (at, length) => (boundary === "circular" ? (at + length) % length : at >= 0 && at < length ? at : null);
  return Array.from({ length: size ** 2 }, (_, at) => {
    const row = along(top + Math.floor(at / size), rows), column = along(left + (at % size), columns);
    return row === null || column === null ? null : row * columns + column;
  });
}

// All answers to a kernel, which is not flipped, as in convolution.conv2d_from_patches.
export function convolve(image, [rows, columns], kernel, boundary) {
  const size = Math.sqrt(kernel.length), radius = (size - 1) / 2, answers = new Float64Array(image.length);
  const circular = boundary === "circular";
  kernel.forEach((weight, at) => {
    const down = Math.floor(at / size) - radius, right = (at % size) - radius;
    if (weight === 0) return;
    for (let row = 0; row < rows; row++) {
      const from = circular ? (row + down + rows) % rows : row + down;
      if (from < 0 || from >= rows) continue;
      for (let column = 0; column < columns; column++) {
        const across = circular ? (column + right + columns) % columns : column + right;
        if (across >= 0 && across < columns) answers[row * columns + column] += weight * image[from * columns + across];
      }
    }
  });
  return answers;
}

// How far each number of layers sees, none first: the size and jump of convolution.receptive_field, and what each row of the field
// counts for: the share of the paths that start there. `layers` are {size, stride, dilation}.
export function receptiveFields(layers) {
  const fields = [{ size: 1, jump: 1, shares: Float64Array.of(1) }];
  for (const { size, stride, dilation } of layers) {
    const { jump, shares } = fields.at(-1), step = dilation * jump, wider = new Float64Array(shares.length + (size - 1) * step);
    for (let tap = 0; tap < size; tap++) {
      for (let at = 0, to = tap * step; at < shares.length; at++, to++) wider[to] += shares[at] / size;
    }
    fields.push({ size: wider.length, jump: jump * stride, shares: wider });
  }
  return fields;
}

// The side of the smallest centered square that holds a share of the influence; the field is `shares` times themselves.
export function holdingWidth(shares, held) {
  const center = (shares.length - 1) / 2;
  let inside = shares[center], radius = 0;
  while (inside ** 2 < held - 1e-12 && radius < center) inside += 2 * shares[center + ++radius];
  return 2 * radius + 1;
}

// A gray picture's patches as patches.patchify cuts them: N vectors of P² numbers.
export function grayPatches(gray, [height, width], patchSize) {
  const grid = patchGrid(height, width, patchSize);
  return Array.from({ length: grid[0] * grid[1] }, (_, index) => {
    const [top, left] = patchCorner(index, grid, patchSize), patch = new Float64Array(patchSize ** 2);
    for (let row = 0; row < patchSize; row++) patch.set(gray.subarray((top + row) * width + left, (top + row) * width + left + patchSize), row * patchSize);
    return patch;
  });
}

function meanOf(numbers) {
  let sum = 0;
  for (let at = 0; at < numbers.length; at++) sum += numbers[at];
  return sum / numbers.length;
}

// similarity.gradient_energy of one gray patch: down, then right.
function gradientEnergy(patch, side) {
  let down = 0, right = 0;
  for (let at = 0; at < patch.length; at++) {
    if (at + side < patch.length) down += (patch[at + side] - patch[at]) ** 2;
    if ((at + 1) % side) right += (patch[at + 1] - patch[at]) ** 2;
  }
  return Float64Array.of(down, right).map((sum) => sum / (side * (side - 1)));
}

// cos and sin of 2π · k · at / side, row by row of k.
const waves = new Map();
function wavesOf(side) {
  const table = (turn) => Float64Array.from({ length: side ** 2 }, (_, at) => turn((2 * Math.PI * ((Math.floor(at / side) * (at % side)) % side)) / side));
  if (!waves.has(side)) waves.set(side, { cosine: table(Math.cos), sine: table(Math.sin) });
  return waves.get(side);
}

// similarity.patch_spectrum of one gray patch, with its floor of 0.1: first along the rows, then down the columns. All but the first
// frequency are blind to the mean.
function patchSpectrum(patch, side) {
  const half = (side >> 1) + 1, { cosine, sine } = wavesOf(side), real = new Float64Array(side), imaginary = new Float64Array(side);
  const logs = new Float64Array(side * half - 1);
  for (let across = 0; across < half; across++) {
    for (let row = 0; row < side; row++) {
      let one = 0, other = 0;
      for (let column = 0, at = row * side, turn = across * side; column < side; column++, at++, turn++) {
        one += patch[at] * cosine[turn];
        other -= patch[at] * sine[turn];
      }
      real[row] = one;
      imaginary[row] = other;
    }
    for (let down = 0; down < half; down++) { // and side − down, whose sines have the other sign
      let a = 0, b = 0, c = 0, d = 0;
      for (let row = 0, turn = down * side; row < side; row++, turn++) {
        a += real[row] * cosine[turn];
        b += imaginary[row] * sine[turn];
        c += imaginary[row] * cosine[turn];
        d += real[row] * sine[turn];
      }
      for (const [at, sign] of [[down, 1], [(side - down) % side, -1]]) {
        if (at + across) logs[at * half + across - 1] = Math.log(Math.sqrt((a + sign * b) ** 2 + (c - sign * d) ** 2) + 0.1);
      }
    }
  }
  return logs;
}

const FEATURES = {
  pixels: (patch) => patch,
  "mean color": (patch) => Float64Array.of(meanOf(patch)),
  "gradient energy": gradientEnergy,
  spectrum: patchSpectrum,
};

// A feature of explorers/similarity.py, by its name, of one gray patch.
export const patchFeature = (patch, name) => FEATURES[name](patch, Math.sqrt(patch.length));

// A vector made ready for a metric: as it is, or its direction, or that of what differs from its mean. Of nothing, nothing is left.
export function readyFor(vector, metric) {
  if (metric === "euclidean") return vector;
  const own = metric === "correlation" ? centered(vector) : vector, ready = new Float64Array(own.length);
  let squared = 0;
  for (let at = 0; at < own.length; at++) squared += own[at] * own[at];
  const length = Math.sqrt(squared) || 1;
  for (let at = 0; at < own.length; at++) ready[at] = own[at] / length;
  return ready;
}

// Twice, for the first mean is rounded; a constant vector becomes exactly 0.
function centered(vector) {
  const off = new Float64Array(vector.length);
  if (vector.every((each) => each === vector[0])) return off;
  const mean = meanOf(vector);
  for (let at = 0; at < off.length; at++) off[at] = vector[at] - mean;
  const rest = meanOf(off);
  for (let at = 0; at < off.length; at++) off[at] -= rest;
  return off;
}

// How related two vectors are that were made ready, the more the larger: −‖a − b‖, or their cosine. What differs by rounding alone is
// made equal.
export function relatedness(one, other, metric) {
  let sum = 0;
  if (metric === "euclidean") for (let at = 0; at < one.length; at++) sum += (one[at] - other[at]) ** 2;
  else for (let at = 0; at < one.length; at++) sum += one[at] * other[at];
  const found = metric === "euclidean" ? -Math.sqrt(sum) : Math.min(Math.max(sum, -1), 1);
  return Math.round(found * 1e9) / 1e9 + 0;
}

// The pairs of neighbors in a grid, those to the right first.
export function neighborPairs([rows, columns]) {
  const places = Array.from({ length: rows * columns }, (_, place) => place);
  return [...places.filter((place) => (place + 1) % columns).map((place) => [place, place + 1]),
    ...places.filter((place) => place + columns < rows * columns).map((place) => [place, place + columns])];
}

// Average precision as in relations.mean_average_precision: over those that are `same`, the mean share of them among all with scores
// at least theirs. Null where all are, or none.
export function averagePrecision(scores, same) {
  const [those, others] = [true, false].map((kind) => Float64Array.from(scores.filter((_, at) => same[at] === kind)).sort().reverse());
  if (!those.length || !others.length) return null;
  let sum = 0;
  for (let at = 0, passed = 0; at < those.length;) {
    let next = at;
    while (next < those.length && those[next] === those[at]) next++;
    while (passed < others.length && others[passed] >= those[at]) passed++;
    sum += ((next - at) * next) / (next + passed);
    at = next;
  }
  return sum / those.length;
}

// Which share of the others each score exceeds, those that equal it counted half: 0 for the least, 1 for the largest.
export function rankShares(scores) {
  const sorted = Float64Array.from(scores).sort(), shares = new Map();
  for (let at = 0, next = 0; at < sorted.length; at = next) {
    while (next < sorted.length && sorted[next] === sorted[at]) next++;
    shares.set(sorted[at], sorted.length > 1 ? (at + next - 1) / 2 / (sorted.length - 1) : 0.5);
  }
  return Array.from(scores, (score) => shares.get(score));
}

// The places of the largest scores; of equal ones the first. None where all are equal.
export function largestPlaces(scores, count) {
  if (scores.every((score) => score === scores[0])) return [];
  const places = [];
  scores.forEach((score, at) => {
    if (places.length === count && score <= scores[places.at(-1)]) return;
    const before = places.findIndex((place) => scores[place] < score);
    places.splice(before < 0 ? places.length : before, 0, at);
    if (places.length > count) places.pop();
  });
  return places;
}
