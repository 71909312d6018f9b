// What every explorer's canvas needs: sharp pixels, heat, a halo, pointer and keys.

const CIVIDIS = `
  00224d 002554 00285b 002a62 002d69 003070 043270 11356f 1a386f 213b6e 273d6d 2c406d 31436c 36466c 3a486b 3f4b6b 434e6b
  47516b 4b546c 4e566c 52596c 565c6d 595f6d 5d616e 61646f 64676f 686a70 6b6d71 6e7073 727374 757575 797877 7c7b78 7f7d78
  838078 868378 8a8678 8e8978 928c77 968f77 9a9376 9e9675 a29974 a69c73 aa9f72 aea271 b2a66f b6a96e baac6c beb06a c3b368
  c7b666 cbba64 cfbd61 d4c15e d8c45b dcc858 e1cc54 e5cf50 ead34c eed747 f3da42 f8de3b fde234 fde737`
  .trim()
  .split(/\s+/)
  .map((hex) => [0, 2, 4].map((start) => parseInt(hex.slice(start, start + 2), 16)));

export const DARK = "#1b2430"; // lines and words on photographs, in either theme

// A color's red, green and blue, from #rrggbb or rgb(…).
export const channels = (color) =>
  color.startsWith("#")
    ? [1, 3, 5].map((start) => parseInt(color.slice(start, start + 2), 16))
    : color.match(/\d+/g).slice(0, 3).map(Number);

// Heat: 0 … 1 as [red, green, blue] bytes, matplotlib's cividis to within 3 of 255 levels.
export function cividis(value) {
  const position = Math.min(Math.max(value, 0), 1) * (CIVIDIS.length - 1),
    low = Math.min(Math.floor(position), CIVIDIS.length - 2);
  return CIVIDIS[low].map((from, channel) => Math.round(from + (position - low) * (CIVIDIS[low + 1][channel] - from)));
}

// RGBA bytes as a canvas, to be drawn at any size.
export function pixelCanvas(pixels, width, height) {
  const canvas = document.createElement("canvas");
  Object.assign(canvas, { width, height });
  canvas.getContext("2d").putImageData(new ImageData(pixels, width, height), 0, 0);
  return canvas;
}

// RGBA bytes of rows × columns pixels, written one whole pixel at a time: words[pixel] = packed([red, green, blue]).
export function blankPixels(rows, columns) {
  const pixels = new Uint8ClampedArray(4 * rows * columns);
  return { words: new Uint32Array(pixels.buffer), done: () => pixelCanvas(pixels, columns, rows) };
}
export const packed = ([red, green, blue]) => (255 << 24) | (blue << 16) | (green << 8) | red;

// Numbers from 0 to 1, row by row, as gray pixels; those outside are black or white.
export function grayPicture(levels, [rows, columns]) {
  const { words, done } = blankPixels(rows, columns);
  for (let pixel = 0; pixel < words.length; pixel++) {
    const gray = Math.round(255 * Math.min(Math.max(levels[pixel], 0), 1));
    words[pixel] = packed([gray, gray, gray]);
  }
  return done();
}

// Keep a canvas drawn: draw(context, width, height) in CSS pixels, at most once a frame, and whenever it changes size.
// paintNow doesn't wait for a frame: on the way to paper there is none.
export function surface(canvas, draw) {
  const context = canvas.getContext("2d");
  let frame = 0;
  function paint() {
    cancelAnimationFrame(frame);
    frame = 0;
    const { clientWidth: width, clientHeight: height } = canvas,
      ratio = window.devicePixelRatio || 1;
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
    paintNow: paint,
    invalidate: () => {
      frame ||= requestAnimationFrame(paint);
    },
    stop: () => {
      resized.disconnect();
      cancelAnimationFrame(frame);
    },
  };
}

