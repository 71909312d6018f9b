// Graphs of patches, as patchwork.graphs has them. Pure functions; those that take long are generators, which stop now
// and then so that the page can answer in between. Features are {rows: N·D numbers, count: N, dim: D}; edges [first,
// second], each once, first < second.

const FINEST = 2 ** -16; // squared distances of such features are exact, and so are ties

// similarity.standardize, of features that differ by more than rounding; then in steps of 2⁻¹⁶.
export function* standardized(vectors) {
  const count = vectors.length,
    dim = vectors[0].length,
    rows = new Float64Array(count * dim);
  for (let axis = 0; axis < dim; axis++) {
    const values = Float64Array.from(vectors, (vector) => Math.round(vector[axis] * 1e9) / 1e9);
    const constant = values.every((value) => value === values[0]),
      mean = constant ? values[0] : meanOf(values);
    const spread = Math.sqrt(meanOf(values.map((value) => (value - mean) ** 2))) || 1;
    values.forEach((value, patch) => {
      rows[patch * dim + axis] = Math.round((value - mean) / spread / FINEST) * FINEST;
    });
    if (axis % 16 === 15) yield;
  }
  return { rows, count, dim };
}

const meanOf = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;

export function squaredDistance({ rows, dim }, one, other) {
  let sum = 0;
  for (let mine = one * dim, theirs = other * dim, end = mine + dim; mine < end; mine++, theirs++)
    sum += (rows[mine] - rows[theirs]) ** 2;
  return sum;
}

// Edges.

export function* squaredDistances(features) {
  const { count } = features,
    squared = new Float64Array(count * count);
  for (let one = 0; one < count; one++) {
    for (let other = one + 1; other < count; other++)
      squared[one * count + other] = squared[other * count + one] = squaredDistance(features, one, other);
    yield;
  }
  return squared;
}

// graphs.knn_graph: either chose the other; of equally near ones the first are chosen.
export function nearestEdges(squared, count, k) {
  const tied = new Uint8Array(count * count);
  for (let patch = 0; patch < count; patch++) {
    for (const other of nearest(squared.subarray(patch * count, (patch + 1) * count), patch, k))
      tied[Math.min(patch, other) * count + Math.max(patch, other)] = 1;
  }
  return edgesWhere(count, (first, second) => tied[first * count + second]);
}

function nearest(distances, own, k) {
  const places = [];
  for (let other = 0; other < distances.length; other++) {
    if (other === own || (places.length === k && distances[other] >= distances[places[k - 1]])) continue;
    let position = Math.min(places.length, k - 1);
    while (position > 0 && distances[places[position - 1]] > distances[other]) {
      places[position] = places[position - 1];
      position--;
    }
    places[position] = other;
  }
  return places;
}

// graphs.radius_graph of the cells of a grid; radius 1 is graphs.grid_graph.
export function radiusEdges([rows, columns], radius) {
  return edgesWhere(rows * columns, (first, second) => {
    const down = Math.floor(second / columns) - Math.floor(first / columns),
      across = (second % columns) - (first % columns);
    return down ** 2 + across ** 2 <= radius ** 2 * (1 + 1e-12);
  });
}

function edgesWhere(count, tied) {
  const edges = [];
  for (let first = 0; first < count; first++) {
    for (let second = first + 1; second < count; second++) if (tied(first, second)) edges.push([first, second]);
  }
  return edges;
}

// The median length of the edges whose ends differ, of two in the middle the smaller; 0 where none do.
export function medianLength(squared) {
  const some = squared.filter((each) => each > 0).sort();
  return some.length ? Math.sqrt(some[(some.length - 1) >> 1]) : 0;
}

// An edge's weight by graphs.weight_edges; without a bandwidth each is 1.
export const edgeWeights = (squared, sigma) =>
  squared.map((each) => (sigma === null ? 1 : Math.exp(-each / (2 * sigma ** 2))));

