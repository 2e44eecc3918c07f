// What is left of a map's likeness to itself when it moves by some pixels: plain subsampling beside pooling.
import { Explorer, Picture, choice, define, make, number, slider, unpack } from "./figure.js"
import { edges } from "./temple.js"

const { shape: [HEIGHT, STORED], values: EDGES } = unpack(edges)
const MOST = 8
const WIDTH = STORED - MOST

/** The piece of the map that is seen after a shift, HEIGHT × WIDTH numbers. */
export function piece(right) {
  const found = new Float64Array(HEIGHT * WIDTH)
  for (let i = 0; i < HEIGHT; i++) found.set(EDGES.subarray(i * STORED + right, i * STORED + right + WIDTH), i * WIDTH)
  return found
}

const WAYS = { map: "no pooling", cell: "one cell", max: "maximum", mean: "mean" }

/** One number for each window of size × size: its upper left cell, its largest, or its mean. */
export function pooled(map, size, way) {
  const [rows, columns] = [HEIGHT / size, WIDTH / size]
  const found = new Float64Array(rows * columns)
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) {
      const corner = i * size * WIDTH + j * size
      let [sum, most] = [0, -Infinity]
      for (let u = 0; u < size; u++) {
        for (let v = 0; v < size; v++) {
          const value = map[corner + u * WIDTH + v]
          sum += value
          if (value > most) most = value
        }
      }
      found[i * columns + j] = way === "max" ? most : way === "mean" ? sum / size / size : map[corner]
    }
  }
  return found
}

/** Correlation of two lists of numbers: 1 if they are alike, about 0 if they have nothing in common. */
export function agreement(first, second) {
  const mean = list => list.reduce((sum, one) => sum + one, 0) / list.length
  const [a, b] = [mean(first), mean(second)]
  let [both, one, other] = [0, 0, 0]
  for (let place = 0; place < first.length; place++) {
    const [x, y] = [first[place] - a, second[place] - b]
    both += x * y
    one += x * x
    other += y * y
  }
  return both / Math.sqrt(one * other)
}

define("shift", class extends Explorer {
  begin() {
    return { right: 1, size: 2 }
  }

  build() {
    this.table = make("div", { class: "shift-table" })
    this.stage.append(this.table)
    this.size = choice("windows", { 2: "2×2", 4: "4×4", 8: "8×8" }, size => this.go({ size: Number(size) }))
    this.slider = slider("shift", { min: 0, max: MOST, value: 1, change: right => this.go({ right }) })
    this.controls(this.size, this.slider)
  }

  /** The pictures have a pixel for each number; they are made anew for windows of another size. */
  pictures(size) {
    if (this.made === size) return
    this.made = size
    const sizes = Object.keys(WAYS).map(way => way === "map" ? 1 : size)
    const row = shifted => Object.keys(WAYS).map((way, place) => new Picture(way, HEIGHT / sizes[place], WIDTH / sizes[place]))
    this.before = row()
    this.after = row()
    this.told = Object.keys(WAYS).map(() => make("output", { class: "shift-told" }))
    const label = text => make("div", { class: "shift-label" }, text)
    this.table.replaceChildren(
      label(""), ...Object.values(WAYS).map(label),
      label("before"), ...this.before.map(({ node }) => node),
      label("shifted"), ...this.after.map(({ node }) => node),
      label("agreement"), ...this.told)
  }

  draw() {
    const { right, size } = this.state
    this.pictures(size)
    this.size.value = String(size)
    this.slider.value = right
    const [still, moved] = [piece(0), piece(right)]
    this.agreements = Object.entries(WAYS).map(([way, name], place) => {
      const side = way === "map" ? 1 : size
      const maps = [still, moved].map(map => pooled(map, side, way))
      const found = agreement(...maps)
      for (const [picture, map, when] of [[this.before[place], maps[0], "before"], [this.after[place], maps[1], "shifted"]]) {
        picture.paint((i, j) => Math.round(map[i * WIDTH / side + j]))
        picture.node.setAttribute("aria-label", `${name}, ${when}`)
      }
      this.told[place].textContent = number(found)
      return [name, found]
    })
  }

  sentence() {
    const { right, size } = this.state
    const told = this.agreements.map(([name, found]) => `${name} ${number(found)}`)
    return `Moved by ${right} pixel${right === 1 ? "" : "s"}, the map of ${HEIGHT}·${WIDTH} = ${HEIGHT * WIDTH} numbers agrees with itself as follows. ${told[0][0].toUpperCase()}${told[0].slice(1)}; windows of ${size}×${size}, ${HEIGHT * WIDTH} / ${size * size} = ${HEIGHT * WIDTH / size / size} numbers: ${told.slice(1).join(", ")}.`
  }
})
