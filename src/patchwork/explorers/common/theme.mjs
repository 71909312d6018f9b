// The theme: light or dark as the page around is, forced colors, and light on paper.

// The theme's colors by name, as a canvas takes them: {ink: "rgb(27, 36, 48)", …}. System colors (forced colors) are
// resolved too.
export function themeColors(element) {
  const names = ["paper", "raised", "ink", "quiet", "rule", "edge", "accent", "accent-wash", "red", "green", "blue"];
  const probe = element.appendChild(document.createElement("span"));
  probe.style.forcedColorAdjust = "none";
  const colors = names.map((name) => {
    probe.style.color = `var(--pw-${name})`;
    return [name, getComputedStyle(probe).color];
  });
  probe.remove();
  return Object.fromEntries(colors);
}

// Whether the page is dark: as this book's site, JupyterLab or MyST say it; else as the color scheme it declares.
export function pageIsDark() {
  const { documentElement: page, body } = document,
    { colorScheme } = getComputedStyle(page);
  const themes = [
    page.dataset.theme,
    { true: "light", false: "dark" }[body.dataset.jpThemeLight],
    page.classList.contains("dark") ? "dark" : page.classList.contains("light") ? "light" : null,
  ];
  const theme = themes.find((each) => each === "dark" || each === "light");
  if (theme || !colorScheme.includes("dark")) return theme === "dark";
  return !colorScheme.includes("light") || matchMedia("(prefers-color-scheme: dark)").matches;
}

// A selector that begins at the page doesn't reach into a shadow root: there an explorer's root says that it is dark.
export function followPage(root, printing = false) {
  root.toggleAttribute("data-dark", isApart(root) && !printing && pageIsDark());
}

const isApart = (root) => root.getRootNode() instanceof ShadowRoot;

// Call back, with whether it is for paper, when the page or JupyterLab changes between light and dark, forced colors
// come or go, a style sheet of the same shadow root has loaded, and around printing, for which the page turns light;
// returns what ends it.
export function onThemeChange(root, callback) {
  const changed = (event) => callback(event?.type === "beforeprint");
  const attributes = new MutationObserver(() => changed());
  attributes.observe(document.documentElement, { attributeFilter: ["data-theme", "class"] });
  attributes.observe(document.body, { attributeFilter: ["data-jp-theme-light"] });
  const sheets = isApart(root) ? root.getRootNode().querySelectorAll("link[rel=stylesheet]") : [];
  const changes = [
    [matchMedia("(forced-colors: active)"), "change"],
    [matchMedia("(prefers-color-scheme: dark)"), "change"],
    [window, "beforeprint"],
    [window, "afterprint"],
    ...[...sheets].filter(({ sheet }) => !sheet).map((link) => [link, "load"]),
  ];
  for (const [target, name] of changes) target.addEventListener(name, changed);
  return () => {
    attributes.disconnect();
    for (const [target, name] of changes) target.removeEventListener(name, changed);
  };
}