// Outline a cell so that it shows on any photograph, also at its edge: the accent inside a white halo inside a dark
// hairline.
export function outline(context, cell, color, thickness = 3) {
  const { clientWidth, clientHeight } = context.canvas,
    edge = thickness / 2 + 1;
  const [left, top] = [Math.max(cell.left, edge), Math.max(cell.top, edge)];
  const width = Math.min(cell.left + cell.width, clientWidth - edge) - left,
    height = Math.min(cell.top + cell.height, clientHeight - edge) - top;
  for (const [style, lineWidth] of [
    [DARK, thickness + 4],
    ["#ffffff", thickness + 2.5],
    [color, thickness],
  ]) {
    context.strokeStyle = style;
    context.lineWidth = lineWidth;
    context.strokeRect(left, top, width, height);
  }
}

// Where the lines between `count` cells of a pitch run.
export const between = (count, pitch) => Array.from({ length: count - 1 }, (_, line) => (line + 1) * pitch);

// Lines of a grid: across at each of `tops`, down at each of `lefts`, light beside dark so that both kinds of ground
// show them.
export function gridLines(context, { tops, lefts, width, height }, strength) {
  for (const [shift, color] of [
    [0.5, `rgb(0 0 0 / ${0.5 * strength})`],
    [-0.5, `rgb(255 255 255 / ${strength})`],
  ]) {
    context.beginPath();
    for (const top of tops) {
      context.moveTo(0, top + shift);
      context.lineTo(width, top + shift);
    }
    for (const left of lefts) {
      context.moveTo(left + shift, 0);
      context.lineTo(left + shift, height);
    }
    context.strokeStyle = color;
    context.lineWidth = 1;
    context.stroke();
  }
}

const placeWithin = (canvas, { clientX, clientY }) => {
  const { left, top } = canvas.getBoundingClientRect();
  return [clientX - left, clientY - top];
};

// Whether a finger has moved far enough to mean it, and more to the side than up or down.
function isSideways(from, to) {
  const right = Math.abs(to.clientX - from.clientX),
    down = Math.abs(to.clientY - from.clientY);
  return right > 8 && right > down;
}

// Mouse, pen and touch: hover(x, y), or hover() when gone; choose(x, y) on press, drag and tap. A finger that scrolls
// the page chooses nothing: touch-action (in the style sheet) leaves upward pans to the browser, and only a sideways
// drag counts here.
export function onPointer(canvas, { hover = () => {}, choose = () => {} }) {
  let from = null,
    dragging = false;
  const tell = (event, callback) => callback(...placeWithin(canvas, event));
  canvas.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    canvas.setPointerCapture(event.pointerId);
    from = event;
    dragging = event.pointerType !== "touch";
    if (dragging) tell(event, choose);
  });
  canvas.addEventListener("pointermove", (event) => {
    dragging ||= from !== null && isSideways(from, event);
    if (dragging) tell(event, choose);
    else if (from === null) tell(event, hover);
  });
  for (const end of ["pointerup", "pointercancel"])
    canvas.addEventListener(end, () => {
      from = null;
      dragging = false;
    });
  canvas.addEventListener("click", (event) => tell(event, choose));
  canvas.addEventListener("pointerleave", () => hover());
}

// Mouse, pen and touch that draw: press(x, y) where a stroke begins, draw(x, y) along it; a tap is a stroke too. A
// finger that scrolls the page draws nothing, as above: a stroke begins sideways, then it may go anywhere.
export function onStroke(canvas, { press, draw, hover }) {
  let from = null,
    drawing = false,
    drawn = false;
  const tell = (event, callback) => callback(...placeWithin(canvas, event));
  const begin = (event) => {
    drawing = drawn = true;
    tell(event, press);
  };
  canvas.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    canvas.setPointerCapture(event.pointerId);
    from = event;
    drawn = false;
    if (event.pointerType !== "touch") begin(event);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (from === null) return tell(event, hover);
    if (!drawing && isSideways(from, event)) begin(from);
    if (drawing) tell(event, draw);
  });
  for (const end of ["pointerup", "pointercancel"])
    canvas.addEventListener(end, () => {
      from = null;
      drawing = false;
    });
  canvas.addEventListener("click", (event) => {
    if (!drawn) tell(event, press);
  });
  canvas.addEventListener("pointerleave", () => hover());
}

