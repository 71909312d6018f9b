// One token asks, all tokens answer: softmax(scale · q·k) over the picture, of several models side by side.

import { onKeys, onPointer } from "../common/canvas.mjs";
import { button, choice, clamped, element, setText, slider, tell } from "../common/controls.mjs";
import { Explorer, frame, mounted, pageId, pairs, settingsRow } from "../common/explorer.mjs";
import { decodeArray, dotProducts, entropy, meanRow, regionMass, softmaxRow } from "../common/formulas.mjs";
import { decodePhoto } from "../common/photos.mjs";
import { placeText } from "../common/words.mjs";
import { drawAnswers, drawLegend, drawMap, mapAspect, rankAt, tokenAt } from "./drawings.mjs";

const STEPS = 4,
  STEP = 0.25; // the scale goes from 2^-4 to 2^4 times 1/√d
const ROOM = 4; // full color takes this many times the uniform weight, and the largest at most so many times as much

// What the page was brought.

async function decodeScene({ picture, crisp, grid, labels, start, models }) {
  const decoded = Object.fromEntries(Object.entries(models).map(([name, parts]) => [name, mapParts(parts)]));
  const { queries } = Object.values(decoded)[0],
    [tokens, dim] = queries[0][0].shape,
    [rows, columns] = grid;
  const counts = { tokens, dim, prefix: tokens - rows * columns, blocks: queries.length, heads: queries[0].length };
  return { picture: await decodePhoto(picture), crisp, grid, labels, start, models: decoded, ...counts };
}

const mapParts = (parts) =>
  Object.fromEntries(
    Object.entries(parts).map(([part, blocks]) => [part, blocks.map((heads) => heads.map(decodeArray))]),
  );

function fits({ tokens, blocks, heads, models }, { query, block, head, model }) {
  return query < tokens && block < blocks && (head === null || head < heads) && (model === null || model in models);
}

// What follows from the settings: each model's answers, and what they come to.

function look(scene, { model, block, head, query, temperature }) {
  const { tokens, dim } = scene,
    scale = 1 / (temperature * Math.sqrt(dim)),
    same = sameRegion(scene, query);
  const names = Object.keys(scene.models).filter((name) => model === null || name === model);
  const columns = names.map((name) => answer(scene, name, { block, head, query, scale }));
  const most = (side) =>
    Math.max(ROOM / tokens, ...columns.flatMap(({ weights }) => Array.from(weights).filter((_, token) => side(token))));
  const largest = { same: most((token) => same?.[token] ?? true), others: same && most((token) => !same[token]) };
  const top = Math.max(ROOM / tokens, ...columns.map((column) => column.largest / ROOM));
  return { scene, names, columns, top, largest, same, tokens, dim, block, head, query, temperature, scale };
}

// Which tokens are patches of the query's region; null where there is none.
function sameRegion({ labels, prefix, tokens }, query) {
  if (!labels || query < prefix) return null;
  return Array.from(
    { length: tokens },
    (_, token) => token >= prefix && labels[token - prefix] === labels[query - prefix],
  );
}

function answer({ models, tokens, dim, prefix, labels }, name, { block, head, query, scale }) {
  const { queries, keys } = models[name],
    chosen = head === null ? queries[block].map((_, each) => each) : [head];
  const products = chosen.map((each) =>
    dotProducts(queries[block][each].values.subarray(query * dim, (query + 1) * dim), keys[block][each].values),
  );
  const rows = products.map((row) => softmaxRow(row.map((product) => product * scale))),
    weights = meanRow(rows);
  const order = Array.from({ length: tokens }, (_, token) => token).sort((one, other) => weights[other] - weights[one]);
  const region = labels && query >= prefix ? regionMass(weights.subarray(prefix), labels, query - prefix) : null;
  return { name, weights, order, products, rows, region, entropy: entropy(weights), largest: weights[order[0]] };
}

// Words and numbers.

const capital = (text) => text[0].toUpperCase() + text.slice(1);
const percent = (share) => `${(100 * share).toFixed(share < 0.0995 ? 1 : 0)}\u00a0%`;
const SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹";

function weightText(weight) {
  if (weight === 0 || weight >= 1e-4) return String(Number(weight.toPrecision(weight > 0.0995 ? 3 : 2)));
  const [digits, power] = weight.toExponential(1).split("e-");
  return `${digits} · 10⁻${[...power].map((digit) => SUPERSCRIPTS[digit]).join("")}`;
}

