// What every explorer's canvas needs: sharp pixels, theme colors, a halo, pointer and keys.

const CIVIDIS = `
  00224d 00285b 002d69 043270 1a386f 273d6d 31436c 3a486b 434e6b 4b546c 52596c 595f6d 61646f 686a70 6e7073 757575 7c7b78
  848178 8b8778 938d77 9b9376 a39a74 aba072 b3a66f bbad6c c4b468 ccbb63 d5c25e dec957 e6d04f efd846 f9df3a fde737`.trim().split(/\s+/).map((hex) => [0, 2, 4].map((at) => parseInt(hex.slice(at, at + 2), 16)));

// Heat: 0 … 1 as [red, green, blue] bytes, matplotlib's cividis to within one step.
export function cividis(value) {
  const at = Math.min(Math.max(value, 0), 1) * (CIVIDIS.length - 1), low = Math.min(Math.floor(at), CIVIDIS.length - 2);
  return CIVIDIS[low].map((from, channel) => Math.round(from + (at - low) * (CIVIDIS[low + 1][channel] - from)));
}

// RGBA bytes as a canvas, to be drawn at any size.
export function pixelCanvas(pixels, width, height) {
  const canvas = document.createElement("canvas");
  Object.assign(canvas, { width, height });
  canvas.getContext("2d").putImageData(new ImageData(pixels, width, height), 0, 0);
  return canvas;
}

// Keep a canvas drawn: draw(context, width, height) in CSS pixels, at most once a frame, and whenever it changes size.
export function surface(canvas, draw) {
  const context = canvas.getContext("2d");
  let frame = 0;
  function paint() {
    frame = 0;
    const { clientWidth: width, clientHeight: height } = canvas, ratio = window.devicePixelRatio || 1;
    if (!width || !height) return;
    const size = { width: Math.round(width * ratio), height: Math.round(height * ratio) };
    if (canvas.width !== size.width || canvas.height !== size.height) Object.assign(canvas, size);
    context.setTransform(size.width / width, 0, 0, size.height / height, 0, 0);
    context.clearRect(0, 0, width, height);
    draw(context, width, height);
  }
  const resized = new ResizeObserver(paint);
  resized.observe(canvas);
  return {
    invalidate: () => { frame ||= requestAnimationFrame(paint); },
    stop: () => { resized.disconnect(); cancelAnimationFrame(frame); },
  };
}

// The theme's colors by name: {ink: "#1b2430", …}.
export function themeColors(element) {
  const style = getComputedStyle(element);
  const names = ["paper", "raised", "ink", "quiet", "rule", "edge", "accent", "accent-wash", "red", "green", "blue"];
  return Object.fromEntries(names.map((name) => [name, style.getPropertyValue(`--pw-${name}`).trim()]));
}

// Call back when the page or JupyterLab changes between light and dark; returns what ends it.
export function onThemeChange(callback) {
  const attributes = new MutationObserver(callback);
  attributes.observe(document.documentElement, { attributeFilter: ["data-theme"] });
  attributes.observe(document.body, { attributeFilter: ["data-jp-theme-light"] });
  return () => attributes.disconnect();
}

// Outline a cell so that it shows on any photograph: the accent inside a thin white halo.
export function outline(context, { left, top, width, height }, color, thickness = 3) {
  for (const [style, lineWidth] of [["#ffffff", thickness + 2.5], [color, thickness]]) {
    context.strokeStyle = style;
    context.lineWidth = lineWidth;
    context.strokeRect(left, top, width, height);
  }
}

// Lines of a grid: across at each of `tops`, down at each of `lefts`, light beside dark so that both kinds of ground show them.
export function gridLines(context, { tops, lefts, width, height }, strength) {
  for (const [shift, color] of [[0.5, `rgb(0 0 0 / ${0.5 * strength})`], [-0.5, `rgb(255 255 255 / ${strength})`]]) {
    context.beginPath();
    for (const top of tops) { context.moveTo(0, top + shift); context.lineTo(width, top + shift); }
    for (const left of lefts) { context.moveTo(left + shift, 0); context.lineTo(left + shift, height); }
    context.strokeStyle = color;
    context.lineWidth = 1;
    context.stroke();
  }
}

// Mouse, pen and touch: hover(x, y) or hover() when gone; choose(x, y) on press, drag and tap. A finger that scrolls the page
// chooses nothing: touch-action (in the style sheet) leaves vertical pans to the browser, which then sends no moves and no click.
export function onPointer(canvas, { hover = () => {}, choose = () => {} }) {
  const at = (event, callback) => {
    const box = canvas.getBoundingClientRect();
    callback(event.clientX - box.left, event.clientY - box.top);
  };
  canvas.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    canvas.setPointerCapture(event.pointerId);
    if (event.pointerType !== "touch") at(event, choose);
  });
  canvas.addEventListener("pointermove", (event) => {
    const pressed = (event.buttons & 1) !== 0;
    at(event, pressed && canvas.hasPointerCapture(event.pointerId) ? choose : hover);
  });
  canvas.addEventListener("click", (event) => at(event, choose));
  canvas.addEventListener("pointerleave", () => hover());
}

// Keys by name: {ArrowLeft: () => …}. The page doesn't scroll and a notebook doesn't leave its cell on a key that was used.
export function onKeys(element, keys) {
  element.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey || !(event.key in keys)) return;
    event.preventDefault();
    event.stopPropagation();
    keys[event.key]();
  });
}