// A row that slides under a mark: a drag moves it, drag(distance) since grab(); a press that stays is tap(x).
export function onSlide(canvas, { hover, grab, drag, tap }) {
  let from = null,
    dragged = false;
  canvas.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    canvas.setPointerCapture(event.pointerId);
    from = event.clientX;
    dragged = false;
    grab();
  });
  canvas.addEventListener("pointermove", (event) => {
    if (from === null) return hover(event.offsetX);
    dragged ||= Math.abs(event.clientX - from) > 6;
    if (dragged) drag(event.clientX - from);
  });
  for (const end of ["pointerup", "pointercancel"])
    canvas.addEventListener(end, () => {
      from = null;
    });
  canvas.addEventListener("click", (event) => {
    if (!dragged) tap(event.offsetX);
  });
  canvas.addEventListener("pointerleave", () => hover());
}

// Keys by name: {ArrowLeft: () => …}. The page doesn't scroll on a key that was used, nor on Space.
export function onKeys(element, keys) {
  element.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey || !(event.key in keys || event.key === " ")) return;
    event.preventDefault();
    keys[event.key]?.();
  });
}

// A notebook takes single keys for commands: a inserts a cell, x cuts one. None that is typed in here reaches it.
export function keepKeys(root) {
  root.addEventListener("keydown", (event) => {
    if (!event.altKey && !event.ctrlKey && !event.metaKey) event.stopPropagation();
  });
}

// A grid drawn over the whole canvas: how wide and high its cells are, and where each is.
export function gridCells([rows, columns], width, height) {
  const wide = width / columns,
    high = height / rows;
  const cell = (place) => ({
    left: (place % columns) * wide,
    top: Math.floor(place / columns) * high,
    width: wide,
    height: high,
  });
  return { wide, high, cell };
}

// The place of such a grid at (x, y).
export function gridPlace(x, y, { clientWidth: width, clientHeight: height }, [rows, columns]) {
  const along = (position, length, count) => Math.min(Math.max(Math.floor((position / length) * count), 0), count - 1);
  return along(y, height, rows) * columns + along(x, width, columns);
}

// Arrow keys move within a grid, and stay in it; Home and End jump.
export function walkGrid(canvas, { grid, now, go }) {
  const step = (by) => () => {
    const [rows, columns] = grid();
    go(Math.min(Math.max(now() + by, 0), rows * columns - 1));
  };
  const jump = (by) => () => {
    const [rows, columns] = grid(),
      next = now() + by * columns;
    if (next >= 0 && next < rows * columns) go(next);
  };
  onKeys(canvas, {
    ArrowLeft: step(-1),
    ArrowRight: step(1),
    ArrowUp: jump(-1),
    ArrowDown: jump(1),
    Home: () => go(0),
    End: () => go(grid()[0] * grid()[1] - 1),
  });
}

// The borders between regions, where these are known.
export function drawBorders(context, edges, labels, { cell }) {
  const lines = new Path2D();
  for (const [patch, other] of edges) {
    if (labels[patch] === labels[other]) continue;
    const { left, top, width, height } = cell(patch);
    if (other === patch + 1) {
      lines.moveTo(left + width, top);
      lines.lineTo(left + width, top + height);
    } else {
      lines.moveTo(left, top + height);
      lines.lineTo(left + width, top + height);
    }
  }
  for (const [strokeStyle, lineWidth] of [
    ["rgb(0 0 0 / 0.55)", 3],
    ["#ffffff", 1.25],
  ]) {
    Object.assign(context, { strokeStyle, lineWidth, lineCap: "square" });
    context.stroke(lines);
  }
}