// Neighbors of all patches one after the other: those of patch i stand at starts[i] … starts[i + 1]. Edges that weigh
// nothing are none.
export function connected(count, edges, weights) {
  const starts = new Int32Array(count + 1),
    degrees = new Float64Array(count),
    ways = edges.filter((_, edge) => weights[edge] > 0);
  for (const ends of ways) for (const patch of ends) starts[patch + 1]++;
  for (let patch = 0; patch < count; patch++) starts[patch + 1] += starts[patch];
  const neighbors = new Int32Array(2 * ways.length),
    shares = new Float64Array(2 * ways.length),
    next = starts.slice();
  edges.forEach(([first, second], edge) => {
    if (weights[edge] === 0) return;
    for (const [from, to] of [
      [first, second],
      [second, first],
    ]) {
      neighbors[next[from]] = to;
      shares[next[from]++] = weights[edge];
      degrees[from] += weights[edge];
    }
  });
  return { count, starts, neighbors, shares, degrees, ...componentsOf(count, starts, neighbors) };
}

// Which component each patch is in, numbered in the order in which they appear.
function componentsOf(count, starts, neighbors) {
  const component = new Int32Array(count).fill(-1);
  let components = 0;
  for (let patch = 0; patch < count; patch++) {
    if (component[patch] >= 0) continue;
    const waiting = [patch];
    component[patch] = components;
    while (waiting.length) {
      const from = waiting.pop();
      for (let entry = starts[from]; entry < starts[from + 1]; entry++) {
        if (component[neighbors[entry]] >= 0) continue;
        component[neighbors[entry]] = components;
        waiting.push(neighbors[entry]);
      }
    }
    components++;
  }
  return { component, components };
}

// The slowest patterns D^-½ u, as graphs.spectral_embedding finds u: the eigenvalue 0 exactly once for each component,
// with √d there; the others among what is orthogonal to these. → {values, patterns}, a pattern one number for each
// patch.
export function* slowPatterns(graph, most) {
  const { count, degrees, component, components } = graph,
    roots = degrees.map((degree) => (degree > 0 ? Math.sqrt(degree) : 1));
  const volumes = new Float64Array(components);
  roots.forEach((root, patch) => {
    volumes[component[patch]] += root ** 2;
  });
  const steady = roots.map((root, patch) => root / Math.sqrt(volumes[component[patch]]));
  const values = [],
    vectors = [];
  for (let each = 0; each < Math.min(components, most); each++) {
    values.push(0);
    vectors.push(steady.map((number, patch) => (component[patch] === each ? number : 0)));
  }
  if (components < most) {
    const others = yield* smallestEigenpairs(restLaplacian(graph, roots, steady), count, most - components);
    for (const { value, vector } of others) {
      values.push(Math.max(value, 0));
      vectors.push(vector);
    }
  }
  return { values, patterns: vectors.map((vector) => patternOf(vector, roots)) };
}

// I − D^-½ W D^-½, with the eigenvalue of what is known moved from 0 to 3, above all others.
function restLaplacian({ count, starts, neighbors, shares, degrees, component }, roots, steady) {
  const matrix = new Float64Array(count * count);
  for (let row = 0; row < count; row++) {
    for (let column = 0; column <= row; column++)
      if (component[row] === component[column]) matrix[row * count + column] = 3 * steady[row] * steady[column];
    if (degrees[row] > 0) matrix[row * count + row] += 1;
    for (let entry = starts[row]; entry < starts[row + 1]; entry++)
      if (neighbors[entry] < row)
        matrix[row * count + neighbors[entry]] -= shares[entry] / roots[row] / roots[neighbors[entry]];
  }
  return matrix;
}

// Its sign makes the first large entry of u positive.
function patternOf(vector, roots) {
  const largest = vector.reduce((most, each) => Math.max(most, Math.abs(each)), 0),
    first = vector.find((each) => Math.abs(each) >= 0.5 * largest);
  return vector.map((each, patch) => (Math.sign(first) * each) / roots[patch]);
}

// The smallest eigenvalues of a symmetric matrix, of which the lower triangle is read and overwritten, ascending, and
// their vectors.
export function* smallestEigenpairs(matrix, count, most) {
  const reduced = yield* tridiagonal(matrix, count),
    values = smallestEigenvalues(reduced, most),
    pairs = [];
  for (const value of values) {
    pairs.push({ value, vector: tridiagonalVector(reduced, value, pairs) });
    yield;
  }
  return pairs.map(({ value, vector }) => ({ value, vector: unreduced(matrix, reduced, vector) }));
}

