// A real network on a picture: the map of one patch by features or by a head, at one depth, and what becomes of it over
// all depths. The first picture comes with the page; others, and the heads of a layer, are loaded when they are chosen.

import { gridPlace, onPointer, walkGrid } from "../common/canvas.mjs";
import {
  button,
  choice,
  element,
  filePicker,
  panel,
  range,
  setText,
  showRange,
  slider,
  tell,
} from "../common/controls.mjs";
import { Explorer, frame, messageLine, mounted, pageId, pairs, sentences, settingsRow } from "../common/explorer.mjs";
import { decodeArray, entropy, neighborPairs } from "../common/formulas.mjs";
import { hasKernel } from "../common/model.mjs";
import { decodePhoto, readOwnPhoto } from "../common/photos.mjs";
import { depthAt, drawCurve, drawLegend, drawMap, drawPhoto } from "./drawings.mjs";
import { attentionRow, cosineRow, distancesFrom, nearestMean, rowAuc, unpacked, weightedMean } from "./formulas.mjs";
import limits from "./limits.json" with { type: "json" };
import * as words from "./words.mjs";

const OWN = limits.own,
  HEADS = Array.from({ length: limits.heads }, (_, head) => [head, words.headText(head)]);

// What the page was brought.

async function decodePicture({ photo, grid, labels, features, curves }) {
  const count = grid[0] * grid[1],
    { shape, values } = decodeArray(curves);
  const depths = features.map((code) => ({ ...unpacked(code, count), likeness: code.fit })),
    known = { grid, labels, count, pairs: neighborPairs(grid), picture: await decodePhoto(photo) };
  return { ...known, depths, curves: { values, layers: shape[0], heads: shape[1] } };
}

function decodeHeads(codes, [rows, columns]) {
  const counts = { offsets: (2 * rows - 1) * (2 * columns - 1), keys: rows * columns };
  return codes.map((code) => ({
    offsets: unpacked(code.offsets, counts.offsets),
    keys: unpacked(code.keys, counts.keys),
    left: unpacked(code.left, counts.keys),
    right: unpacked(code.right, counts.keys),
    likeness: code.fit,
  }));
}

// What follows from a picture, the heads of the layer that is looked at or null, and the settings.

const meanOf = (values) =>
  weightedMean(
    values,
    values.map(() => 1 / values.length),
  );

function lookAt(picture, heads, { depth, head, selected, photo }) {
  const { grid, labels, count, depths } = picture,
    shown = depth === 0 ? null : head,
    away = distancesFrom(selected, grid),
    rows = depths.map((factors) => cosineRow(factors, selected));
  const row = shown === null ? rows[depth] : attentionRow(heads[shown], grid, selected),
    others = Array.from(row).filter((_, patch) => patch !== selected);
  const told = {
    strongest: strongestOther(row, selected),
    ends: shown === null ? [Math.min(...others), Math.max(...others)] : [0, Math.max(...row)],
    reach: shown === null ? nearestMean(row, away, selected, limits.nearest) : weightedMean(away, row),
    even: (meanOf(away) * count) / (shown === null ? count - 1 : count),
    mean: (row.reduce((sum, value) => sum + value, 0) - 1) / (count - 1),
    bits: entropy(row) / Math.LN2,
    likeness: (shown === null ? depths[depth] : heads[shown]).likeness,
    auc: labels ? rowAuc(row, labels, selected) : null,
  };
  const curve = rows.map((each) =>
    labels ? rowAuc(each, labels, selected) : nearestMean(each, away, selected, limits.nearest),
  );
  const headCurve = headsOverDepth(picture, selected);
  const asked = { depth, head: shown, selected, headless: head !== null && shown === null, own: photo === OWN };
  return { ...picture, ...asked, ...told, row, curve, headCurve };
}

// The strongest but the patch itself.
function strongestOther(row, selected) {
  let best = selected === 0 ? 1 : 0;
  row.forEach((value, patch) => {
    if (patch !== selected && value > row[best]) best = patch;
  });
  return best;
}

const headsOverDepth = ({ curves: { values, layers, heads }, count }, patch) =>
  Array.from({ length: layers }, (_, layer) =>
    Array.from({ length: heads }, (__, head) => values[(layer * heads + head) * count + patch]),
  );

// The page.

function buildPage(act) {
  const id = pageId(),
    message = messageLine(),
    depth = range(words.DEPTH, limits.counts.depth, (to) => act.set({ depth: to }), `${id}-depth`);
  const controls = {
    photo: choice("Picture", act.changePhoto),
    head: choice(words.SHOW, (head) => act.set({ head: head === "" ? null : Number(head) })),
    own: { node: filePicker("Your own photo…", "image/*", act.takeOwnPhoto) },
    reset: { node: button("Reset", act.reset) },
  };
  controls.own.node.hidden = !act.live;
  const [photo, map] = [slider(words.CHOSEN, id), element("canvas", { role: "img" })],
    [legend, chart] = Array.from({ length: 2 }, () => element("canvas", { role: "img" })),
    texts = sentences("place", "shown", "told", "likeness", "chart");
  const panels = {
    photo: panel(id, "scene", photo, texts.place),
    map: panel(id, "large", map, legend),
    chart: panel(id, "curve", chart, texts.chart),
  };
  const parts = [panels.photo.node, panels.map.node, texts.shown, texts.told, panels.chart.node, texts.likeness],
    framed = frame("real-network", words.LABEL, id, settingsRow(controls), depth.node, message, ...parts);
  return { ...framed, controls, depth, message, texts, panels, canvases: { photo, map, legend, chart } };
}

class RealNetworkExplorer extends Explorer {
  static settings = ["photo", "depth", "head", "selected"];
  static source = "parts";

