// Leaves of everything that a page repeats a few of each kind: axe reads thousands alike, half a minute a page.
// Of one kind are elements in like places, of like make down to their last child: tags, classes, what axe looks at.
// Headings, landmarks and explorers stay whole, and so does a formula or a word with a color of its own.
() => {
  const VALUES = ["role", "lang", "type", "aria-hidden"];
  const PRESENT = ["href", "title", "alt", "tabindex", "style", "aria-label", "open", "id"];
  const WHOLE = "h1, h2, h3, h4, h5, h6, nav, .explorer, .explorer *, #main > *";
  const LEAVES = ".highlight span, .katex-html, .katex-mathml > math";
  const FEW = 3,
    range = document.createRange();
  const signs = new Map(),
    counts = new Map();

  const isMore = (kind) => counts.set(kind, (counts.get(kind) ?? 0) + 1).get(kind) > FEW;

  // colored words and formulas first: what differs inside them is no difference of kind
  const repeated = (each) => {
    if (each.querySelector("[style*=color]")) return false;
    return isMore([each.tagName, each.className, each.closest(".exercise, .admonition, details")?.className].join());
  };
  const measured = (each) => {
    range.selectNodeContents(each);
    return [each, each.closest(".katex-display") && range.getBoundingClientRect().width];
  };
  for (const [each, width] of [...document.querySelectorAll(LEAVES)].filter(repeated).map(measured)) {
    if (width) each.innerHTML = `<span style="display: inline-block; width: ${width}px; overflow: clip">y</span>`;
    else each.replaceWith(each.textContent);
  }

  const sign = (each) => {
    const words = [...each.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim());
    const scrolls = each.scrollWidth > each.clientWidth && getComputedStyle(each).overflowX !== "visible";
    const attributes = [
      ...VALUES.map((name) => each.getAttribute(name)),
      ...PRESENT.map((name) => each.hasAttribute(name)),
    ];
    const inside =
      each.matches(".katex") && !each.querySelector("[style*=color]") ? [] : new Set([...each.children].map(sign));
    const found = [each.tagName, each.className, attributes, words, scrolls, ...inside].join("|");
    signs.set(each, found);
    return found;
  };

  // a term and what it means go together
  const units = (parent) =>
    [...parent.children].reduce((found, child) => {
      if (child.tagName === "DD" && found.length) found.at(-1).push(child);
      else found.push([child]);
      return found;
    }, []);

  const thinOut = (parent, path) => {
    for (const unit of units(parent)) {
      const whole = unit.some((each) => each.matches(WHOLE) || each.querySelector(WHOLE));
      if (isMore(path + unit.map((each) => signs.get(each)).join("+")) && !whole)
        unit.forEach((each) => {
          each.remove();
        });
      else
        unit
          .filter((each) => !each.matches(".katex"))
          .forEach((each) => {
            thinOut(each, `${path}>${each.tagName}.${each.className}${each.id ? "#" : ""}`);
          });
    }
  };

  const main = document.querySelector("main");
  sign(main);
  thinOut(main, "");
};