// Householder's reduction, from the last row up: the matrix is H_n … H_2 T H_2 … H_n, H_k = I − v vᵀ / h with v in row
// k. T has `diagonal` and, between k − 1 and k, beside[k].
function* tridiagonal(matrix, count) {
  const diagonal = new Float64Array(count),
    beside = new Float64Array(count),
    halves = new Float64Array(count);
  for (let k = count - 1; k > 0; k--) {
    const v = matrix.subarray(k * count, k * count + k),
      length = Math.sqrt(v.reduce((sum, each) => sum + each * each, 0)),
      last = v[k - 1];
    diagonal[k] = matrix[k * count + k];
    if (length < 1e-30) continue;
    beside[k] = last > 0 ? -length : length;
    halves[k] = length * length - last * beside[k];
    v[k - 1] = last - beside[k];
    reflect(matrix, count, v, halves[k]);
    if (k % 8 === 0) yield;
  }
  diagonal[0] = matrix[0];
  return { diagonal, beside, halves };
}

// A ← H A H of the first rows: A − v pᵀ − p vᵀ with p = A v / h − (vᵀ A v / 2h²) v.
function reflect(matrix, count, v, half) {
  const size = v.length,
    p = new Float64Array(size);
  for (let row = 0, start = 0; row < size; row++, start += count) {
    const own = v[row];
    let sum = matrix[start + row] * own;
    for (let column = 0, cell = start; column < row; column++, cell++) {
      sum += matrix[cell] * v[column];
      p[column] += matrix[cell] * own;
    }
    p[row] += sum;
  }
  let along = 0;
  for (let row = 0; row < size; row++) {
    p[row] /= half;
    along += p[row] * v[row];
  }
  along /= 2 * half;
  for (let row = 0; row < size; row++) p[row] -= along * v[row];
  for (let row = 0, start = 0; row < size; row++, start += count) {
    const own = v[row],
      other = p[row];
    for (let column = 0, cell = start; column <= row; column++, cell++)
      matrix[cell] -= own * p[column] + other * v[column];
  }
}

// By bisection: as many eigenvalues lie below x as T − x has negative pivots.
function smallestEigenvalues({ diagonal, beside }, most) {
  const below = (x) => {
    let pivot = diagonal[0] - x,
      negative = Number(pivot < 0);
    for (let row = 1; row < diagonal.length; row++) {
      pivot = diagonal[row] - x - (beside[row] * beside[row]) / (pivot || 1e-300);
      if (pivot < 0) negative++;
    }
    return negative;
  };
  let low = -0.5;
  return Array.from({ length: Math.min(most, diagonal.length) }, (_, place) => {
    let high = 3.5;
    while (high - low > 1e-15 && (low + high) / 2 !== low && (low + high) / 2 !== high) {
      const middle = (low + high) / 2;
      if (below(middle) > place) high = middle;
      else low = middle;
    }
    return (low + high) / 2;
  });
}

// Inverse iteration from a start that no symmetry knows; vectors of eigenvalues nearby are kept orthogonal, so that of
// an eigenvalue that comes twice both are found.
function tridiagonalVector(reduced, value, before) {
  const near = before.filter((each) => value - each.value < 1e-3),
    { length } = reduced.diagonal;
  const vector = Float64Array.from({ length }, (_, row) => Math.sin(1 + (row + 1) * (near.length + Math.SQRT2)));
  for (let turn = 0; turn < 4; turn++) {
    solveShifted(reduced, value, vector);
    unit(vector);
    for (const other of [...near, ...near]) {
      const along = other.vector.reduce((sum, each, row) => sum + each * vector[row], 0);
      vector.forEach((_, row) => {
        vector[row] -= along * other.vector[row];
      });
    }
    unit(vector);
  }
  return vector;
}

function unit(vector) {
  const largest = vector.reduce((most, each) => Math.max(most, Math.abs(each)), 0);
  vector.forEach((each, row) => {
    vector[row] = each / largest;
  });
  const length = Math.sqrt(vector.reduce((sum, each) => sum + each * each, 0));
  vector.forEach((each, row) => {
    vector[row] = each / length;
  });
}

const away = (pivot) => (Math.abs(pivot) < 1e-16 ? 1e-16 : pivot);

