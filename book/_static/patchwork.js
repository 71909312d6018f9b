// The page's own small behaviors: colors, copying code, sideways scrolling by key, the place in the page, printing.
(() => {
  const root = document.documentElement;

  // The reader's choice of storage is this browser; where there is none, all works and nothing is kept.
  const kept = {
    get: (name, store = "localStorage") => {
      try {
        return window[store].getItem(name);
      } catch {
        return null;
      }
    },
    set: (name, value, store = "localStorage") => {
      try {
        if (value === null) window[store].removeItem(name);
        else window[store].setItem(name, value);
      } catch {
        /* for this page only */
      }
    },
  };

  // Colors: as the system has them, light, or dark. A choice is kept, and told to other pages that are open.
  const themeButton = document.querySelector(".top-theme"),
    dark = matchMedia("(prefers-color-scheme: dark)"),
    CHOICES = ["system", "light", "dark"],
    NAMES = { system: "Colors: as on this device", light: "Colors: light", dark: "Colors: dark" };
  function paint(chosen) {
    root.dataset.colors = chosen;
    root.dataset.theme = chosen === "system" ? (dark.matches ? "dark" : "light") : chosen;
    themeButton.querySelector("span").textContent = NAMES[chosen];
    themeButton.title = NAMES[chosen];
  }
  const repaint = () => paint(CHOICES.find((each) => each === kept.get("theme")) ?? "system");
  themeButton.hidden = false;
  repaint();
  themeButton.addEventListener("click", () => {
    const next = CHOICES[(CHOICES.indexOf(root.dataset.colors) + 1) % CHOICES.length];
    kept.set("theme", next === "system" ? null : next);
    paint(next);
  });
  dark.addEventListener("change", () => paint(root.dataset.colors));
  addEventListener("storage", ({ key }) => key === "theme" && repaint());
  addEventListener("pageshow", ({ persisted }) => persisted && repaint());

  // Control or Command with K goes to the search field.
  document.addEventListener("keydown", (event) => {
    if (event.key.toLowerCase() !== "k" || !(event.ctrlKey || event.metaKey) || event.altKey || event.shiftKey) return;
    document.querySelector(".top-search input").focus();
    event.preventDefault();
  });

  // A result within the glossary names its term, not only the page; one of a whole page opens where the words stand.
  const results = document.getElementById("search-results");
  if (results) {
    const termOf = (id) =>
      Object.entries(Search._index.indexentries).find(([, places]) => places.some((place) => place[1] === id));
    new MutationObserver(() => {
      for (const link of results.querySelectorAll("a[href*='#term-']:not([data-term])")) {
        link.dataset.term = termOf(decodeURIComponent(link.hash.slice(1)))?.[0] ?? "";
        if (link.dataset.term) link.append(`: ${link.dataset.term}`);
      }
      const words = encodeURIComponent(new URLSearchParams(location.search).get("q").trim()).replaceAll("-", "%2D");
      for (const link of results.querySelectorAll("a:not([href*='#'])")) link.hash = `:~:text=${words}`;
    }).observe(results, { childList: true, subtree: true });
  }

  // Code can be copied; the prompts of an example stay behind.
  const sourceOf = (pre) => {
    const lines = pre.textContent.trimEnd().split("\n");
    const typed = lines.filter((line) => /^(>>>|\.\.\.)( |$)/.test(line));
    return typed.length ? typed.map((line) => line.slice(4)).join("\n") : lines.join("\n");
  };
  const said = Object.assign(document.createElement("p"), { className: "unseen", role: "status" });
  document.body.append(said);
  for (const pre of document.querySelectorAll(
    ".cell_input pre, .highlight-python pre, .highlight-bash pre, .doctest pre",
  )) {
    const button = Object.assign(document.createElement("button"), {
      type: "button",
      className: "copy",
      textContent: "Copy",
    });
    button.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(sourceOf(pre));
        said.textContent = button.textContent = "Copied";
      } catch {
        getSelection().selectAllChildren(pre);
        said.textContent = button.textContent = "Selected";
      }
      setTimeout(() => {
        button.textContent = "Copy";
        said.textContent = "";
      }, 1600);
    });
    pre.parentElement.classList.add("copies");
    pre.after(button);
  }

  // What scrolls sideways can be reached by key, and only that. Sections out of sight report once they are drawn.
  const scrolling = new ResizeObserver((entries) => {
    for (const { target } of entries) {
      const scrolls = target.scrollWidth > target.clientWidth + 1;
      target.classList.toggle("scrolls-now", scrolls);
      if (scrolls) {
        target.tabIndex = 0;
        target.setAttribute("role", "group");
        target.setAttribute("aria-label", `${target.dataset.scrolls ?? "Code"}, scrolls sideways`);
      } else {
        ["tabindex", "role", "aria-label"].forEach((name) => {
          target.removeAttribute(name);
        });
      }
    }
  });
  for (const table of document.querySelectorAll("article table")) {
    if (table.closest(".explorer, .scrolls")) continue;
    const box = Object.assign(document.createElement("div"), { className: "scrolls" });
    box.dataset.scrolls = "Table";
    table.before(box);
    box.append(table);
  }
  document.querySelectorAll("article pre, .scrolls").forEach((box) => {
    scrolling.observe(box);
  });

  // An exercise has an address, as a heading has.
  for (const box of document.querySelectorAll(".exercise.admonition[id]")) {
    const link = Object.assign(document.createElement("a"), { className: "headerlink", href: `#${box.id}` });
    link.textContent = "#";
    link.setAttribute("aria-label", "Link to this exercise");
    box.querySelector(".admonition-title")?.append(link);
  }

  // The section being read is marked in the lists of sections, and named in the bar.
  const list = document.getElementById("page-contents"),
    now = document.querySelector(".here-now"),
    links = [...document.querySelectorAll(".page-toc a[href^='#'], #page-contents a[href^='#']")],
    ids = [...new Set(links.map((link) => decodeURIComponent(link.hash.slice(1))))].filter(Boolean);
  const RULE = 140; // pixels from the top: what stands there is being read
  function sectionRead() {
    let here = null,
      chapter = null;
    for (const id of ids) {
      const section = document.getElementById(id);
      const around = section.parentElement.closest("section[id]");
      const nested = around && ids.includes(around.id);
      if (nested && around !== chapter) continue; // sections out of sight aren't laid out to be measured
      if (section.getBoundingClientRect().top > RULE) continue;
      here = section;
      if (!nested) chapter = section;
    }
    return here ?? document.querySelector("article > section");
  }
  const titleOf = (section) => section?.querySelector("h1, h2, h3, h4");
  const wordsOf = (title) => {
    const copy = title.cloneNode(true);
    for (const each of copy.querySelectorAll(".headerlink, .katex-mathml")) each.remove();
    return copy.textContent.trim();
  };
  function markPlace() {
    const here = sectionRead();
    for (const link of links) {
      if (here && decodeURIComponent(link.hash.slice(1)) === here.id) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    }
    if (now) now.textContent = wordsOf(titleOf(here) ?? document.querySelector("h1"));
    keepPlace(here);
  }
  list?.addEventListener("click", ({ target }) => target.closest("a") && list.hidePopover());
  list?.addEventListener("toggle", ({ newState }) => {
    const here = newState === "open" && list.querySelector("[aria-current]");
    if (here) list.scrollTop = here.offsetTop - list.clientHeight / 2; // scrollIntoView would move the page too
  });

  // Reloading comes back to the same words. Pixels can't tell the place: sections out of sight have no height yet.
  const PLACE = `place:${location.pathname}`,
    LAST = "patchwork-last";
  const partsOf = (section) => [...section.children].filter((each) => each.tagName !== "SECTION");
  function keepPlace(section) {
    if (!section) return kept.set(PLACE, null, "sessionStorage");
    const parts = partsOf(section),
      number = Math.max(
        0,
        parts.findLastIndex((part) => part.getBoundingClientRect().top <= RULE),
      ),
      below = Math.round((parts[number] ?? section).getBoundingClientRect().top);
    kept.set(PLACE, JSON.stringify({ id: section.id, number, below }), "sessionStorage");
    if (!document.querySelector(".page-book-index"))
      kept.set(
        LAST,
        JSON.stringify({ page: pageName, title: document.title, part: wordsOf(titleOf(section)), id: section.id }),
      );
  }
  const pageName = decodeURI(new URL(location.href).pathname).split("/").slice(-2).join("/");
  function findPlace() {
    const place = JSON.parse(kept.get(PLACE, "sessionStorage") ?? "null"),
      section = place && document.getElementById(place.id);
    if (!section) return;
    const part = partsOf(section)[place.number] ?? section;
    const settle = (times) => {
      const off = part.getBoundingClientRect().top - place.below;
      if (Math.abs(off) > 1) scrollBy({ top: off, behavior: "instant" });
      if (times) requestAnimationFrame(() => settle(times - 1)); // what comes into sight takes its true height
    };
    settle(6);
  }

  // End means the end, also where the last sections grow as they come into sight.
  addEventListener("keydown", ({ key, target }) => {
    if (key !== "End" || target.closest("input, select, textarea, [role=slider], .explorer")) return;
    const further = (times) => {
      scrollTo({ top: document.documentElement.scrollHeight, behavior: "instant" });
      if (times) requestAnimationFrame(() => further(times - 1));
    };
    requestAnimationFrame(() => further(6));
  });

  if (ids.length) {
    const [{ type }] = performance.getEntriesByType("navigation");
    if (["reload", "back_forward"].includes(type)) {
      history.scrollRestoration = "manual";
      findPlace();
      addEventListener("load", findPlace, { once: true });
    }
    addEventListener("pagehide", () => {
      history.scrollRestoration = "manual";
    });
    let waiting = false;
    addEventListener(
      "scroll",
      () => {
        if (waiting) return;
        waiting = true;
        requestAnimationFrame(() => {
          waiting = false;
          markPlace();
        });
      },
      { passive: true },
    );
    markPlace();
  }

  // The first page offers the way back to what was read last, in this browser.
  const front = document.querySelector(".page-book-index h1 + p"),
    last = front && JSON.parse(kept.get(LAST) ?? "null");
  if (last) {
    const link = Object.assign(document.createElement("a"), {
      href: `${root.dataset.content_root}${last.page}#${last.id}`,
      textContent: `${last.title.replace(/ · [^·]*$/, "")}: ${last.part}`,
    });
    const line = Object.assign(document.createElement("p"), {
      className: "continue",
      textContent: "Continue where you were: ",
    });
    line.append(link);
    front.after(line);
  }

  // Paper needs every font of the page, and a section that is out of sight hasn't asked for its own yet.
  const idle = window.requestIdleCallback ?? ((work) => setTimeout(work, 200));
  function fonts() {
    const kinds = new Map();
    for (const part of document.querySelectorAll(".katex-html, .katex-html span")) {
      kinds.set(`${part.parentElement.className} > ${part.className}`, part);
    }
    const named = [...kinds.values()].map((part) => {
      const { fontStyle, fontWeight, fontFamily } = getComputedStyle(part);
      return `${fontStyle} ${fontWeight} 1em ${fontFamily}`;
    });
    for (const font of new Set(named))
      document.fonts.load(font).catch(() => {
        /* read without it */
      });
  }
  addEventListener("load", () => idle(fonts));

  // On paper every section is drawn, every box is open, and the page is light.
  const closed = [];
  let shown = root.dataset.theme;
  addEventListener("beforeprint", () => {
    fonts();
    shown = root.dataset.theme;
    root.dataset.theme = "light";
    root.classList.add("printing");
    closed.push(...document.querySelectorAll("article details:not([open])"));
    closed.forEach((box) => {
      box.open = true;
    });
  });
  addEventListener("afterprint", () => {
    root.dataset.theme = shown;
    root.classList.remove("printing");
    closed.splice(0).forEach((box) => {
      box.open = false;
    });
  });
})();
