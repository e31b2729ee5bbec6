// From a weight to a colour. The ends of the scales come from the style sheet, for light and dark.

let scales = null;

function readScales() {
  const style = getComputedStyle(document.documentElement);
  const colour = (name) => {
    const hex = style.getPropertyValue(name).trim();
    return [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
  };
  scales = {
    weight: ["--none", "--some", "--all"].map(colour),
    difference: ["--less", "--same", "--more"].map(colour),
  };
}

// The square root lets small weights be seen, the same in every head; a difference is measured
// against the largest in view.
function colour(value, most) {
  const place = isDifference()
    ? 0.5 + value / (most || 1) / 2
    : Math.sqrt(Math.min(Math.max(value, 0), 1));
  return between(isDifference() ? scales.difference : scales.weight, place);
}

function between([low, middle, high], place) {
  const [from, to] = place < 0.5 ? [low, middle] : [middle, high];
  const share = place < 0.5 ? place * 2 : place * 2 - 1;
  return from.map((start, i) => Math.round(start + (to[i] - start) * share));
}

const css = (rgb) => `rgb(${rgb.join(" ")})`;

// Black or white, whichever is read more easily on a colour (WCAG's relative luminance).
function inkOn(rgb) {
  const [r, g, b] = rgb.map((part) => (part / 255) ** 2.2);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.179 ? "#000000" : "#ffffff";
}

// A map as a picture of one dot a weight.
function paint(canvas, values, columns, most) {
  canvas.width = columns;
  canvas.height = values.length / columns;
  const context = canvas.getContext("2d");
  const image = context.createImageData(canvas.width, canvas.height);
  values.forEach((value, i) => image.data.set([...colour(value, most), 255], i * 4));
  context.putImageData(image, 0, 0);
}

function drawLegend(most) {
  const places = Array.from({ length: 160 }, (_, i) => i / 159);
  const values = places.map((p) => (isDifference() ? (p * 2 - 1) * most : p * p));
  paint(document.getElementById("scale"), values, 160, most);
  const marks = isDifference() ? [-most, 0, most] : [0, 0.25, 1];
  ["low", "middle", "high"].forEach((end, i) => {
    const shown = isDifference() ? number(marks[i]) : String(marks[i]);
    document.getElementById(`scale-${end}`).textContent = shown;
  });
}