const signed = (value) => value.toFixed(2).replace("-", "−");
const times = (factor) =>
  factor < 0.995
    ? String(Number(factor.toPrecision(2)))
    : factor < 9.95
      ? factor.toFixed(1)
      : String(Math.round(factor));

function tokenText({ prefix, grid }, token) {
  if (token < prefix) return token === 0 ? "the class token" : `register ${token}`;
  const patch = token - prefix,
    counted = prefix ? `patch ${patch} (token ${token}` : `patch ${patch} (`;
  return `${counted}${prefix ? ", " : ""}${placeText(patch, grid)})`;
}

const shortText = ({ prefix }, token) =>
  token >= prefix ? `patch ${token - prefix}` : token === 0 ? "class token" : `register ${token}`;

function scaleText({ temperature, scale, dim }) {
  if (temperature === 1) return `scale = 1/√d = 1/√${dim} = ${times(scale)}`;
  const bare = Math.abs(scale - 1) < 1e-9;
  return `scale = 1/√d · ${times(1 / temperature)} = ${bare ? "1: no scaling" : times(scale)}`;
}

function spreadText({ entropy: nats }, { tokens }) {
  return `as if spread over ${times(Math.exp(nats))} of ${tokens}`;
}

const regionText = ({ region }) => (region ? `${percent(region.mass)}, chance ${percent(region.chance)}` : "—");

function pairText({ products, rows, weights }, { head, scale }, token) {
  const weight = `weight ${weightText(weights[token])}`;
  const [least, most] = [Math.min, Math.max].map((extreme) => weightText(extreme(...rows.map((row) => row[token]))));
  if (head === null && rows.length > 1) return `${weight}, the mean of ${least} …\u00a0${most}`;
  return `q·k = ${signed(products[0][token])}, logit ${signed(products[0][token] * scale)}, ${weight}`;
}

function findings(column, view, marked) {
  const region = view.scene.labels ? [["Mass in its region", regionText(column)]] : [];
  return [
    ...region,
    ["Entropy", `${column.entropy.toFixed(2)} nats: ${spreadText(column, view)}`],
    ["Largest weight", `${weightText(column.largest)} = ${times(column.largest * view.tokens)} × uniform`],
    [
      capital(shortText(view.scene, marked)) + (marked === view.query ? ", itself" : ""),
      pairText(column, view, marked),
    ],
  ];
}

function legendTexts({ tokens, top, columns }) {
  const beyond = columns.some(({ largest }) => largest > top) ? "≥ " : "";
  return { uniform: `uniform 1/${tokens} = ${weightText(1 / tokens)}`, top: beyond + weightText(top) };
}

function summary(column, view) {
  const region = column.region ? `, ${percent(column.region.mass)} in its region` : "";
  return `${column.name}: ${spreadText(column, view)}${region}`;
}

// The page.

function buildControls(act) {
  const orNull = (value, convert) => (value === "" ? null : convert(value));
  return {
    scene: choice("Picture", act.changeScene),
    block: choice("Block", (block) => act.set({ block: Number(block) })),
    head: choice("Head", (head) => act.set({ head: orNull(head, Number) })),
    model: choice("Model", (model) => act.set({ model: orNull(model, String) })),
    reset: { node: button("Reset", act.reset) },
  };
}

// The slider of the scale, in steps of a quarter of a power of two; two marks below it can be pressed.
function buildScale(act, id) {
  const range = element("input", {
    type: "range",
    min: -STEPS,
    max: STEPS,
    step: STEP,
    id,
    oninput: () => act.scaleTo(Number(range.value)),
  });
  const text = element("span", { class: "pw-scale-text" });
  const usual = button("1/√d", () => act.scaleTo(0)),
    none = button("no scaling", () => act.set({ temperature: 1 / Math.sqrt(act.view.dim) }));
  const ends = [`1/${2 ** STEPS}`, `× ${2 ** STEPS}`].map((end) => element("span", { "aria-hidden": "true" }, end));
  const marks = element("div", { class: "pw-marks" }, ends[0], usual, none, ends[1]);
  const head = element(
    "div",
    { class: "pw-scale-head" },
    element("label", { for: id }, "Scale of the logits, 1 / (temperature · √d)"),
    text,
  );
  return { node: element("div", { class: "pw-scale" }, head, range, marks), range, text, usual, none };
}

const along = (power) => `calc(8px + (100% - 16px) * ${(power + STEPS) / (2 * STEPS)})`;

function buildColumn(name, help) {
  const map = slider(`Token that asks, ${name}`, help),
    answers = slider(`Answers by weight, ${name}`, help);
  const list = element("dl", { class: "pw-findings" });
  const node = element(
    "div",
    { class: "pw-column", role: "group", "aria-label": capital(name) },
    element("p", { class: "pw-title" }, capital(name)),
    map,
    answers,
    list,
  );
  return { node, name, map, answers, list };
}

