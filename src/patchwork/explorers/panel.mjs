// What a live panel's own widgets leave out: a name on each slider's handle, and single keys kept from the notebook.

import { keepKeys } from "./common/canvas.mjs";

// ipywidgets writes a slider's name beside it, tied to nothing.
function nameSliders(panel) {
  for (const slider of panel.querySelectorAll(".widget-slider")) {
    const name = slider.querySelector(".widget-label")?.textContent;
    slider.querySelector("[role=slider]")?.setAttribute("aria-label", name);
    const readout = slider.querySelector(".widget-readout");
    for (const [attribute, value] of [
      ["role", "textbox"],
      ["aria-label", `${name}, as a number`],
    ])
      readout?.setAttribute(attribute, value);
  }
}

function render({ el }) {
  let frame = 0,
    watch = null;
  el.hidden = true;
  const start = () => {
    const panel = el.closest(".pw-live-panel");
    if (!panel) {
      frame = requestAnimationFrame(start);
      return;
    } // not in the page yet
    keepKeys(panel);
    nameSliders(panel);
    watch = new MutationObserver(() => nameSliders(panel));
    watch.observe(panel, { childList: true, subtree: true });
  };
  start();
  return () => {
    cancelAnimationFrame(frame);
    watch?.disconnect();
  };
}

export default { render };
