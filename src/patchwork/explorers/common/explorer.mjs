// What every explorer is: settings that a model keeps, a page that shows them, and what each tells the other. A new one
// extends Explorer or PhotoExplorer, names its settings, and says how it is built, kept drawn, listened to and updated.

import { keepKeys, surface } from "./canvas.mjs";
import { button, choice, element, filePicker, setText } from "./controls.mjs";
import { usableModel } from "./model.mjs";
import { decodeGray, decodePhoto, readOwnGray, readOwnPhoto } from "./photos.mjs";
import { followPage, onThemeChange, themeColors } from "./theme.mjs";
import { Work } from "./work.mjs";

const OWN = "your photo";

// One explorer. `pictures` are decoded, by name; `view` is all that follows from the settings; `hovered` is what the
// pointer is over.
export class Explorer {
  static settings = []; // names that the model keeps and Reset brings back
  static source = "photos"; // the name under which the model keeps the pictures
  static spoken = "canvas[role=slider]:focus, [type=range]:focus"; // what, in focus, says itself aloud

  pictures = new Map();
  surfaces = [];
  work = new Work();
  hovered = null;

  constructor(model) {
    this.model = usableModel(model);
    this.first = this.settings;
  }

  get settings() {
    return Object.fromEntries(this.constructor.settings.map((name) => [name, this.model.get(name)]));
  }

  // What an explorer gives: decode(data) reads a picture; build() makes the page, {root, status, canvases, texts, …};
  // draw() keeps its canvases drawn; listen() hears pointers and keys; update() goes from the settings to the page,
  // updateHovered() from the pointer to it; forget() is what Reset does besides; drawn() is what each drawing gets;
  // stop() ends what goes on by itself, when the page is taken away.

  listen() {}
  updateHovered() {}
  forget() {}
  stop() {
    this.work.stop();
  }
  drawn() {
    return { view: this.view, hovered: this.hovered, colors: this.colors };
  }

  mount(el) {
    this.page = this.build();
    keepKeys(this.page.root);
    el.append(this.page.root);
    followPage(this.page.root);
    this.colors = themeColors(this.page.root);
    this.draw();
    this.listen();
    this.listenToModel();
    this.update();
  }

  async decodeAll() {
    for (const [name, data] of Object.entries(this.model.get(this.constructor.source))) {
      if (this.pictures.get(name)?.data !== data) this.pictures.set(name, { data, ...(await this.decode(data)) });
    }
  }

  // Keep a canvas drawn: draw(context, width, height, drawn()).
  keep(canvas, draw) {
    const kept = surface(canvas, (context, width, height) => draw(context, width, height, this.drawn()));
    this.surfaces.push(kept);
    return kept;
  }

  keepAll(drawings) {
    return Object.entries(drawings).map(([name, draw]) => this.keep(this.page.canvases[name], draw));
  }

  // Actions.

  set = (changes) => {
    for (const name in changes) this.model.set(name, changes[name]);
    this.model.save_changes();
  };

  reset = () => {
    this.forget();
    this.set(this.first);
    this.updateSoon();
  };

  // A choice, above all one by key, counts for more than a pointer that rests somewhere.
  ask = (place) => {
    this.hover(null);
    this.set({ selected: place });
  };

  hover(place) {
    if (place === this.hovered) return;
    this.hovered = place;
    this.set({ hovered: place });
    this.updateHovered();
  }

  // A pointer's answer to hovering: find(x, y) says over what.
  over(find) {
    return (x, y) => this.hover(x === undefined ? null : find(x, y));
  }

  // Changes from elsewhere. Settings that change together are shown together.

  listenToModel() {
    const { settings, source } = this.constructor,
      heard = Object.fromEntries(settings.map((name) => [`change:${name}`, () => this.updateSoon()]));
    heard[`change:${source}`] = () => this.receive();
    heard["change:hovered"] = () => this.hover(this.model.get("hovered"));
    for (const name in heard) this.model.on(name, heard[name]);
    const forget = onThemeChange(this.page.root, (printing) => this.restyle(printing));
    this.unmount = () => {
      for (const name in heard) this.model.off(name, heard[name]);
      forget();
      for (const each of this.surfaces) each.stop();
      this.stop();
    };
  }