function buildPage(act) {
  const id = pageId(),
    controls = buildControls(act),
    scale = buildScale(act, `${id}-scale`);
  const sentence = element("p", { class: "pw-place" }),
    columns = element("div", { class: "pw-columns" }),
    legend = element("canvas", { role: "img" });
  const reading = element("div", { class: "pw-reading" }, sentence, element("div", { class: "pw-legend" }, legend));
  const framed = frame("attention", "Attention explorer", id, settingsRow(controls), scale.node, reading, columns);
  return { ...framed, id, controls, scale, sentence, columns, legend };
}

function showControls(controls, scenes, { scene: { models, blocks, heads } }, { scene, model, block, head }) {
  const numbers = (count) => Array.from({ length: count }, (_, each) => [each, `${each}`]);
  const names = Object.keys(models);
  controls.scene.show(pairs(scenes), scene);
  controls.block.show(numbers(blocks), block);
  controls.head.show([["", `mean of all ${heads}`], ...numbers(heads)], head ?? "");
  controls.model.show([["", "side by side"], ...pairs(names)], model ?? "");
  const counts = { scene: scenes.length, block: blocks, head: heads, model: names.length };
  for (const name in counts) controls[name].node.hidden = counts[name] < 2;
}

function showScale({ range, text, usual, none }, view) {
  const power = -Math.log2(view.temperature),
    bare = Math.log2(Math.sqrt(view.dim));
  const words = scaleText(view);
  range.value = power;
  range.setAttribute("aria-valuetext", words);
  text.textContent = words;
  usual.style.left = along(0);
  none.style.left = along(bare);
  none.style.setProperty("--share", Math.min(Math.max((bare - 1) / 2, 0.1), 0.9)); // so the two marks stay apart on a phone
  none.hidden = bare > STEPS || bare === 0;
}

function showFindings(list, lines) {
  if (list.children.length !== lines.length) {
    list.replaceChildren(...lines.map(() => element("div", {}, element("dt"), " ", element("dd"))));
  }
  lines.forEach((texts, line) => {
    texts.forEach((text, part) => {
      setText(list.children[line].children[part], text);
    });
  });
}

// `pinned` is the answering token the reader chose, or null: the strongest.
class AttentionExplorer extends Explorer {
  static settings = ["scene", "model", "block", "head", "query", "temperature"];
  static source = "scenes";
  static spoken = "canvas[role=slider]:focus"; // the scale says itself, but not what came of it

  columns = [];
  pinned = null;

  decode(scene) {
    return decodeScene(scene);
  }

  // Whose q·k is read out: what the pointer is over, else the pinned one, else the strongest but the query itself.
  get marked() {
    const { order } = this.view.columns.at(-1),
      strongest = order.find((token) => token !== this.view.query) ?? 0;
    return [this.hovered, this.pinned].find((token) => token !== null && token < this.view.tokens) ?? strongest;
  }

  build() {
    return buildPage(this);
  }

  draw() {
    this.legend = this.keep(this.page.legend, (context, width, height, { view, colors }) =>
      drawLegend(context, width, height, { view, texts: legendTexts(view), colors }),
    );
  }

  drawn() {
    return { ...super.drawn(), marked: this.marked };
  }

  // Actions.

  changeScene = (name) => {
    const { start, blocks, heads, models } = this.pictures.get(name),
      { block, head, model } = this.settings;
    this.pinned = this.hovered = null;
    this.set({
      scene: name,
      query: start,
      block: Math.min(block, blocks - 1),
      head: head === null || head < heads ? head : null,
      model: model in models ? model : null,
    });
  };

  // The step nearest to no scaling is no scaling.
  scaleTo = (power) => {
    const bare = Math.log2(Math.sqrt(this.view.dim)),
      meant = power !== 0 && Math.abs(power - bare) <= STEP / 2 ? bare : power;
    this.set({ temperature: 2 ** -meant });
  };

  forget() {
    this.pinned = this.hovered = null;
  }

  ask = (token) => {
    this.hover(null);
    this.set({ query: clamped(token, this.view.tokens - 1) });
  };

  askRows(by) {
    const {
        query,
        tokens,
        scene: {
          prefix,
          grid: [, columns],
        },
      } = this.view,
      next = query + by * columns;
    if (query >= prefix && next >= prefix && next < tokens) this.ask(next);
  }