// Solve (T − shift) x = b, with b in x at first, by elimination with row exchanges.
function solveShifted({ diagonal, beside }, shift, x) {
  const last = x.length - 1,
    [main, right, further] = [0, 1, 2].map(() => new Float64Array(x.length));
  let pivot = diagonal[0] - shift,
    beyond = beside[1] ?? 0;
  for (let row = 0; row < last; row++) {
    const under = beside[row + 1],
      next = diagonal[row + 1] - shift,
      after = beside[row + 2] ?? 0;
    if (Math.abs(under) > Math.abs(pivot)) {
      const factor = pivot / under,
        held = x[row];
      [main[row], right[row], further[row], x[row], x[row + 1]] = [
        under,
        next,
        after,
        x[row + 1],
        held - factor * x[row + 1],
      ];
      pivot = beyond - factor * next;
      beyond = -factor * after;
    } else {
      main[row] = away(pivot);
      const factor = under / main[row];
      right[row] = beyond;
      x[row + 1] -= factor * x[row];
      pivot = next - factor * beyond;
      beyond = after;
    }
  }
  main[last] = away(pivot);
  for (let row = last; row >= 0; row--) {
    x[row] = (x[row] - right[row] * (x[row + 1] ?? 0) - further[row] * (x[row + 2] ?? 0)) / main[row];
  }
}

function unreduced(matrix, { halves }, vector) {
  const count = vector.length,
    reflected = vector.slice();
  for (let k = 1; k < count; k++) {
    if (halves[k] === 0) continue;
    const v = matrix.subarray(k * count, k * count + k);
    let along = 0;
    for (let row = 0; row < k; row++) along += v[row] * reflected[row];
    along /= halves[k];
    for (let row = 0; row < k; row++) reflected[row] -= along * v[row];
  }
  return reflected;
}

// Clusters.

// graphs.k_means with the same draws: restarts · k numbers, each between 0 and 1 → labels, numbered in the order in
// which they appear.
export function* kMeans({ rows, count, dim }, k, draws) {
  const means = new Float64Array(dim),
    points = new Float64Array(rows.length);
  for (let index = 0; index < rows.length; index++) means[index % dim] += rows[index] / count;
  for (let index = 0; index < rows.length; index++) points[index] = rows[index] - means[index % dim];
  const cloud = { rows: points, count, dim };
  let best = null;
  for (let start = 0; start < draws.length; start += k) {
    const clustering = yield* lloyd(cloud, firstCenters(cloud, draws.slice(start, start + k)), k);
    if (best === null || clustering.cost < best.cost) best = clustering;
  }
  return inOrder(best.labels);
}

export function inOrder(labels) {
  const names = new Map();
  for (const label of labels) if (!names.has(label)) names.set(label, names.size);
  return Array.from(labels, (label) => names.get(label));
}

// k-means++: a row is drawn in proportion to its squared distance from those drawn before.
function firstCenters({ rows, count, dim }, draws) {
  const centers = new Float64Array(draws.length * dim),
    nearest = new Float64Array(count).fill(1),
    totals = new Float64Array(count);
  draws.forEach((draw, each) => {
    let total = 0;
    for (let row = 0; row < count; row++) totals[row] = total += nearest[row];
    const drawn = totals.findIndex((sum) => sum > draw * total),
      chosen = drawn < 0 ? count - 1 : drawn;
    for (let row = 0; row < count; row++) {
      const squared = squaredDistance({ rows, dim }, row, chosen);
      nearest[row] = each ? Math.min(nearest[row], squared) : squared;
    }
    centers.set(rows.subarray(chosen * dim, (chosen + 1) * dim), each * dim);
  });
  return centers;
}

function* lloyd(cloud, centers, k) {
  let before = null,
    assigned;
  for (let step = 0; step < 100; step++) {
    assigned = nearestCenters(cloud, centers, k);
    if (before?.every((label, row) => label === assigned.labels[row])) break;
    before = assigned.labels;
    if (step < 99) moveCenters(cloud, assigned, centers, k);
    yield;
  }
  return { labels: assigned.labels, cost: assigned.apart.reduce((sum, each) => sum + each, 0) };
}