  async receive() {
    await this.decodeAll();
    this.update();
  }

  updateSoon() {
    this.waiting ??= Promise.resolve().then(() => {
      this.waiting = null;
      this.update();
    });
  }

  restyle(printing) {
    followPage(this.page.root, printing);
    this.colors = themeColors(this.page.root);
    if (this.view)
      this.surfaces.forEach((each) => {
        each.paintNow();
      });
  }

  // Sentences by name, each in its own place.
  say(told) {
    for (const name in told) setText(this.page.texts[name], told[name]);
    this.report(told);
  }

  // One status for what a focused slider doesn't say itself. The first view says nothing.
  report(told) {
    const before = this.told,
      said = this.page.root.querySelector(this.constructor.spoken);
    this.told = told;
    if (!before || said) return;
    const text = this.news(told, before);
    if (text) setText(this.page.status, text);
  }

  news(told, before) {
    return Object.keys(told)
      .filter((name) => told[name] !== before[name])
      .map((name) => told[name])
      .join(" ");
  }
}

// An explorer of photographs. The reader's own stays on the page, and in the kernel where there is one.
export class PhotoExplorer extends Explorer {
  decode(data) {
    return decodePhoto(data);
  }

  // A file as the model keeps a photograph: base64, in the shape of the first.
  readOwn(file) {
    const { width, height } = this.pictures.get(this.first.photo);
    return readOwnPhoto(file, width, height);
  }

  forget() {
    this.page.message.textContent = "";
  }

  // One of another size may want other settings too.
  changePhoto(photo) {
    this.set({ photo });
  }

  showPhoto = (photo) => {
    this.page.message.textContent = "";
    this.changePhoto(photo);
  };

  takeOwnPhoto = async (file) => {
    try {
      const data = await this.readOwn(file);
      this.pictures.set(OWN, { data, ...(await this.decode(data)) });
      this.model.set("photos", { ...this.model.get("photos"), [OWN]: data });
      this.showPhoto(OWN);
    } catch (error) {
      this.page.message.textContent = error.message;
    }
  };
}

// An explorer of photographs in gray, of which each picture is {gray, size, picture}: what it computes with are the
// kernel's numbers.
export class GrayPhotoExplorer extends PhotoExplorer {
  decode(data) {
    return decodeGray(data);
  }

  readOwn(file) {
    const [height, width] = this.pictures.get(this.first.photo).size;
    return readOwnGray(file, width, height);
  }
}

// A module's export: what mounts an explorer of this kind on any model.
export const mounted = (Kind) => ({
  async render({ model, el }) {
    const explorer = new Kind(model);
    await explorer.decodeAll();
    explorer.mount(el);
    return () => explorer.unmount();
  },
});

// Parts of every page.

export const pageId = () => `pw-${Math.random().toString(36).slice(2)}`;
export const messageLine = () => element("p", { class: "pw-message", role: "alert" });
export const settingsRow = (controls) =>
  element("div", { class: "pw-controls" }, ...Object.values(controls).map(({ node }) => node));
export const sentences = (...names) =>
  Object.fromEntries(names.map((name) => [name, element("p", { class: `pw-${name}` })]));

// The group around it all. What describes its sliders, under the page's id, and the status stand at its end.
export function frame(kind, label, id, ...children) {
  const help = element("p", { id, hidden: true }, "Arrow keys move, Home and End jump"),
    status = element("p", { class: "pw-hidden", role: "status" });
  const layout = element("div", { class: "pw-layout" }, ...children);
  return {
    status,
    root: element("div", { class: `pw-explorer pw-${kind}`, role: "group", "aria-label": label }, layout, help, status),
  };
}

export const photoControls = (act) => ({
  photo: choice("Photograph", act.showPhoto),
  own: { node: filePicker("Your own photo…", "image/*", act.takeOwnPhoto) },
  reset: { node: button("Reset", act.reset) },
});

export const pairs = (names) => names.map((name) => [name, name]);

export function showPhotos({ node, show }, names, photo) {
  show(pairs(names), photo);
  node.hidden = names.length < 2;
}