  pin = (token) => {
    this.pinned = token;
    this.hover(null);
    this.updateHovered();
  };

  // Columns, their pointers and keys.

  get shown() {
    return this.columns.filter(({ node }) => !node.hidden);
  }

  answersOf(name) {
    return this.view.columns.find((column) => column.name === name);
  }

  showColumns({ scene, names }) {
    const all = Object.keys(scene.models);
    if (all.join("\n") !== this.columns.map(({ name }) => name).join("\n")) this.buildColumns(all);
    this.columns.forEach(({ node, name }) => {
      node.hidden = !names.includes(name);
    });
    this.page.columns.dataset.count = names.length;
  }

  buildColumns(names) {
    this.columns.forEach(({ surfaces }) => {
      surfaces.forEach((each) => {
        each.stop();
      });
    });
    this.surfaces = [this.legend];
    this.columns = names.map((name) => buildColumn(name, this.page.id));
    this.page.columns.replaceChildren(...this.columns.map(({ node }) => node));
    this.columns.forEach((column) => {
      this.keepColumn(column);
    });
  }

  keepColumn(column) {
    const keep = (canvas, draw) =>
      this.keep(canvas, (context, width, height, drawn) =>
        draw(context, width, height, { ...drawn, ...this.answersOf(column.name) }),
      );
    column.surfaces = [keep(column.map, drawMap), keep(column.answers, drawAnswers)];
    this.listenToMap(column.map);
    this.listenToAnswers(column);
  }

  listenToMap(map) {
    const at = (x, y) => tokenAt(x, y, map.clientWidth, map.clientHeight, this.view.scene);
    onPointer(map, { choose: (x, y) => this.ask(at(x, y)), hover: this.over(at) });
    const step = (by) => () => this.ask(this.view.query + by),
      rows = (by) => () => this.askRows(by);
    onKeys(map, {
      ArrowLeft: step(-1),
      ArrowRight: step(1),
      ArrowUp: rows(-1),
      ArrowDown: rows(1),
      Home: () => this.ask(0),
      End: () => this.ask(this.view.tokens - 1),
    });
  }

  listenToAnswers({ answers, name }) {
    const order = () => this.answersOf(name).order,
      token = (x) => order()[rankAt(x, answers.clientWidth, this.view.tokens)];
    onPointer(answers, { choose: (x) => this.pin(token(x)), hover: this.over(token) });
    const step = (by) => () => this.pin(order()[clamped(order().indexOf(this.marked) + by, this.view.tokens - 1)]);
    onKeys(answers, {
      ArrowLeft: step(-1),
      ArrowRight: step(1),
      ArrowUp: step(-1),
      ArrowDown: step(1),
      Home: () => this.pin(order()[0]),
      End: () => this.pin(order().at(-1)),
    });
  }

  // From the settings to the page.

  update() {
    const { settings, page } = this,
      scene = this.pictures.get(settings.scene);
    if (!scene || !fits(scene, settings)) return; // half of a change from Python; the other half follows
    this.view = look(scene, settings);
    this.showColumns(this.view);
    showControls(page.controls, [...this.pictures.keys()], this.view, settings);
    showScale(page.scale, this.view);
    page.legend.setAttribute(
      "aria-label",
      `Colors from weight 0 to ${weightText(this.view.top)}; ${legendTexts(this.view).uniform}`,
    );
    this.updateSentence();
    this.updateHovered();
    this.legend.invalidate();
  }

  updateSentence() {
    const { scene, query, tokens, columns } = this.view,
      answering = `${tokens} ${scene.prefix ? "tokens" : "patches"}`;
    const asks = `${capital(tokenText(scene, query))} asks, ${answering} answer.`;
    const told = `${asks} ${columns.map((column) => summary(column, this.view)).join("; ")}`;
    setText(this.page.sentence, asks);
    this.shown.forEach(({ map }) => {
      map.style.aspectRatio = `1 / ${mapAspect(scene)}`;
      tell(map, query, tokens - 1, told);
    });
    this.report({ told });
  }

  news({ told }) {
    return told;
  }

  updateHovered() {
    const { view, marked } = this;
    this.shown.forEach(({ name: model, list, answers, surfaces }) => {
      const column = this.answersOf(model),
        lines = findings(column, view, marked),
        [name, numbers] = lines.at(-1);
      showFindings(list, lines);
      if (this.hovered === null) tell(answers, column.order.indexOf(marked), view.tokens - 1, `${name}: ${numbers}`);
      surfaces.forEach((each) => {
        each.invalidate();
      });
    });
  }
}

export default mounted(AttentionExplorer);
