// One token asks, all tokens answer: softmax(scale · q·k) over the picture, of several models side by side.

import { onKeys, onPointer } from "../common/canvas.mjs";
import { button, choice, clamped, element, setText, slider, tell } from "../common/controls.mjs";
import { Explorer, frame, mounted, pageId, pairs, settingsRow } from "../common/explorer.mjs";
import { decodeArray, neighborPairs } from "../common/formulas.mjs";
import { decodePhoto } from "../common/photos.mjs";
import { capital } from "../common/words.mjs";
import { drawAnswers, drawLegend, drawMap, mapAspect, rankAt, tokenAt } from "./drawings.mjs";
import { lookAt } from "./formulas.mjs";
import limits from "./limits.json" with { type: "json" };
import * as words from "./words.mjs";

const POWERS = Math.log2(limits.ranges.temperature[1]), // the scale goes from 2^-POWERS to 2^POWERS times 1/√d
  STEP = 0.25;

// What the page was brought.

async function decodeScene({ picture, models, ...known }) {
  const decoded = Object.fromEntries(Object.entries(models).map(([name, parts]) => [name, decodeParts(parts)])),
    { grid } = known,
    { queries } = Object.values(decoded)[0],
    [tokens, dim] = queries[0][0].shape;
  const counts = { tokens, dim, prefix: tokens - grid[0] * grid[1], blocks: queries.length, heads: queries[0].length };
  return { ...known, ...counts, picture: await decodePhoto(picture), models: decoded, pairs: neighborPairs(grid) };
}

const decodeParts = (parts) =>
  Object.fromEntries(
    Object.entries(parts).map(([part, blocks]) => [part, blocks.map((heads) => heads.map(decodeArray))]),
  );

function fits({ tokens, blocks, heads, models }, { query, block, head, model }) {
  return query < tokens && block < blocks && (head === null || head < heads) && (model === null || model in models);
}

// The page.

function buildControls(act) {
  const choose = {
    scene: act.changeScene,
    block: (block) => act.set({ block: Number(block) }),
    head: (head) => act.set({ head: head === "" ? null : Number(head) }),
    model: (model) => act.set({ model: model === "" ? null : model }),
  };
  const choices = Object.entries(words.CHOICES).map(([name, label]) => [name, choice(label, choose[name])]);
  return { ...Object.fromEntries(choices), reset: { node: button(words.RESET, act.reset) } };
}

// The slider of the scale, in steps of a quarter of a power of two; two marks below it can be pressed.
function buildScale(act, id) {
  const range = element("input", {
    type: "range",
    min: -POWERS,
    max: POWERS,
    step: STEP,
    id,
    oninput: () => act.scaleTo(Number(range.value)),
  });
  const text = element("span", { class: "pw-scale-text" }),
    head = element("div", { class: "pw-scale-head" }, element("label", { for: id }, words.SCALE), text);
  const usual = button(words.USUAL, () => act.scaleTo(0)),
    none = button(words.UNSCALED, () => act.set({ temperature: 1 / Math.sqrt(act.view.dim) }));
  const [least, most] = words.scaleEnds(POWERS).map((end) => element("span", { "aria-hidden": "true" }, end)),
    marks = element("div", { class: "pw-marks" }, least, usual, none, most);
  return { node: element("div", { class: "pw-scale" }, head, range, marks), range, text, usual, none };
}

const along = (power) => `calc(8px + (100% - 16px) * ${(power + POWERS) / (2 * POWERS)})`;

function buildColumn(name, help) {
  const map = slider(words.askingLabel(name), help),
    answers = slider(words.answersLabel(name), help),
    list = element("dl", { class: "pw-findings" });
  const title = element("p", { class: "pw-title" }, capital(name)),
    attributes = { class: "pw-column", role: "group", "aria-label": capital(name) },
    node = element("div", attributes, title, map, answers, list);
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
  const framed = frame("attention", words.LABEL, id, settingsRow(controls), scale.node, reading, columns);
  return { ...framed, id, controls, scale, sentence, columns, legend };
}

function showControls(controls, scenes, { scene: { models, blocks, heads } }, { scene, model, block, head }) {
  const numbers = (count) => Array.from({ length: count }, (_, each) => [each, `${each}`]);
  const names = Object.keys(models);
  controls.scene.show(pairs(scenes), scene);
  controls.block.show(numbers(blocks), block);
  controls.head.show([["", words.meanOfAll(heads)], ...numbers(heads)], head ?? "");
  controls.model.show([["", words.SIDE_BY_SIDE], ...pairs(names)], model ?? "");
  const counts = { scene: scenes.length, block: blocks, head: heads, model: names.length };
  for (const name in counts) controls[name].node.hidden = counts[name] < 2;
}

function showScale({ range, text, usual, none }, view) {
  const power = -Math.log2(view.temperature),
    bare = Math.log2(Math.sqrt(view.dim));
  const told = words.scaleSentence(view);
  range.value = power;
  range.setAttribute("aria-valuetext", told);
  setText(text, told);
  usual.style.left = along(0);
  none.style.left = along(bare);
  none.style.setProperty("--share", Math.min(Math.max((bare - 1) / 2, 0.1), 0.9)); // keeps two marks apart on a phone
  none.hidden = bare > POWERS || bare === 0;
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

// `pinned` is the key the reader chose, a token that answers the query, or null: the strongest.
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
    this.legend = this.keep(this.page.legend, drawLegend);
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
    const hit = (x, y) => tokenAt(x, y, map.clientWidth, map.clientHeight, this.view.scene);
    onPointer(map, { choose: (x, y) => this.ask(hit(x, y)), hover: this.over(hit) });
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
    this.view = lookAt(scene, settings);
    this.showColumns(this.view);
    showControls(page.controls, [...this.pictures.keys()], this.view, settings);
    showScale(page.scale, this.view);
    page.legend.setAttribute("aria-label", words.legendLabel(this.view));
    this.updateSentence();
    this.updateHovered();
    this.legend.invalidate();
  }

  updateSentence() {
    const { scene, query, tokens } = this.view,
      told = words.toldSentence(this.view);
    setText(this.page.sentence, words.askingSentence(this.view));
    this.shown.forEach(({ map }) => {
      map.style.aspectRatio = `1 / ${mapAspect(scene)}`;
      tell(map, query, tokens - 1, told);
    });
    this.report({ told });
  }

  updateHovered() {
    const { view, marked } = this;
    this.shown.forEach(({ name, list, answers, surfaces }) => {
      const column = this.answersOf(name),
        lines = words.findings(column, view, marked);
      showFindings(list, lines);
      if (this.hovered === null)
        tell(answers, column.order.indexOf(marked), view.tokens - 1, words.pairSentence(lines.at(-1)));
      surfaces.forEach((each) => {
        each.invalidate();
      });
    });
  }
}

export default mounted(AttentionExplorer);
