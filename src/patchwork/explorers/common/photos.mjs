// Photographs: base64 JPEG, PNG or WebP ↔ pixels, and a reader's own picture, which never leaves the page.

import { grayPicture, pixelCanvas } from "./canvas.mjs";

function pixelsOf(bitmap, width, height, draw) {
  const canvas = document.createElement("canvas");
  Object.assign(canvas, { width, height });
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.imageSmoothingQuality = "high";
  draw(context);
  bitmap.close();
  return { canvas, pixels: context.getImageData(0, 0, width, height).data };
}

export async function decodePhoto(base64) {
  const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  const type = { iVBOR: "image/png", UklGR: "image/webp" }[base64.slice(0, 5)] ?? "image/jpeg";
  const bitmap = await createImageBitmap(new Blob([bytes], { type }), { colorSpaceConversion: "none" });
  const { width, height } = bitmap;
  const { pixels } = pixelsOf(bitmap, width, height, (context) => context.drawImage(bitmap, 0, 0));
  return { width, height, pixels, canvas: pixelCanvas(pixels, width, height) };
}

// Read a file upright, cut its middle to the shape asked for, scale it, lay transparency on white; the result is a
// base64 JPEG.
export async function readOwnPhoto(file, width, height = width) {
  let bitmap;
  try {
    bitmap = await createImageBitmap(file, { imageOrientation: "from-image" });
  } catch {
    throw new Error(`“${file.name}” is not a picture this browser can read. Try a JPEG, PNG or WebP file.`);
  }
  const scale = Math.min(bitmap.width / width, bitmap.height / height),
    [wide, high] = [width * scale, height * scale];
  const [left, top] = [(bitmap.width - wide) / 2, (bitmap.height - high) / 2];
  const { canvas } = pixelsOf(bitmap, width, height, (context) => {
    context.fillStyle = "#ffffff";
    context.fillRect(0, 0, width, height);
    context.drawImage(bitmap, left, top, wide, high, 0, 0, width, height);
  });
  return canvas.toDataURL("image/jpeg", 0.9).split(",")[1];
}

// A photograph in gray, as Pillow's mode L has it: exactly, where it is gray already.
export async function decodeGray(base64) {
  const { width, height, pixels } = await decodePhoto(base64),
    gray = new Float64Array(width * height),
    size = [height, width];
  for (let pixel = 0, from = 0; pixel < gray.length; pixel++, from += 4)
    gray[pixel] = ((19595 * pixels[from] + 38470 * pixels[from + 1] + 7471 * pixels[from + 2] + 32768) >> 16) / 255;
  return { gray, size, picture: grayPicture(gray, size) };
}

// A reader's own as readOwnPhoto cuts it, in gray, as a base64 PNG: its numbers stay what they are.
export async function readOwnGray(file, width, height) {
  const { picture } = await decodeGray(await readOwnPhoto(file, width, height));
  return picture.toDataURL("image/png").split(",")[1];
}