  heads = new Map(); // of a layer, by the part's name
  coming = new Map(); // what was asked for, by name
  asked = 0;

  // Whether a kernel answers.
  get live() {
    return hasKernel(this.model);
  }

  decode(data) {
    return decodePicture(data);
  }

  build() {
    return buildPage(this);
  }

  draw() {
    this.maps = this.keepAll({ photo: drawPhoto, map: drawMap });
    this.keepAll({ legend: drawLegend, chart: drawCurve });
  }

  listen() {
    const { photo, map, chart } = this.page.canvases;
    for (const canvas of [photo, map]) {
      const patchAt = (x, y) => gridPlace(x, y, canvas, this.view.grid);
      onPointer(canvas, { choose: (x, y) => this.ask(patchAt(x, y)), hover: this.over(patchAt) });
    }
    onPointer(chart, { choose: (x) => this.set({ depth: depthAt(x, chart.clientWidth) }) });
    walkGrid(photo, { grid: () => this.view.grid, now: () => this.model.get("selected"), go: this.ask });
    this.answered = () => this.receivePart(this.model.get("part"));
    this.model.on("change:part", this.answered);
  }

  stop() {
    super.stop();
    this.model.off("change:part", this.answered);
  }

  forget() {
    this.hover(null);
    setText(this.page.message, "");
  }

  changePhoto = (photo) => this.set({ photo, selected: limits.starts[photo] ?? this.model.get("selected") });

  // Parts: of a page without a kernel they are files beside it; where there is one, Python gives them.

  has(name) {
    return name.includes("-") ? this.heads.has(name) : this.pictures.has(name);
  }

  async fetch(name) {
    if (this.coming.has(name)) return;
    this.coming.set(name, true);
    setText(this.page.message, name === OWN ? words.READING : words.loadingText(name));
    if (this.live) return this.set({ asked: [name, ++this.asked] });
    try {
      await this.take(name, await this.model.load(`real_network/${name}`));
    } catch {
      this.fail(name, words.failedText(name));
    }
  }

  receivePart({ name, content, error }) {
    if (!this.coming.has(name)) return; // another view's
    if (error) this.fail(name, error);
    else this.take(name, content);
  }

  async take(name, content) {
    if (name.includes("-")) this.heads.set(name, decodeHeads(content, this.pictures.get(name.split("-")[0]).grid));
    else this.pictures.set(name, { data: content, ...(await this.decode(content)) });
    this.coming.delete(name);
    setText(this.page.message, "");
    if (name === OWN) this.changePhoto(OWN);
    this.update();
  }

  // What can't be had is not shown: the view goes back to what there is.
  fail(name, error) {
    this.coming.delete(name);
    this.set(name.includes("-") ? { head: null } : { photo: this.view.name, selected: this.view.selected });
    setText(this.page.message, error);
  }

  takeOwnPhoto = async (file) => {
    try {
      const data = await readOwnPhoto(file, limits.side);
      for (const name of [...this.heads.keys()].filter((each) => each.startsWith(OWN))) this.heads.delete(name);
      this.coming.delete(OWN);
      this.set({ own: data });
      await this.fetch(OWN);
    } catch (error) {
      setText(this.page.message, error.message);
    }
  };

  // From the settings to the page.

  update() {
    const { photo, depth, head } = this.settings,
      needed = [photo, ...(head === null || depth === 0 ? [] : [`${photo}-${depth}`])],
      missing = needed.find((name) => !this.has(name));
    this.page.root.toggleAttribute("data-busy", missing !== undefined);
    if (missing !== undefined) {
      if (!this.view && this.has(photo)) this.look(null); // until the heads have come
      return this.fetch(missing);
    }
    this.look(head, this.heads.get(needed[1]));
  }

  look(head, heads) {
    const { photo } = this.settings;
    this.view = { ...lookAt(this.pictures.get(photo), heads, { ...this.settings, head }), name: photo };
    this.show();
  }

  show() {
    const { view, page } = this,
      { canvases, panels, texts, controls, depth } = page;
    const told = { place: words.placeSentence(view), shown: words.shownSentence(view) };
    const names = [...Object.keys(limits.starts), ...(this.pictures.has(OWN) ? [OWN] : [])];
    controls.photo.show(pairs(names), this.settings.photo);
    controls.head.show([["", words.FEATURES], ...HEADS], this.settings.head ?? "");
    showRange(
      depth,
      view.depth,
      `${words.DEPTH} ${words.depthText(view.depth)}. ${told.shown}`,
      words.depthText(view.depth),
    );
    setText(panels.photo.title, words.CHOSEN);
    setText(panels.map.title, words.mapTitle(view));
    setText(panels.chart.title, view.labels ? words.SCORE : words.DISTANCE);
    setText(texts.likeness, this.live ? words.likenessSentence(view) : `${words.likenessSentence(view)} ${words.LIVE}`);
    setText(texts.chart, words.chartSentence(view));
    for (const canvas of [canvases.photo, canvases.map]) canvas.style.aspectRatio = `${view.grid[1]} / ${view.grid[0]}`;
    tell(canvases.photo, view.selected, view.count - 1, `${told.place} ${told.shown}`);
    canvases.map.setAttribute("aria-label", `${words.mapTitle(view)}. ${told.shown}`);
    canvases.legend.setAttribute("aria-label", words.legendLabel(view));
    canvases.chart.setAttribute("aria-label", words.chartSentence(view));
    this.say(told);
    this.updateHovered();
    for (const each of this.surfaces) each.invalidate();
  }

  updateHovered() {
    const { view, hovered, page } = this;
    setText(page.texts.told, words.toldSentence(view, hovered !== null && hovered < view.count ? hovered : null));
    this.maps.forEach((each) => {
      each.invalidate();
    });
  }
}

export default mounted(RealNetworkExplorer);
