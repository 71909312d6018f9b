// Mounts every explorer of a static page, with no kernel behind it: a model like a widget's, and the explorer's own
// module.
const addressOf = moduleLinker(window.__patchwork_modules);
const home = document.currentScript.src;

class PageModel {
  #state;
  #listeners = new Map();
  constructor(state) {
    this.#state = { ...state };
  }
  get(key) {
    return this.#state[key];
  }
  set(key, value) {
    if (typeof key === "object")
      return Object.entries(key).forEach(([name, each]) => {
        this.set(name, each);
      });
    if (this.#state[key] === value) return;
    this.#state[key] = value;
    this.#emit(`change:${key}`, this, value);
    this.#emit("change", this);
  }
  on(names, listener) {
    for (const name of names.split(" ")) {
      if (!this.#listeners.has(name)) this.#listeners.set(name, new Set());
      this.#listeners.get(name).add(listener);
    }
  }
  off(names, listener) {
    if (!names) return this.#listeners.clear();
    for (const name of names.split(" ")) {
      if (listener) this.#listeners.get(name)?.delete(listener);
      else this.#listeners.delete(name);
    }
  }
  save_changes() {}
  send() {}
  load(part) {
    return loaded(`parts/${part}`);
  }
  #emit(name, ...details) {
    for (const listener of Array.from(this.#listeners.get(name) ?? [])) listener(...details); // one may leave meanwhile
  }
}

// A part of an explorer, which lies beside this script: a script too, for a page from disk reads no other file. It lays
// what it holds beside the modules.
async function loaded(name) {
  const parts = window.__patchwork_modules;
  if (name in parts) return parts[name];
  const script = document.createElement("script");
  await new Promise((done, fail) => {
    Object.assign(script, { src: new URL(`patchwork-${name}.js`, home), onload: done, onerror: fail });
    document.head.append(script);
  }).finally(() => {
    script.remove();
  });
  return parts[name];
}

// The fallback figure stays until the explorer stands, and stays for good where it can't.
async function mount(place) {
  const fallback = [...place.children];
  const host = place.appendChild(document.createElement("div"));
  host.hidden = true;
  try {
    const { default: explorer } = await import(addressOf(`${place.dataset.explorer}/page.mjs`));
    const model = new PageModel(JSON.parse(place.dataset.state));
    await explorer.initialize?.({ model });
    await explorer.render({ model, el: host });
    fallback.forEach((each) => {
      each.remove();
    });
    host.hidden = false;
    place.dataset.ready = "";
  } catch (error) {
    host.remove();
    place.dataset.failed = "";
    console.error(`explorer "${place.dataset.explorer}" could not start:`, error);
  }
}

const nearby = new IntersectionObserver(
  (entries) => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      nearby.unobserve(target);
      mount(target);
    }
  },
  { rootMargin: "600px" },
);
const observeAll = () =>
  document.querySelectorAll(".explorer[data-explorer]").forEach((place) => {
    nearby.observe(place);
  });
if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", observeAll);
else observeAll();
