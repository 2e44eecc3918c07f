// From a hand's strokes to the 28×28 pixels that the network knows, prepared as the images of MNIST were: the drawing is
// scaled into a box of 20×20 pixels, and moved until the centre of its ink lies at pixel (14, 14).

export const SIDE = 28
const BOX = 20
const CENTRE = 14
const RADIUS = 1.3 // of the pen, in pixels of the picture: strokes of MNIST are about three pixels wide
const LARGEST = 80 // pixels for a whole pad: a dot stays small, and is not blown up into a disc

/** Ink (28·28 numbers from 0 to 1) of strokes given in pixels; a stroke is a list of points [x, y]. */
export function ink(strokes, radius = RADIUS) {
  const pixels = new Float64Array(SIDE * SIDE)
  const reach = radius + 0.5
  for (const stroke of strokes) {
    stroke.forEach(([x1, y1], n) => {
      const [x0, y0] = stroke[Math.max(n - 1, 0)]
      const [dx, dy] = [x1 - x0, y1 - y0]
      const length = dx * dx + dy * dy
      const [left, right] = span(x0, x1, reach)
      const [top, bottom] = span(y0, y1, reach)
      for (let i = top; i <= bottom; i++) {
        for (let j = left; j <= right; j++) {
          // the point of the stroke that lies nearest, as a share of the way along it
          const share = length ? Math.min(1, Math.max(0, ((j - x0) * dx + (i - y0) * dy) / length)) : 0
          const away = Math.hypot(j - x0 - share * dx, i - y0 - share * dy)
          const dark = Math.min(1, Math.max(0, reach - away))
          if (dark > pixels[i * SIDE + j]) pixels[i * SIDE + j] = dark
        }
      }
    })
  }
  return pixels
}

const span = (a, b, reach) => [
  Math.max(0, Math.ceil(Math.min(a, b) - reach)),
  Math.min(SIDE - 1, Math.floor(Math.max(a, b) + reach)),
]

/** Sum of the ink, and the place of its centre as [x, y]. */
export function centre(pixels) {
  let [sum, x, y] = [0, 0, 0]
  pixels.forEach((dark, n) => {
    sum += dark
    x += dark * (n % SIDE)
    y += dark * Math.floor(n / SIDE)
  })
  return { sum, x: x / sum, y: y / sum }
}

/** The picture (28·28 numbers from 0 to 1) of strokes given as shares of the pad, each coordinate from 0 to 1. */
export function picture(strokes) {
  const points = strokes.flat()
  if (!points.length) return new Float64Array(SIDE * SIDE)
  const [[left, right], [top, bottom]] = [0, 1].map(axis => [Math.min, Math.max].map(end => end(...points.map(point => point[axis]))))
  const scale = Math.min(LARGEST, (BOX - 1 - 2 * RADIUS) / Math.max(right - left, bottom - top, 1e-9))
  const placed = ([x, y]) =>
    strokes.map((stroke) => stroke.map(([px, py]) => [
      x + scale * (px - (left + right) / 2),
      y + scale * (py - (top + bottom) / 2),
    ]))
  let at = [CENTRE, CENTRE]
  for (let turn = 0; turn < 3; turn++) { // grey edges fall elsewhere after a move: the third look is exact enough
    const found = centre(ink(placed(at)))
    at = [at[0] + CENTRE - found.x, at[1] + CENTRE - found.y]
  }
  return ink(placed(at))
}
