// The forward kernels of the course for one image, as the explorers of trained networks need them. A volume is
// { shape: [H, W, C], data }, channels last, and filters are { shape: [Fh, Fw, C, K], data }, as in the chapters.

/** A volume of zeros, or of the given numbers in reading order. */
export const volume = (shape, data) => ({
  shape,
  data: data ?? new Float64Array(shape.reduce((product, size) => product * size, 1)),
})

/** conv2d of chapter 4 at stride 1: every window times every filter, plus the filter's bias. */
export function conv2d(x, w, b, padding = 0) {
  const [H, W, C] = x.shape
  const [Fh, Fw, , K] = w.shape
  const out = volume([H + 2 * padding - Fh + 1, W + 2 * padding - Fw + 1, K])
  const [rows, columns] = out.shape
  const sums = new Float64Array(K)
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) {
      sums.set(b)
      for (let u = 0; u < Fh; u++) {
        const y = i + u - padding
        if (y < 0 || y >= H) continue
        for (let v = 0; v < Fw; v++) {
          const z = j + v - padding
          if (z < 0 || z >= W) continue
          for (let c = 0; c < C; c++) {
            const pixel = x.data[(y * W + z) * C + c]
            if (pixel === 0) continue
            const first = ((u * Fw + v) * C + c) * K
            for (let k = 0; k < K; k++) sums[k] += pixel * w.data[first + k]
          }
        }
      }
      out.data.set(sums, (i * columns + j) * K)
    }
  }
  return out
}

/** max(0, x), entry by entry. */
export const relu = (x) => volume(x.shape, x.data.map((value) => Math.max(0, value)))

/** max_pool2d of chapter 5 with windows that tile the map; a ragged edge is kept if asked for, else dropped. */
export function maxPool2d(x, size, ragged = false) {
  const [H, W, C] = x.shape
  const count = length => Math[ragged ? "ceil" : "floor"](length / size)
  const out = volume([count(H), count(W), C])
  out.data.fill(-Infinity)
  for (let i = 0; i < Math.min(H, out.shape[0] * size); i++) {
    for (let j = 0; j < Math.min(W, out.shape[1] * size); j++) {
      const to = (Math.floor(i / size) * out.shape[1] + Math.floor(j / size)) * C
      const from = (i * W + j) * C
      for (let c = 0; c < C; c++) out.data[to + c] = Math.max(out.data[to + c], x.data[from + c])
    }
  }
  return out
}

/** A linear layer on the numbers of a volume in reading order, which is flatten: x (D), w { [D, M] }, b (M). */
export function linear(x, w, b) {
  const M = b.length
  const out = Float64Array.from(b)
  x.data.forEach((value, d) => {
    if (value !== 0) for (let m = 0; m < M; m++) out[m] += value * w.data[d * M + m]
  })
  return volume([M], out)
}

/** Probabilities of logits, shifted by the largest, so that no power overflows. */
export function softmax(logits) {
  const largest = Math.max(...logits)
  const powers = Array.from(logits, (z) => Math.exp(z - largest))
  const total = powers.reduce((sum, power) => sum + power, 0)
  return powers.map((power) => power / total)
}