function nearestCenters({ rows, count, dim }, centers, k) {
  const labels = new Uint8Array(count),
    apart = new Float64Array(count).fill(Infinity);
  for (let row = 0; row < count; row++) {
    for (let each = 0; each < k; each++) {
      let sum = 0;
      for (let mine = row * dim, theirs = each * dim, end = mine + dim; mine < end; mine++, theirs++)
        sum += (rows[mine] - centers[theirs]) ** 2;
      if (sum < apart[row]) [apart[row], labels[row]] = [sum, each];
    }
  }
  return { labels, apart };
}

// To the means of their rows; those that lost all take the farthest rows.
function moveCenters({ rows, dim }, { labels, apart }, centers, k) {
  const sizes = new Float64Array(k),
    far = Array.from(apart, (_, row) => row).sort((one, other) => apart[other] - apart[one]);
  centers.fill(0);
  labels.forEach((label, row) => {
    sizes[label]++;
    for (let axis = 0; axis < dim; axis++) centers[label * dim + axis] += rows[row * dim + axis];
  });
  sizes.forEach((size, each) => {
    if (size) for (let axis = 0; axis < dim; axis++) centers[each * dim + axis] /= size;
    else {
      const row = far.shift();
      centers.set(rows.subarray(row * dim, (row + 1) * dim), each * dim);
    }
  });
}

// Spectral clustering: the rows of the slowest patterns.
export function patternRows(patterns, k) {
  const count = patterns[0].length,
    rows = new Float64Array(count * k);
  for (let row = 0; row < count; row++) for (let each = 0; each < k; each++) rows[row * k + each] = patterns[each][row];
  return { rows, count, dim: k };
}

// The adjusted Rand index: of all pairs of patches, how many both labelings put together, or both apart, beyond chance.
export function randIndex(one, other) {
  const table = new Map(),
    sums = [new Map(), new Map()],
    pairs = (size) => (size * (size - 1)) / 2;
  one.forEach((label, patch) => {
    for (const [map, key] of [
      [table, `${label} ${other[patch]}`],
      [sums[0], label],
      [sums[1], other[patch]],
    ])
      map.set(key, (map.get(key) ?? 0) + 1);
  });
  const total = (map) => [...map.values()].reduce((sum, size) => sum + pairs(size), 0);
  const [both, first, second] = [table, ...sums].map(total),
    chance = (first * second) / pairs(one.length),
    most = (first + second) / 2;
  return most === chance ? 1 : (both - chance) / (most - chance);
}

// Walks. D̃⁻¹(A + I): a walker stays or goes along an edge, in proportion to 1 and the weights.

// Where a walk from one patch is after the steps.
export function* walkFrom({ count, starts, neighbors, shares, degrees }, patch, steps) {
  let here = new Float64Array(count);
  here[patch] = 1;
  for (let step = 0; step < steps; step++) {
    const next = new Float64Array(count);
    for (let from = 0; from < count; from++) {
      const part = here[from] / (degrees[from] + 1);
      if (part === 0) continue;
      next[from] += part;
      for (let entry = starts[from]; entry < starts[from + 1]; entry++) next[neighbors[entry]] += part * shares[entry];
    }
    here = next;
    if (step % 16 === 15) yield;
  }
  return here;
}

// Each patch takes the mean of where its walk goes.
export function diffused({ count, starts, neighbors, shares, degrees }, { rows, dim }) {
  const mixed = rows.slice();
  for (let patch = 0; patch < count; patch++) {
    const own = patch * dim,
      all = degrees[patch] + 1;
    for (let entry = starts[patch]; entry < starts[patch + 1]; entry++) {
      const share = shares[entry],
        from = neighbors[entry] * dim;
      for (let axis = 0; axis < dim; axis++) mixed[own + axis] += share * rows[from + axis];
    }
    for (let axis = 0; axis < dim; axis++) mixed[own + axis] /= all;
  }
  return { rows: mixed, count, dim };
}

// What differs by less is one.
export const settled = ({ rows, ...rest }) => ({ rows: rows.map((each) => Math.round(each * 1e9) / 1e9), ...rest });

export const meanLength = (features, edges) =>
  edges.reduce((sum, [first, second]) => sum + Math.sqrt(squaredDistance(features, first, second)), 0) / edges.length;
