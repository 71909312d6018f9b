// The page's own small behaviors: colors, copying code, sideways scrolling by key, the place in the page, printing.
(() => {
  const root = document.documentElement;

  // Dark and light: the reader's choice wins over the system's, and is kept.
  const themeButton = document.querySelector(".top-theme");
  const stored = () => {
    try {
      return localStorage.getItem("theme");
    } catch {
      return null;
    }
  };
  function paint(theme) {
    root.dataset.theme = theme;
    themeButton.setAttribute("aria-pressed", String(theme === "dark"));
  }
  themeButton.hidden = false;
  paint(root.dataset.theme);
  themeButton.addEventListener("click", () => {
    paint(root.dataset.theme === "dark" ? "light" : "dark");
    try {
      localStorage.setItem("theme", root.dataset.theme);
    } catch {
      /* kept for this page only */
    }
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", (system) => {
    if (!stored()) paint(system.matches ? "dark" : "light");
  });

  // "/" goes to the search field.
  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest("input, select, textarea, [contenteditable]");
    if (event.key !== "/" || typing || event.ctrlKey || event.metaKey || event.altKey) return;
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

  // The entry of the section being read is marked in "On this page".
  const entries = new Map(
    [...document.querySelectorAll(".page-toc a[href^='#']")]
      .map((link) => [decodeURIComponent(link.hash.slice(1)), link])
      .filter(([id]) => id),
  );
  function markPlace() {
    let here = null,
      chapter = null;
    for (const id of entries.keys()) {
      const section = document.getElementById(id);
      const around = section.parentElement.closest("section[id]");
      const nested = around && entries.has(around.id);
      if (nested && around !== chapter) continue; // sections out of sight aren't laid out to be measured
      if (section.getBoundingClientRect().top > 140) continue;
      here = section;
      if (!nested) chapter = section;
    }
    for (const [id, link] of entries) {
      if (id === here?.id) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    }
  }
  if (entries.size) {
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
